//! Numbers.

use num_bigint::BigInt;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};

use crate::{
    expr::yaql::{
        error::{Error, Result},
        ops::{self, checked_big, strict},
        overload::{Call, Row},
        value::{Number, Value},
    },
    pytext,
};

pub(super) const ROWS: &[Row] = &[
    ("F", "abs", "op:N", |call| match &call.args[0] {
        Value::Float(value) => Ok(Value::Float(value.abs())),
        _ => Ok(Value::big(big(call, 0).abs())),
    }),
    ("F", "sign", "num:N", |call| {
        Ok(Value::Int(match strict(&call.args[0]) {
            Some(Number::Float(value)) => i64::from(value > 0.0) - i64::from(value < 0.0),
            _ => match big(call, 0).sign() {
                num_bigint::Sign::Minus => -1,
                num_bigint::Sign::NoSign => 0,
                num_bigint::Sign::Plus => 1,
            },
        }))
    }),
    ("F", "int", "value", |call| to_int(&call.args[0])),
    ("F", "float", "value", |call| to_float(&call.args[0])),
    ("F", "round", "number:N ndigits:I=0", |call| round(call)),
    ("F", "min", "a b", |call| {
        let (a, b) = (call.take(0), call.take(1));
        let less = ops::binary(call.rt, ">", b.clone(), a.clone())?.truthy();
        Ok(if less { a } else { b })
    }),
    ("F", "max", "a b", |call| {
        let (a, b) = (call.take(0), call.take(1));
        let more = ops::binary(call.rt, ">", b.clone(), a.clone())?.truthy();
        Ok(if more { b } else { a })
    }),
    ("F", "pow", "a:N b:N c:N?=null", |call| pow(call)),
    ("F", "random", "", |_| {
        let bits = getrandom::u64().map_err(|error| Error::new("OSError", error.to_string()))?;
        Ok(Value::Float((bits >> 11) as f64 / (1_u64 << 53) as f64))
    }),
    ("F", "random", "from to", |call| {
        let (Some(from), Some(to)) = (small(&call.args[0]), small(&call.args[1])) else {
            return Err(Error::value("non-integer arguments for randint()"));
        };
        if from > to {
            let width = i128::from(to) - i128::from(from) + 1;
            return Err(Error::value(format!(
                "empty range for randrange() ({from}, {}, {width})",
                i128::from(to) + 1
            )));
        }
        let bits = getrandom::u64().map_err(|error| Error::new("OSError", error.to_string()))?;
        let width = (i128::from(to) - i128::from(from) + 1) as u128;
        Ok(Value::Int((i128::from(from) + (u128::from(bits) % width) as i128) as i64))
    }),
    ("F", "isInteger", "value", |call| {
        Ok(Value::Bool(matches!(call.args[0], Value::Int(_) | Value::Big(_))))
    }),
    ("F", "isNumber", "value", |call| Ok(Value::Bool(strict(&call.args[0]).is_some()))),
    ("F", "bitwiseAnd", "left:I right:I", |call| Ok(Value::big(big(call, 0) & big(call, 1)))),
    ("F", "bitwiseOr", "left:I right:I", |call| Ok(Value::big(big(call, 0) | big(call, 1)))),
    ("F", "bitwiseXor", "left:I right:I", |call| Ok(Value::big(big(call, 0) ^ big(call, 1)))),
    ("F", "bitwiseNot", "arg:I", |call| Ok(Value::big(-big(call, 0) - 1))),
    ("F", "shiftBitsLeft", "value:I bitsNumber:I", |call| {
        let bits = shift(call)?;
        if bits > 1 << 20 {
            return Err(Error::limit("the number is shifted too far"));
        }
        checked_big(call.rt, big(call, 0) << bits)
    }),
    ("F", "shiftBitsRight", "value:I bitsNumber:I", |call| {
        let bits = shift(call)?;
        Ok(Value::big(big(call, 0) >> bits.min(1 << 20)))
    }),
];

fn big(call: &Call<'_, '_>, index: usize) -> BigInt {
    call.args[index].number().and_then(|number| number.to_big()).unwrap_or_default()
}

fn small(value: &Value) -> Option<i64> {
    value.number()?.to_big()?.to_i64()
}

fn shift(call: &Call<'_, '_>) -> Result<usize> {
    let bits = call.int(1);
    usize::try_from(bits).map_err(|_| Error::value("negative shift count"))
}

fn to_int(value: &Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Int(0)),
        Value::Float(float) => match BigInt::from_f64(float.trunc()) {
            Some(whole) => Ok(Value::big(whole)),
            None if float.is_nan() => Err(Error::value("cannot convert float NaN to integer")),
            None => Err(Error::new("OverflowError", "cannot convert float infinity to integer")),
        },
        Value::Str(text) => {
            let number = pytext::int(text).map_err(Error::value)?;
            pytext::big(&number).map(Value::big).ok_or_else(|| Error::value("invalid integer"))
        }
        other => other.number().and_then(|number| number.to_big()).map(Value::big).ok_or_else(|| {
            let name = other.type_name();
            Error::kind(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{name}'"
            ))
        }),
    }
}

#[expect(clippy::single_match_else, reason = "both arms are equally likely")]
fn to_float(value: &Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Float(0.0)),
        Value::Str(text) => pytext::float(text).map(Value::Float).map_err(Error::value),
        other => match other.number() {
            Some(number) => number.to_float().map(Value::Float),
            None => {
                let name = other.type_name();
                Err(Error::kind(format!("float() argument must be a string or a real number, not '{name}'")))
            }
        },
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the tables of the library hold functions of one form")]
fn round(call: &Call<'_, '_>) -> Result<Value> {
    let digits = call.int(1);
    let Value::Float(float) = call.args[0] else {
        if digits >= 0 {
            return Ok(Value::big(big(call, 0)));
        }
        if digits < -20_000 {
            return Ok(Value::Int(0));
        }
        let unit = BigInt::from(10).pow(digits.unsigned_abs() as u32);
        let value = big(call, 0);
        let mut rest = &value % &unit;
        if rest.is_negative() {
            rest += &unit;
        }
        let below = &value - &rest;
        let twice: BigInt = &rest * 2;
        let is_odd = !((&below / &unit) % 2_i32).is_zero();
        let up = twice > unit || (twice == unit && is_odd);
        return Ok(Value::big(if up { below + unit } else { below }));
    };
    if !float.is_finite() || digits > 323 {
        return Ok(Value::Float(float));
    }
    if digits < -308 {
        return Ok(Value::Float(0.0_f64.copysign(float)));
    }
    let rounded = if digits >= 0 {
        format!("{float:.*}", digits as usize).parse().unwrap_or(float)
    } else {
        let unit = 10_f64.powi(digits.unsigned_abs() as i32);
        (float / unit).round_ties_even() * unit
    };
    Ok(Value::Float(rounded))
}

fn pow(call: &Call<'_, '_>) -> Result<Value> {
    let is_int = |index: usize| !matches!(call.args[index], Value::Float(_));
    if !matches!(call.args[2], Value::Null) {
        if !is_int(0) || !is_int(1) || !is_int(2) {
            return Err(Error::kind("pow() 3rd argument not allowed unless all arguments are integers"));
        }
        let (base, exponent, modulus) = (big(call, 0), big(call, 1), big(call, 2));
        if modulus.is_zero() {
            return Err(Error::value("pow() 3rd argument cannot be 0"));
        }
        if exponent.is_negative() {
            let inverse = base.modinv(&modulus);
            let inverse =
                inverse.ok_or_else(|| Error::value("base is not invertible for the given modulus"))?;
            return Ok(Value::big(inverse.modpow(&-exponent, &modulus)));
        }
        call.rt.pay(exponent.bits() * modulus.bits() / 64)?;
        return Ok(Value::big(base.modpow(&exponent, &modulus)));
    }
    if is_int(0) && is_int(1) {
        let (base, exponent) = (big(call, 0), big(call, 1));
        if !exponent.is_negative() {
            let is_small = base.bits() <= 1;
            let cost = exponent.to_u64().unwrap_or(u64::MAX).saturating_mul(base.bits());
            if is_small {
                let odd = exponent.bit(0);
                return Ok(Value::big(if base.is_negative() && !odd {
                    -base
                } else if exponent.is_zero() {
                    BigInt::from(1)
                } else {
                    base
                }));
            }
            if cost > 1 << 16 {
                return Err(Error::limit("the power is too large"));
            }
            return checked_big(call.rt, base.pow(exponent.to_u32().unwrap_or(0)));
        }
    }
    let number = |index: usize| call.args[index].number().unwrap_or(Number::Int(0)).to_float();
    let (base, exponent) = (number(0)?, number(1)?);
    if base == 0.0 && exponent < 0.0 {
        return Err(Error::new("ZeroDivisionError", "0.0 cannot be raised to a negative power"));
    }
    if base < 0.0 && exponent.fract() != 0.0 && exponent.is_finite() {
        return Err(Error::value("a negative number has no real power of this exponent"));
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(Error::new("OverflowError", "(34, 'Numerical result out of range')"));
    }
    Ok(Value::Float(result))
}
