//! `int(text)`: integers of any length, within the limit Python itself sets.

use serde_json::Number;

use super::{repr::repr_str, unicode};

/// The most digits Python converts; more is refused, since the cost grows with their square.
pub(super) const MAX_DIGITS: usize = 4300;

/// `int(text)`: blanks around, a sign, underscores between digits, digits of any script.
///
/// # Errors
/// Python's message, with the text as it was given.
pub fn int(text: &str) -> Result<Number, String> {
    let invalid = || format!("invalid literal for int() with base 10: {}", repr_str(text));
    let trimmed = text.trim();
    let (negative, unsigned) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let mut digits = String::with_capacity(unsigned.len());
    // An underscore must stand between two digits, so it may neither begin nor follow another one.
    let mut after_digit = false;
    for c in unsigned.chars() {
        if let Some(digit) = unicode::decimal(c) {
            digits.push(digit);
            after_digit = true;
        } else if c == '_' && after_digit {
            after_digit = false;
        } else {
            return Err(invalid());
        }
    }
    if !after_digit {
        return Err(invalid());
    }
    if digits.len() > MAX_DIGITS {
        return Err(too_long(digits.len()));
    }
    Ok(integer(negative, &digits))
}

/// What Python says of an integer with too many digits.
pub(super) fn too_long(digits: usize) -> String {
    format!(
        "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {digits} \
         digits; use sys.set_int_max_str_digits() to increase the limit"
    )
}

/// The number of plain decimal digits: without leading zeros, and zero without a sign.
pub(super) fn integer(negative: bool, digits: &str) -> Number {
    let digits = digits.trim_start_matches('0');
    match (digits, negative) {
        ("", _) => Number::from(0),
        (digits, false) => Number::from_string_unchecked(digits.to_owned()),
        (digits, true) => Number::from_string_unchecked(format!("-{digits}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, number) in [
            ("12", "12"),
            (" -007\n", "-7"),
            ("+5", "5"),
            ("-0", "0"),
            ("1_000", "1000"),
            ("٤٢", "42"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            assert_eq!(int(text).unwrap().as_str(), number);
        }
        for text in ["", " ", "x", "1.0", "1__0", "_1", "1_", "0x1", "- 1", "+-1", "1 2"] {
            let expected = format!("invalid literal for int() with base 10: '{text}'");
            assert_eq!(int(text), Err(expected));
        }
        assert!(int(&"9".repeat(4300)).is_ok());
        assert!(int(&"9".repeat(4301)).unwrap_err().contains("value has 4301 digits"));
    }
}
