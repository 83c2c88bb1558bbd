//! What `multipleOf` and `uniqueItems` ask of numbers beyond comparing them: divisibility, and a key that equal
//! numbers share.

use crate::pytext;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, Zero};
use serde_json::Number;

/// A text that `1` and `1.0` share.
pub(super) fn key(number: &Number) -> String {
    if pytext::is_int(number) {
        return number.as_str().to_owned();
    }
    let float = pytext::to_f64(number);
    match BigInt::from_f64(float) {
        Some(whole) if float.fract() == 0.0 => whole.to_string(),
        _ => float.to_string(),
    }
}

/// Python's test behind `multipleOf`: float division when the divisor is a float, `%` otherwise.
pub(super) fn is_multiple_of(number: &Number, divisor: &Number) -> bool {
    if pytext::is_float(divisor) {
        let quotient = pytext::to_f64(number) / pytext::to_f64(divisor);
        return if quotient.is_infinite() {
            divides_exactly(number, divisor)
        } else {
            quotient.fract() == 0.0
        };
    }
    let Some(by) = pytext::big(divisor).filter(|by| !by.is_zero()) else { return false };
    match pytext::big(number) {
        Some(integer) => (integer % by).is_zero(),
        None => pytext::to_f64(number) % pytext::to_f64(divisor) == 0.0,
    }
}

/// The way out where the float quotient overflows: mantissas and powers of two, exactly.
fn divides_exactly(number: &Number, divisor: &Number) -> bool {
    let Some(((n, n_exponent), (d, d_exponent))) = binary(number).zip(binary(divisor)) else { return false };
    if d.is_zero() {
        return false;
    }
    let shift = n_exponent - d_exponent;
    if shift >= 0 {
        ((n << shift.unsigned_abs()) % d).is_zero()
    } else {
        (n % (d << shift.unsigned_abs())).is_zero()
    }
}

/// `(mantissa, exponent)` with `number == mantissa * 2^exponent`.
fn binary(number: &Number) -> Option<(BigInt, i32)> {
    if let Some(integer) = pytext::big(number) {
        return Some((integer, 0));
    }
    let float = pytext::to_f64(number);
    if !float.is_finite() {
        return None;
    }
    let bits = float.to_bits();
    let raw_exponent = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) =
        if raw_exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), raw_exponent - 1075) };
    let mantissa = BigInt::from(mantissa);
    Some((if float.is_sign_negative() { -mantissa } else { mantissa }, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn multiples_are_those_of_python() {
        let is_multiple = |n, d| is_multiple_of(&number(n), &number(d));
        assert!(is_multiple("0.2", "0.1"));
        assert!(!is_multiple("0.3", "0.1"));
        assert!(!is_multiple("7.5", "2"));
        assert!(is_multiple("1e308", "0.5"));
        assert!(is_multiple("30000000000000000000000", "3"));
        assert!(!is_multiple("4", "0"));
    }

    #[test]
    fn equal_numbers_share_a_key() {
        assert_eq!(key(&number("1e20")), key(&number("100000000000000000000")));
        assert_ne!(key(&number("1.5")), key(&number("1")));
    }
}
