//! Format specifications: `[[fill]align][sign][#][0][width][,][.precision][type]`.

use std::sync::Arc;

use num_bigint::{BigInt, Sign};

use super::float::{self, MAX_PRECISION, Style};
use crate::{
    expr::jinja::{
        budget::MAX_OUTPUT,
        error::{Error, Result},
        operators::Number,
        render::Run,
        value::Value,
    },
    pytext,
};

/// `format(value, spec)`.
pub(super) fn format_value(value: &Value, spec: &str, run: &mut Run) -> Result<Arc<str>> {
    if spec.is_empty() {
        return run.text(value);
    }
    let text = match (value, Number::of(value)) {
        (Value::Str(text) | Value::Markup(text), _) => {
            Spec::parse(spec, "str")?.text(text, value.type_name())
        }
        (_, Some(Number::Float(float))) => Spec::parse(spec, "float")?.float(float, "float"),
        (_, Some(number)) => {
            let kind = value.type_name();
            let spec = Spec::parse(spec, kind)?;
            match (spec.kind, number.integer()) {
                (Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'), Some(int)) => {
                    spec.float(crate::expr::jinja::operators::float_of(&int)?, kind)
                }
                (_, Some(int)) => spec.integer(&int, kind),
                (_, None) => return run.text(value),
            }
        }
        _ => {
            let kind = value.type_name();
            Err(Error::of_type(format!("unsupported format string passed to {kind}.__format__")))
        }
    }?;
    run.budget.make_text(text.len())?;
    Ok(text.into())
}

/// How to write one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) fill: char,
    pub(super) align: Option<char>,
    pub(super) sign: Option<char>,
    pub(super) without_negative_zero: bool,
    pub(super) alternate: bool,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            fill: ' ',
            align: None,
            sign: None,
            without_negative_zero: false,
            alternate: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        }
    }
}

/// A number in the specification.
fn number(chars: &[char], at: &mut usize) -> Result<Option<usize>> {
    let begin = *at;
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    if begin == *at {
        return Ok(None);
    }
    let digits: String = chars[begin..*at].iter().collect();
    let value = digits.parse().ok().filter(|value| *value <= MAX_OUTPUT);
    value.map(Some).ok_or_else(|| Error::of_value("Too many decimal digits in format string"))
}

/// A format code as messages show it.
fn shown(kind: char) -> String {
    if kind.is_ascii_graphic() { kind.to_string() } else { format!("\\x{:x}", u32::from(kind)) }
}

impl Spec {
    fn parse(spec: &str, kind: &str) -> Result<Self> {
        let invalid =
            || Error::of_value(format!("Invalid format specifier '{spec}' for object of type '{kind}'"));
        let chars: Vec<char> = spec.chars().collect();
        let is_align = |at: usize| chars.get(at).is_some_and(|c| matches!(c, '<' | '>' | '=' | '^'));
        let mut parsed = Self::default();
        let mut at = 0;
        let has_fill = is_align(1);
        if has_fill {
            parsed.fill = chars[0];
            parsed.align = Some(chars[1]);
            at = 2;
        } else if is_align(0) {
            parsed.align = Some(chars[0]);
            at = 1;
        }
        if let Some(sign @ ('+' | '-' | ' ')) = chars.get(at) {
            parsed.sign = Some(*sign);
            at += 1;
        }
        let flag = |c: char, at: &mut usize| {
            let found = chars.get(*at) == Some(&c);
            *at += usize::from(found);
            found
        };
        parsed.without_negative_zero = flag('z', &mut at);
        parsed.alternate = flag('#', &mut at);
        if !has_fill && flag('0', &mut at) {
            parsed.fill = '0';
            // Text has no sign to put the zeros behind.
            if parsed.align.is_none() && kind != "str" {
                parsed.align = Some('=');
            }
        }
        parsed.width = number(&chars, &mut at)?.unwrap_or(0);
        let both = || Error::of_value("Cannot specify both ',' and '_'.");
        if flag(',', &mut at) {
            parsed.grouping = Some(',');
        }
        if flag('_', &mut at) {
            if parsed.grouping.is_some() {
                return Err(both());
            }
            parsed.grouping = Some('_');
            if chars.get(at) == Some(&',') {
                return Err(both());
            }
        }
        if flag('.', &mut at) {
            let missing = || Error::of_value("Format specifier missing precision");
            parsed.precision = Some(number(&chars, &mut at)?.ok_or_else(missing)?);
        }
        match chars.get(at..).unwrap_or_default() {
            [] => {}
            [kind] => parsed.kind = Some(*kind),
            _ => return Err(invalid()),
        }
        parsed.check_grouping(kind)?;
        Ok(parsed)
    }

    /// Only plain numbers are grouped, and those of other bases by `_` alone.
    fn check_grouping(&self, object: &str) -> Result<()> {
        let Some(grouping) = self.grouping else { return Ok(()) };
        let kind = self.kind.unwrap_or(if object == "str" { 's' } else { 'd' });
        let fits = matches!(kind, 'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F')
            || (grouping == '_' && matches!(kind, 'b' | 'o' | 'x' | 'X'));
        if fits {
            return Ok(());
        }
        Err(Error::of_value(format!("Cannot specify '{grouping}' with '{}'.", shown(kind))))
    }

    // ── text ────────────────────────────────────────────────────────────────────────────────

    pub(super) fn text(self, text: &str, object: &str) -> Result<String> {
        if self.kind.is_some_and(|kind| kind != 's') {
            return Err(self.unknown(object));
        }
        if self.sign.is_some() {
            return Err(Error::of_value(if self.sign == Some(' ') {
                "Space not allowed in string format specifier"
            } else {
                "Sign not allowed in string format specifier"
            }));
        }
        if self.without_negative_zero {
            return Err(Error::of_value("Negative zero coercion (z) not allowed in string format specifier"));
        }
        if self.alternate {
            return Err(Error::of_value("Alternate form (#) not allowed in string format specifier"));
        }
        if self.align == Some('=') {
            return Err(Error::of_value("'=' alignment not allowed in string format specifier"));
        }
        let end =
            self.precision.and_then(|count| text.char_indices().nth(count)).map_or(text.len(), |(at, _)| at);
        Ok(self.padded("", "", &text[..end], '<'))
    }

    fn unknown(self, object: &str) -> Error {
        let kind = shown(self.kind.unwrap_or(' '));
        Error::of_value(format!("Unknown format code '{kind}' for object of type '{object}'"))
    }

    /// Sign, prefix and digits, filled up to the width.
    fn padded(self, sign: &str, prefix: &str, body: &str, default_align: char) -> String {
        let length = (sign.len() + prefix.len()) + body.chars().count();
        let missing = self.width.saturating_sub(length);
        let fill = |count: usize| self.fill.to_string().repeat(count);
        match self.align.unwrap_or(default_align) {
            '<' => format!("{sign}{prefix}{body}{}", fill(missing)),
            '^' => format!("{}{sign}{prefix}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
            '=' => format!("{sign}{prefix}{}{body}", fill(missing)),
            _ => format!("{}{sign}{prefix}{body}", fill(missing)),
        }
    }

    fn sign_text(self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        }
    }

    // ── numbers ─────────────────────────────────────────────────────────────────────────────

    pub(super) fn integer(self, int: &BigInt, object: &str) -> Result<String> {
        let kind = self.kind.unwrap_or('d');
        let (radix, prefix) = match kind {
            'd' | 'n' | 'c' => (10, ""),
            'b' => (2, "0b"),
            'o' => (8, "0o"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => return Err(self.unknown(object)),
        };
        if self.precision.is_some() {
            return Err(Error::of_value("Precision not allowed in integer format specifier"));
        }
        if self.without_negative_zero {
            return Err(Error::of_value(
                "Negative zero coercion (z) not allowed in integer format specifier",
            ));
        }
        if kind == 'c' {
            return self.character(int);
        }
        let mut digits = if radix == 10 {
            crate::expr::jinja::value::big_text(int)?.trim_start_matches('-').to_owned()
        } else {
            int.magnitude().to_str_radix(radix)
        };
        if kind == 'X' {
            digits.make_ascii_uppercase();
        }
        let sign = self.sign_text(int.sign() == Sign::Minus);
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.number(sign, prefix, &digits, if radix == 10 { 3 } else { 4 }))
    }

    fn character(self, int: &BigInt) -> Result<String> {
        if self.sign.is_some() {
            return Err(Error::of_value("Sign not allowed with integer format specifier 'c'"));
        }
        if self.alternate {
            return Err(Error::of_value("Alternate form (#) not allowed with integer format specifier 'c'"));
        }
        let code = u32::try_from(int).ok().and_then(char::from_u32);
        let code = code.ok_or_else(|| {
            Error::new(crate::expr::jinja::error::Class::OverflowError, "%c arg not in range(0x110000)")
        })?;
        Ok(self.padded("", "", &code.to_string(), '>'))
    }

    pub(super) fn float(self, value: f64, object: &str) -> Result<String> {
        if self.kind == Some('r') {
            return Err(self.unknown(object));
        }
        let kind = self.kind.unwrap_or('r');
        let form = match kind.to_ascii_lowercase() {
            'e' => 'e',
            'f' | '%' => 'f',
            'g' | 'r' => 'g',
            'n' if kind == 'n' => 'g',
            _ => return Err(self.unknown(object)),
        };
        let percent = kind == '%';
        let value = if percent { value * 100.0 } else { value };
        let mut text = match (float::special(value), self.precision) {
            (Some(word), _) => word.to_owned(),
            (None, None) if kind == 'r' => {
                let text = pytext::float_repr(value.abs());
                // The point that `#` asks for is only missing before an exponent.
                if self.alternate && !text.contains('.') { text.replacen('e', ".e", 1) } else { text }
            }
            (None, precision) => {
                let precision = precision.unwrap_or(6);
                if precision > MAX_PRECISION {
                    return Err(Error::of_value("precision too big"));
                }
                float::magnitude(
                    value,
                    Style { form, precision, alternate: self.alternate, keep_point: kind == 'r' },
                )
            }
        };
        if kind.is_ascii_uppercase() {
            text.make_ascii_uppercase();
        }
        let is_zero =
            self.without_negative_zero && !text.contains(|c: char| matches!(c, '1'..='9' | 'n' | 'N'));
        let sign = self.sign_text(value.is_sign_negative() && !value.is_nan() && !is_zero);
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = text.split_at(split);
        let rest = if percent { format!("{rest}%") } else { rest.to_owned() };
        if whole.is_empty() {
            return Ok(self.padded(sign, "", &rest, '>'));
        }
        // The fraction takes part in the width, but is never grouped.
        let inner = Self { width: self.width.saturating_sub(rest.chars().count()), ..self };
        if self.align == Some('=') || self.grouping.is_some() {
            let number = Self { width: if self.is_zero_filled() { inner.width } else { 0 }, ..inner }
                .number(sign, "", whole, 3);
            let (sign, digits) = number.split_at(sign.len());
            return Ok(self.padded(sign, "", &format!("{digits}{rest}"), '>'));
        }
        Ok(self.padded(sign, "", &format!("{whole}{rest}"), '>'))
    }

    fn is_zero_filled(self) -> bool {
        self.fill == '0' && self.align == Some('=')
    }

    /// Digits in groups; zeros that fill up to the width are grouped like digits.
    fn number(self, sign: &str, prefix: &str, digits: &str, group: usize) -> String {
        let Some(separator) = self.grouping else {
            return self.padded(sign, prefix, digits, '>');
        };
        let mut digits = digits.to_owned();
        if self.is_zero_filled() {
            let room = self.width.saturating_sub(sign.len() + prefix.len());
            // A separator never stands in front: where only it would fit, a digit goes before it.
            let mut count = digits.len();
            while count + (count - 1) / group < room {
                count += 1;
            }
            digits = format!("{}{digits}", "0".repeat(count - digits.len()));
        }
        let mut grouped = String::with_capacity(digits.len() * 4 / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(group) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        self.padded(sign, prefix, &grouped, '>')
    }
}
