//! Methods and attributes of numbers.

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::unsupported;
use crate::expr::jinja::{
    args::Args,
    error::{Class, Error, Result},
    operators::Number,
    value::Value,
};

/// An attribute that is no method.
pub(super) fn property(value: &Value, name: &str) -> Option<Value> {
    let number = Number::of(value)?;
    let is_float = matches!(number, Number::Float(_));
    Some(match name {
        "real" => number.into_value(),
        "imag" if is_float => Value::Float(0.0),
        "imag" => Value::Int(0),
        "numerator" if !is_float => number.into_value(),
        "denominator" if !is_float => Value::Int(1),
        _ => return None,
    })
}

/// Calls a method of a number.
pub(super) fn call(value: &Value, name: &str, args: Args) -> Result<Value> {
    if matches!(name, "from_bytes" | "to_bytes" | "fromhex") {
        return Err(unsupported(value.type_name(), name));
    }
    if !args.positional.is_empty() || !args.named.is_empty() {
        return Err(Error::of_type(format!("{}.{name}() takes no arguments", value.type_name())));
    }
    let Some(number) = Number::of(value) else { return Ok(Value::None) };
    Ok(match (name, number) {
        ("conjugate", number) => number.into_value(),
        ("is_integer", Number::Float(float)) => Value::Bool(float.is_finite() && float.fract() == 0.0),
        ("hex", Number::Float(float)) => Value::str(hexadecimal(float)),
        ("as_integer_ratio", Number::Float(float)) => {
            let (numerator, denominator) = ratio(float)?;
            Value::tuple(vec![Value::int(numerator), Value::int(denominator)])
        }
        ("as_integer_ratio", number) => Value::tuple(vec![number.into_value(), Value::Int(1)]),
        ("bit_length", number) => Value::Int(number.integer().map_or(0, |int| int.bits() as i64)),
        ("bit_count", number) => {
            Value::Int(number.integer().map_or(0, |int| int.magnitude().count_ones() as i64))
        }
        _ => Value::None,
    })
}

/// A float as Python writes it in base 16.
fn hexadecimal(float: f64) -> String {
    if !float.is_finite() {
        return crate::pytext::float_repr(float);
    }
    let sign = if float.is_sign_negative() { "-" } else { "" };
    let bits = float.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i64);
    if exponent == 0 && fraction == 0 {
        return format!("{sign}0x0.0p+0");
    }
    let (first, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
    format!("{sign}0x{first}.{fraction:013x}p{exponent:+}")
}

/// The fraction a float is exactly.
fn ratio(float: f64) -> Result<(BigInt, BigInt)> {
    if float.is_nan() {
        return Err(Error::of_value("cannot convert NaN to integer ratio"));
    }
    if float.is_infinite() {
        return Err(Error::new(Class::OverflowError, "cannot convert Infinity to integer ratio"));
    }
    let bits = float.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    if mantissa == 0 {
        return Ok((BigInt::zero(), BigInt::one()));
    }
    let shared = i64::from(mantissa.trailing_zeros()).min((-exponent).max(0));
    let mut numerator = BigInt::from(mantissa >> shared);
    let exponent = exponent + shared;
    let mut denominator = BigInt::one();
    if exponent > 0 {
        numerator <<= exponent as u64;
    } else {
        denominator <<= exponent.unsigned_abs();
    }
    Ok((if float < 0.0 { -numerator } else { numerator }, denominator))
}
