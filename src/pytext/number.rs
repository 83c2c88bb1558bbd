//! Numbers: which kind one is, how a float is written and read, and what equals what.
//!
//! A `Number` is its own text here (`arbitrary_precision`), so a float is a number whose text has a
//! point or an exponent, and everything else is an integer of any length.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive, Zero};
use serde_json::{Number, Value};

use super::{
    repr::{number_repr, repr_str},
    unicode,
};

/// Whether Python would hold this number as a `float`.
pub fn is_float(number: &Number) -> bool {
    number.as_str().contains(['.', 'e', 'E'])
}

/// Whether Python would hold this number as an `int`.
pub fn is_int(number: &Number) -> bool {
    !is_float(number)
}

/// The number as a float; too large ones become infinite, as Python's literals do.
pub fn to_f64(number: &Number) -> f64 {
    // `Number::as_f64` hides infinities; the text of a JSON number is always readable by Rust.
    number.as_str().parse().unwrap_or(f64::NAN)
}

/// The number as an integer, if it is one.
pub fn big(number: &Number) -> Option<BigInt> {
    number.as_str().parse().ok()
}

/// The number for an integer of any size.
pub fn from_big(value: &BigInt) -> Number {
    value.to_i64().map_or_else(|| Number::from_string_unchecked(value.to_string()), Number::from)
}

/// The JSON value of a float: `null` for what JSON cannot hold, as StackStorm's responses show it.
pub fn from_f64(value: f64) -> Value {
    if value.is_finite() {
        Value::Number(Number::from_string_unchecked(float_repr(value)))
    } else {
        Value::Null
    }
}

/// `repr()` of a float: the shortest digits that read back, an exponent below 1e-4 and from 1e16.
pub fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let (sign, digits, exponent) = shortest(value);
    let (first, rest) = digits.split_at(1);
    if !(-4..16).contains(&exponent) {
        let point = if rest.is_empty() { "" } else { "." };
        let way = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{way}{:02}", exponent.unsigned_abs());
    }
    format!("{sign}{}", positional(&digits, exponent))
}

/// Sign, significant digits and decimal exponent of the first digit: the fewest digits that read back.
///
/// Where two texts of that length are equally near, Python takes the even one and Rust the greater; so
/// the length is Rust's, and the digits are rounded anew.
pub(super) fn shortest(value: f64) -> (&'static str, String, i32) {
    let magnitude = value.abs();
    let nearest = format!("{magnitude:e}");
    let places = nearest.find('e').unwrap_or(1).saturating_sub(2);
    let even = format!("{magnitude:.places$e}");
    let text = if even.parse() == Ok(magnitude) { even } else { nearest };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if value.is_sign_negative() { "-" } else { "" };
    (sign, mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// Digits with a point in their right place and at least one digit on both sides of it.
pub(super) fn positional(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        format!("{digits}{}.0", "0".repeat(whole - digits.len()))
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// `float(text)`: blanks around, underscores between digits, digits of any script, `inf` and `nan`.
///
/// # Errors
/// Python's message, with the text as it was given.
pub fn float(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let plain = plain_float(trimmed);
    plain
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("could not convert string to float: {}", repr_str(text)))
}

/// The text in a form Rust's parser reads, or `None` where Python's grammar is narrower than that.
fn plain_float(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut before = '\0';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = if c.is_ascii() { c } else { unicode::decimal(c)? };
        if c == '_' {
            let after = chars.peek().copied().and_then(unicode::decimal);
            if !before.is_ascii_digit() || after.is_none() {
                return None;
            }
        } else {
            out.push(c);
        }
        before = c;
    }
    // Rust reads the same numbers and the same names; only an empty text is told apart here.
    (!out.is_empty()).then_some(out)
}

/// How two numbers compare, exactly: an integer is never rounded to a float. `None` with a NaN.
pub fn number_cmp(left: &Number, right: &Number) -> Option<Ordering> {
    match (big(left), big(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (None, None) => to_f64(left).partial_cmp(&to_f64(right)),
        (Some(left), None) => int_float_cmp(&left, to_f64(right)),
        (None, Some(right)) => int_float_cmp(&right, to_f64(left)).map(Ordering::reverse),
    }
}

fn int_float_cmp(int: &BigInt, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let Some(whole) = BigInt::from_f64(float.trunc()) else {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    };
    let fraction = float.fract();
    Some(int.cmp(&whole).then_with(|| {
        if fraction.is_zero() {
            Ordering::Equal
        } else if fraction > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }))
}

/// Whether two numbers are equal as Python's `==` says: `1 == 1.0`.
pub fn number_eq(left: &Number, right: &Number) -> bool {
    left.as_str() == right.as_str() || number_cmp(left, right) == Some(Ordering::Equal)
}

/// A text two numbers share exactly if they are equal: the key a dictionary files them under.
pub(crate) fn equal_text(number: &Number) -> String {
    if !is_float(number) {
        return number_repr(number);
    }
    let float = to_f64(number);
    match BigInt::from_f64(float) {
        Some(whole) if float.fract() == 0.0 => whole.to_string(),
        _ => float_repr(float),
    }
}

/// `left == right` as Python says: `1 == 1.0 == True`, and deep in lists and dictionaries.
pub fn py_eq(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => number_eq(left, right),
        (Value::Bool(flag), Value::Number(number)) | (Value::Number(number), Value::Bool(flag)) => {
            number_eq(number, &Number::from(u8::from(*flag)))
        }
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| py_eq(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, a)| right.get(key).is_some_and(|b| py_eq(a, b)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> Number {
        Number::from_string_unchecked(text.to_owned())
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (123_456_789.123_456_79, "123456789.12345679"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (2_043_845_657_271_716.2, "2043845657271716.2"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_repr(value), text);
        }
    }

    #[test]
    fn floats_are_read_as_python_reads_them() {
        for (text, value) in [
            (" 1.5\n", 1.5),
            ("1_0.5", 10.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e5", 1e5),
            ("+1E-2", 0.01),
            ("Infinity", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("1e400", f64::INFINITY),
            ("٣.٥", 3.5),
        ] {
            assert_eq!(float(text), Ok(value), "{text}");
        }
        assert!(float("nan").is_ok_and(f64::is_nan));
        for text in ["", " ", "x", "1__0", "_1", "1_", "1_.5", "1._5", "1e", "0x1", "1,5", "."] {
            let expected = format!("could not convert string to float: '{text}'");
            assert_eq!(float(text), Err(expected));
        }
    }

    #[test]
    fn numbers_compare_exactly() {
        let cmp = |a: &str, b: &str| number_cmp(&number(a), &number(b));
        assert_eq!(cmp("1", "1.0"), Some(Ordering::Equal));
        assert_eq!(cmp("9007199254740993", "9007199254740992.0"), Some(Ordering::Greater));
        assert_eq!(cmp("1", "1.5"), Some(Ordering::Less));
        assert_eq!(cmp("-1", "-1.5"), Some(Ordering::Greater));
        assert_eq!(cmp("2.5", "2"), Some(Ordering::Greater));
        assert_eq!(cmp("100000000000000000000", "1e20"), Some(Ordering::Equal));
        assert_eq!(cmp("1", "1e999"), Some(Ordering::Less));
    }

    #[test]
    fn equality_is_pythons() {
        assert!(py_eq(&json!([1, {"a": true}]), &json!([1.0, {"a": 1}])));
        assert!(py_eq(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})));
        assert!(!py_eq(&json!("1"), &json!(1)));
        assert!(!py_eq(&json!(null), &json!(false)));
        assert!(!py_eq(&json!([1]), &json!([1, 2])));
    }
}
