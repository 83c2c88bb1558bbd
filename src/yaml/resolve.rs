//! Tags: the types of YAML 1.1, and which one a plain scalar has by its looks.

/// What every standard tag begins with.
pub(super) const PREFIX: &str = "tag:yaml.org,2002:";

/// The type of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Str,
    Binary,
    Timestamp,
    Seq,
    Map,
    Set,
    /// Ordered map: a list of pairs.
    Omap,
    /// A list of pairs whose keys may repeat.
    Pairs,
    /// The key `<<`.
    Merge,
    /// The key `=`.
    Value,
    /// Any other tag, which nothing can be made of.
    Other(String),
}

impl Tag {
    /// The type a tag written out in full names.
    pub(super) fn named(tag: String) -> Self {
        match tag.strip_prefix(PREFIX) {
            Some("null") => Self::Null,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("str") => Self::Str,
            Some("binary") => Self::Binary,
            Some("timestamp") => Self::Timestamp,
            Some("seq") => Self::Seq,
            Some("map") => Self::Map,
            Some("set") => Self::Set,
            Some("omap") => Self::Omap,
            Some("pairs") => Self::Pairs,
            Some("merge") => Self::Merge,
            Some("value") => Self::Value,
            _ => Self::Other(tag),
        }
    }

    /// The type of a scalar: the written one, or the one its text implies if it may (`implicit`).
    pub(super) fn of_scalar(written: Option<String>, text: &str, implicit: bool) -> Self {
        match written.filter(|tag| tag != "!") {
            Some(tag) => Self::named(tag),
            None if implicit => Self::implied(text),
            None => Self::Str,
        }
    }

    /// The type a plain scalar is read as.
    pub(super) fn implied(text: &str) -> Self {
        match text.as_bytes().first() {
            None => Self::Null,
            Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => word(text),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') if is_float(text) => Self::Float,
            Some(b'-' | b'+' | b'0'..=b'9') if is_int(text) => Self::Int,
            Some(b'0'..=b'9') if is_timestamp(text) => Self::Timestamp,
            Some(b'<') if text == "<<" => Self::Merge,
            Some(b'=') if text == "=" => Self::Value,
            _ => Self::Str,
        }
    }
}

fn word(text: &str) -> Tag {
    match text {
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false" | "False"
        | "FALSE" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Tag::Bool,
        "~" | "null" | "Null" | "NULL" => Tag::Null,
        _ => Tag::Str,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// A digit, then digits and underscores.
fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && all_of(text, |c| c.is_ascii_digit())
}

/// At least one character, all underscores or what `accept` takes.
fn some_of(text: &str, accept: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && all_of(text, accept)
}

fn all_of(text: &str, accept: impl Fn(char) -> bool) -> bool {
    text.chars().all(|c| c == '_' || accept(c))
}

fn is_int(text: &str) -> bool {
    let digits = unsigned(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return some_of(binary, |c| matches!(c, '0' | '1'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return some_of(hex, |c| c.is_ascii_hexdigit());
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return all_of(octal, |c| matches!(c, '0'..='7'));
    }
    match digits.split_once(':') {
        None => is_digits(digits),
        Some((first, rest)) => is_digits(first) && rest.split(':').all(is_sixty),
    }
}

/// A sexagesimal place: 0 to 59, the tens optional.
fn is_sixty(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
}

fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    if let Some((first, rest)) = whole.split_once(':') {
        return is_digits(first) && rest.split(':').all(is_sixty) && all_of(fraction, |c| c.is_ascii_digit());
    }
    let (fraction, exponent) = match fraction.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (fraction, None),
    };
    // Only an exponent with its sign counts: `1e3` is text.
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']);
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()))
    });
    let mantissa_fits = if whole.is_empty() {
        // `.5` is a number, `-.5` is text.
        number.len() == text.len() && is_digits(fraction)
    } else {
        is_digits(whole) && all_of(fraction, |c| c.is_ascii_digit())
    };
    exponent_fits && mantissa_fits
}

fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_day = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, c)| if at == 4 || at == 7 { *c == b'-' } else { c.is_ascii_digit() });
    is_day || super::time::Stamp::parse(text).is_some_and(|stamp| stamp.time.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        for (text, tag) in [
            ("yes", Tag::Bool),
            ("y", Tag::Str),
            ("oFF", Tag::Str),
            ("~", Tag::Null),
            ("", Tag::Null),
            ("012", Tag::Int),
            ("08", Tag::Str),
            ("0o12", Tag::Str),
            ("1_000", Tag::Int),
            ("0b_1", Tag::Int),
            ("-0x1F", Tag::Int),
            ("190:20:30", Tag::Int),
            ("1:60", Tag::Str),
            ("01:30", Tag::Str),
            ("1.", Tag::Float),
            ("1.5e+3", Tag::Float),
            ("1.5e3", Tag::Str),
            ("1e3", Tag::Str),
            (".5", Tag::Float),
            ("-.5", Tag::Str),
            ("._", Tag::Str),
            ("1:30.5", Tag::Float),
            ("-.INF", Tag::Float),
            ("-.nan", Tag::Str),
            ("2026-03-10", Tag::Timestamp),
            ("2026-3-1", Tag::Str),
            ("2026-3-1 1:02:03", Tag::Timestamp),
            ("<<", Tag::Merge),
            ("=", Tag::Value),
        ] {
            assert_eq!(Tag::implied(text), tag, "{text}");
        }
    }
}
