//! `'…%s…' % values`.

use std::sync::Arc;

use super::float::{self, MAX_PRECISION, Style};
use crate::expr::jinja::{
    budget::MAX_OUTPUT,
    error::{Class, Error, Result},
    filters::html,
    operators::Number,
    render::Run,
    value::{self, Key, Value},
};

/// The template with the values in their places.
pub(in super::super) fn percent(template: &Value, values: &Value, run: &mut Run) -> Result<Value> {
    let Some(text) = template.as_str() else { return Err(Error::of_type("a text is required")) };
    let escapes = matches!(template, Value::Markup(_));
    let mut writer = Writer { run, values: Values::of(values), out: String::new(), escapes };
    writer.write(text)?;
    writer.finish()?;
    let out = writer.out;
    Ok(if escapes { Value::Markup(out.into()) } else { Value::str(out) })
}

/// What the template takes its values from.
struct Values {
    all: Value,
    /// By position, with the number of those used.
    positional: Vec<Value>,
    used: usize,
    /// Whether values can be taken by key.
    is_mapping: bool,
    by_key: bool,
}

impl Values {
    fn of(values: &Value) -> Self {
        let positional = match values {
            Value::Tuple(tuple) => tuple.items().to_vec(),
            other => vec![other.clone()],
        };
        let is_mapping = match values {
            Value::Dict(_) | Value::List(_) | Value::Range(_) | Value::Bytes(_) | Value::Undefined(_) => true,
            Value::Object(object) => object.type_name().ends_with("Lookup"),
            _ => false,
        };
        Self { all: values.clone(), positional, used: 0, is_mapping, by_key: false }
    }

    fn next(&mut self) -> Result<Value> {
        let value = if self.by_key { None } else { self.positional.get(self.used).cloned() };
        self.used += 1;
        value.ok_or_else(|| Error::of_type("not enough arguments for format string"))
    }
}

/// One `%…` of the template.
#[derive(Default)]
struct Directive {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

struct Writer<'a, 'h> {
    run: &'a mut Run<'h>,
    values: Values,
    out: String,
    escapes: bool,
}

impl Writer<'_, '_> {
    fn write(&mut self, template: &str) -> Result<()> {
        let chars: Vec<char> = template.chars().collect();
        self.run.budget.pay_items(chars.len() / 16)?;
        let mut at = 0;
        while at < chars.len() {
            if chars[at] != '%' {
                self.out.push(chars[at]);
                at += 1;
                continue;
            }
            at += 1;
            self.directive(&chars, &mut at)?;
            self.run.budget.make_text(self.out.len().min(MAX_OUTPUT + 1))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let values = &self.values;
        if !values.is_mapping && !values.by_key && values.used < values.positional.len() {
            return Err(Error::of_type("not all arguments converted during string formatting"));
        }
        Ok(())
    }

    fn directive(&mut self, chars: &[char], at: &mut usize) -> Result<()> {
        let incomplete = || Error::of_value("incomplete format");
        if chars.get(*at) == Some(&'%') {
            *at += 1;
            self.out.push('%');
            return Ok(());
        }
        let mut keyed = None;
        if chars.get(*at) == Some(&'(') {
            keyed = Some(self.keyed(chars, at)?);
        }
        let mut directive = Directive::default();
        while let Some(flag) = chars.get(*at) {
            match flag {
                '-' => directive.left = true,
                '+' => directive.plus = true,
                ' ' => directive.space = true,
                '#' => directive.alternate = true,
                '0' => directive.zero = true,
                _ => break,
            }
            *at += 1;
        }
        let width = self.number(chars, at, "width too big")?;
        directive.left |= width.is_some_and(|width| width < 0);
        directive.width = width.map_or(0, i64::unsigned_abs) as usize;
        if chars.get(*at) == Some(&'.') {
            *at += 1;
            let precision = self.number(chars, at, "precision too big")?.unwrap_or(0);
            directive.precision = Some(precision.max(0) as usize);
        }
        if matches!(chars.get(*at), Some('h' | 'l' | 'L')) {
            *at += 1;
        }
        let kind = *chars.get(*at).ok_or_else(incomplete)?;
        *at += 1;
        let value = match keyed {
            Some(value) => value,
            None => self.values.next()?,
        };
        if !"diuoxXeEfFgGcrsa".contains(kind) {
            return Err(Error::of_value(format!(
                "unsupported format character '{kind}' ({:#x}) at index {}",
                u32::from(kind),
                *at - 1
            )));
        }
        self.conversion(kind, &directive, &value)
    }

    /// `%(key)s`: the value under that key.
    fn keyed(&mut self, chars: &[char], at: &mut usize) -> Result<Value> {
        if !self.values.is_mapping {
            return Err(Error::of_type("format requires a mapping"));
        }
        let begin = *at + 1;
        let mut open = 1;
        *at += 1;
        while open > 0 {
            match chars.get(*at) {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
                None => return Err(Error::of_value("incomplete format key")),
            }
            *at += 1;
        }
        self.values.by_key = true;
        let key = Value::str(chars[begin..*at - 1].iter().collect::<String>());
        match &self.values.all {
            Value::Dict(dict) => {
                let found = dict
                    .read(|map| map.get(&Key::text(key.as_str().unwrap_or_default().to_owned())).cloned());
                found.ok_or_else(|| value::missing_key(&key, &mut self.run.budget))
            }
            Value::Undefined(undefined) => Err(undefined.error()),
            Value::Object(_) => {
                let object = self.values.all.clone();
                self.run.item(&object, &key)
            }
            other => {
                let kind = other.type_name();
                Err(Error::of_type(format!("{kind} indices must be integers or slices, not str")))
            }
        }
    }

    /// A width or precision; `*` takes it from the values.
    fn number(&mut self, chars: &[char], at: &mut usize, too_big: &str) -> Result<Option<i64>> {
        if chars.get(*at) == Some(&'*') {
            *at += 1;
            let value = self.values.next()?.as_int().ok_or_else(|| Error::of_type("* wants int"))?;
            if value.unsigned_abs() as usize > MAX_OUTPUT {
                return Err(Error::of_value(too_big));
            }
            return Ok(Some(value));
        }
        let mut value: Option<i64> = None;
        while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
            let next = value.unwrap_or(0) * 10 + i64::from(digit);
            if next as usize > MAX_OUTPUT {
                return Err(Error::of_value(too_big));
            }
            value = Some(next);
            *at += 1;
        }
        Ok(value)
    }

    fn conversion(&mut self, kind: char, directive: &Directive, value: &Value) -> Result<()> {
        match kind {
            's' | 'r' | 'a' => {
                let text: Arc<str> = match kind {
                    's' => self.run.text(value)?,
                    'r' => value::repr(value, &mut self.run.budget)?.into(),
                    _ => ascii(&value::repr(value, &mut self.run.budget)?).into(),
                };
                let text = if self.escapes && !matches!(value, Value::Markup(_)) {
                    html::escape_text(&text).into()
                } else {
                    text
                };
                let end = directive.precision.and_then(|count| text.char_indices().nth(count));
                let text = end.map_or(&*text, |(at, _)| &text[..at]);
                self.pad(directive, "", text, false);
            }
            'c' => {
                let text = match value {
                    Value::Str(text) | Value::Markup(text) if text.chars().count() == 1 => text.to_string(),
                    Value::Big(_) => return Err(out_of_range()),
                    other => match other.as_int() {
                        Some(code) => {
                            let c = u32::try_from(code).ok().and_then(char::from_u32);
                            let c = c.ok_or_else(out_of_range)?;
                            c.to_string()
                        }
                        None => return Err(Error::of_type("%c requires int or char")),
                    },
                };
                self.pad(directive, "", &text, false);
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => self.float(kind, directive, value)?,
            _ => self.integer(kind, directive, value)?,
        }
        Ok(())
    }

    fn float(&mut self, kind: char, directive: &Directive, value: &Value) -> Result<()> {
        let number = match (value, Number::of(value)) {
            (Value::Undefined(undefined), _) => return Err(undefined.error()),
            (_, Some(number)) => number.float()?,
            _ => return Err(Error::of_type(format!("must be real number, not {}", value.type_name()))),
        };
        let precision = directive.precision.unwrap_or(6);
        if precision > MAX_PRECISION {
            return Err(Error::of_value("precision too big"));
        }
        let style = Style {
            form: kind.to_ascii_lowercase(),
            precision,
            alternate: directive.alternate,
            keep_point: false,
        };
        let mut text =
            float::special(number).map_or_else(|| float::magnitude(number, style), ToOwned::to_owned);
        if kind.is_ascii_uppercase() {
            text.make_ascii_uppercase();
        }
        let is_negative = number.is_sign_negative() && !number.is_nan();
        self.pad_number(directive, is_negative, "", &text);
        Ok(())
    }

    fn integer(&mut self, kind: char, directive: &Directive, value: &Value) -> Result<()> {
        let is_decimal = matches!(kind, 'd' | 'i' | 'u');
        let int = match (value, Number::of(value)) {
            (Value::Undefined(undefined), _) => return Err(undefined.error()),
            (_, Some(number @ Number::Float(_))) if is_decimal => {
                Number::of(&number.truncated()?).and_then(Number::integer)
            }
            (_, Some(number)) => number.integer(),
            _ => None,
        };
        let Some(int) = int else {
            let required = if is_decimal { "a real number is required" } else { "an integer is required" };
            return Err(Error::of_type(format!("%{kind} format: {required}, not {}", value.type_name())));
        };
        let (mut digits, prefix) = match kind {
            'o' => (int.magnitude().to_str_radix(8), "0o"),
            'x' => (int.magnitude().to_str_radix(16), "0x"),
            'X' => (int.magnitude().to_str_radix(16).to_ascii_uppercase(), "0X"),
            _ => (value::big_text(&int)?.trim_start_matches('-').to_owned(), ""),
        };
        if let Some(precision) = directive.precision {
            digits = format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len())));
        }
        let prefix = if directive.alternate { prefix } else { "" };
        self.pad_number(directive, int.sign() == num_bigint::Sign::Minus, prefix, &digits);
        Ok(())
    }

    fn pad_number(&mut self, directive: &Directive, negative: bool, prefix: &str, digits: &str) {
        let sign = match (negative, directive.plus, directive.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        self.pad(directive, &format!("{sign}{prefix}"), digits, directive.zero);
    }

    fn pad(&mut self, directive: &Directive, sign: &str, body: &str, zeros: bool) {
        let missing = directive.width.saturating_sub(sign.len() + body.chars().count());
        let text = if directive.left {
            format!("{sign}{body}{}", " ".repeat(missing))
        } else if zeros {
            format!("{sign}{}{body}", "0".repeat(missing))
        } else {
            format!("{}{sign}{body}", " ".repeat(missing))
        };
        self.out.push_str(&text);
    }
}

fn out_of_range() -> Error {
    Error::new(Class::OverflowError, "%c arg not in range(0x110000)")
}

/// A repr with everything outside ASCII escaped.
pub(super) fn ascii(repr: &str) -> String {
    repr.chars()
        .map(|c| match u32::from(c) {
            0..=0x7f => c.to_string(),
            code @ 0x80..=0xff => format!("\\x{code:02x}"),
            code @ 0x100..=0xffff => format!("\\u{code:04x}"),
            code => format!("\\U{code:08x}"),
        })
        .collect()
}
