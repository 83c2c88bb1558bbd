//! Numbers: converting, rounding, sizes.

use num_bigint::BigInt;
use num_traits::Zero;

use super::{Filter, Table, text::int};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Class, Error, Result},
        format,
        operators::{self, Number},
        render::Run,
        syntax::ast::Operator,
        value::Value,
    },
    pytext,
};

pub(super) const FILTERS: Table = &[
    ("abs", Filter::new(Signature::by_position("abs", 1, &["x"]), absolute)),
    ("int", Filter::new(Signature::new("do_int", 1, &["value", "default", "base"]), integer)),
    ("float", Filter::new(Signature::new("do_float", 1, &["value", "default"]), float)),
    ("round", Filter::new(Signature::new("do_round", 1, &["value", "precision", "method"]), round)),
    ("filesizeformat", Filter::new(Signature::new("do_filesizeformat", 1, &["value", "binary"]), file_size)),
];

fn absolute(_run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    match Number::of(&value) {
        Some(number) => Ok(number.absolute().into_value()),
        None => Err(Error::of_type(format!("bad operand type for abs(): '{}'", value.type_name()))),
    }
}

/// Whether a failed conversion gives the default.
fn is_caught(error: &Error) -> bool {
    matches!(error.class(), Class::TypeError | Class::ValueError)
}

fn integer(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let default = args.optional(1).unwrap_or(Value::Int(0));
    let base = int(args.optional(2), 10)?;
    let converted = match &value {
        Value::Str(text) | Value::Markup(text) => parse_int(text, base),
        other => to_int(other, run),
    };
    match converted {
        Err(error) if is_caught(&error) => {}
        other => return other,
    }
    // "42.23" is no integer, but the number in it has one.
    let by_float = to_float(&value, run).and_then(|float| Number::Float(float).truncated());
    match by_float {
        Err(error) if is_caught(&error) || error.class() == Class::OverflowError => Ok(default),
        other => other,
    }
}

/// `int(value)` of what is no text.
fn to_int(value: &Value, run: &mut Run) -> Result<Value> {
    match (value, Number::of(value)) {
        (Value::Undefined(undefined), _) => Err(undefined.error()),
        (_, Some(number)) => number.truncated(),
        (Value::Object(object), _) => match object.number(&mut run.budget) {
            Some(float) => Number::Float(float?).truncated(),
            None => Err(not_a_number("int", value)),
        },
        _ => Err(not_a_number("int", value)),
    }
}

fn not_a_number(function: &str, value: &Value) -> Error {
    let kind = value.type_name();
    Error::of_type(match function {
        "int" => {
            format!("int() argument must be a string, a bytes-like object or a real number, not '{kind}'")
        }
        _ => format!("float() argument must be a string or a real number, not '{kind}'"),
    })
}

/// `float(value)`.
pub(super) fn to_float(value: &Value, run: &mut Run) -> Result<f64> {
    match (value, Number::of(value)) {
        (Value::Undefined(undefined), _) => Err(undefined.error()),
        (_, Some(number)) => number.float(),
        (Value::Str(text) | Value::Markup(text), _) => pytext::float(text).map_err(Error::of_value),
        (Value::Object(object), _) => {
            object.number(&mut run.budget).unwrap_or_else(|| Err(not_a_number("float", value)))
        }
        _ => Err(not_a_number("float", value)),
    }
}

/// `int(text, base)`.
fn parse_int(text: &str, base: i64) -> Result<Value> {
    if base == 10 {
        let number = pytext::int(text).map_err(Error::of_value)?;
        return Ok(pytext::big(&number).map_or(Value::Int(0), Value::int));
    }
    let invalid =
        || Error::of_value(format!("invalid literal for int() with base {base}: {}", pytext::repr_str(text)));
    if base != 0 && !(2..=36).contains(&base) {
        return Err(Error::of_value("int() base must be >= 2 and <= 36, or 0"));
    }
    let trimmed = text.trim_matches(pytext::is_space);
    let (negative, unsigned) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let prefix = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 0,
    };
    let (radix, digits) = match (base, prefix) {
        (0, 0) => (10, unsigned),
        (0, prefix) => (prefix, &unsigned[2..]),
        (base, prefix) if base == i64::from(prefix) => (prefix, &unsigned[2..]),
        (base, _) => (base as u32, unsigned),
    };
    let is_octal_of_old = base == 0 && prefix == 0 && digits.len() > 1 && digits.starts_with('0');
    if is_octal_of_old && digits.bytes().any(|byte| byte != b'0' && byte != b'_') {
        return Err(invalid());
    }
    let digits = if prefix > 0 { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let is_clean = !digits.is_empty()
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__")
        && digits.len() <= 20_000;
    let digits = digits.replace('_', "");
    let parsed =
        BigInt::parse_bytes(digits.as_bytes(), radix).filter(|_| is_clean && !digits.starts_with(['+', '-']));
    let parsed = parsed.ok_or_else(invalid)?;
    Ok(Value::int(if negative { -parsed } else { parsed }))
}

fn float(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    match to_float(&value, run) {
        Ok(float) => Ok(Value::Float(float)),
        Err(error) if is_caught(&error) => Ok(args.optional(1).unwrap_or(Value::Float(0.0))),
        Err(error) => Err(error),
    }
}

fn round(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let precision = args.optional(1).unwrap_or(Value::Int(0));
    let method = args.optional(2).unwrap_or_else(|| Value::str("common"));
    let method = method.as_str().unwrap_or_default();
    if !matches!(method, "common" | "ceil" | "floor") {
        return Err(Error::new(Class::FilterArgumentError, "method must be common, ceil or floor"));
    }
    if method == "common" {
        return common_round(&value, &precision);
    }
    let scale = operators::arithmetic(run, Operator::Pow, &Value::Int(10), &precision)?;
    let scaled = operators::arithmetic(run, Operator::Mul, &value, &scale)?;
    let whole = match Number::of(&scaled) {
        Some(Number::Float(float)) => {
            Number::Float(if method == "ceil" { float.ceil() } else { float.floor() }).truncated()?
        }
        Some(_) => scaled,
        None => return Err(Error::of_type(format!("must be real number, not {}", scaled.type_name()))),
    };
    operators::arithmetic(run, Operator::Div, &whole, &scale)
}

/// `round(value, precision)`: half goes to the even digit.
fn common_round(value: &Value, precision: &Value) -> Result<Value> {
    let Some(number) = Number::of(value) else {
        return Err(Error::of_type(format!("type {} doesn't define __round__ method", value.type_name())));
    };
    let places = match precision {
        Value::None => 0,
        other => other.as_int().ok_or_else(|| {
            Error::of_type(format!("'{}' object cannot be interpreted as an integer", other.type_name()))
        })?,
    };
    match number {
        Number::Float(float) if precision.is_none() => {
            let whole: f64 = format::fixed(float, 0).parse().unwrap_or(float);
            Number::Float(whole).truncated()
        }
        Number::Float(float) => Ok(Value::Float(round_float(float, places))),
        number if places >= 0 => Ok(number.into_value()),
        number => {
            let int = number.integer().unwrap_or_else(BigInt::zero);
            let digits = places.unsigned_abs().min(10_000) as u32;
            // More places than there are digits leave nothing.
            if u64::from(digits) > int.bits() / 3 + 2 {
                return Ok(Value::Int(0));
            }
            Ok(Value::int(operators::round_half_even(&int, digits)))
        }
    }
}

fn round_float(float: f64, places: i64) -> f64 {
    if !float.is_finite() || places > 323 {
        return float;
    }
    if places >= 0 {
        return format::fixed(float, places as usize).parse().unwrap_or(float);
    }
    if places < -308 {
        return 0f64.copysign(float);
    }
    let unit = 10f64.powi(places.unsigned_abs() as i32);
    let scaled: f64 = format::fixed(float / unit, 0).parse().unwrap_or(0.0);
    scaled * unit
}

fn file_size(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, binary) = (args.take(0), args.optional(1));
    let bytes = to_float(&value, run)?;
    let binary = binary.map_or(Ok(false), |flag| run.is_true(&flag))?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok(Value::str("1 Byte"));
    }
    if bytes < base {
        let whole = Number::Float(bytes).truncated()?;
        return Ok(Value::str(format!("{} Bytes", run.str(&whole)?)));
    }
    if bytes.is_nan() {
        return Ok(Value::str(if binary { "nan YiB" } else { "nan YB" }));
    }
    let mut unit = base;
    for (at, prefix) in ["k", "M", "G", "T", "P", "E", "Z", "Y"].into_iter().enumerate() {
        unit *= base;
        if bytes < unit || at == 7 {
            let prefix = match (binary, prefix) {
                (true, "k") => "KiB".to_owned(),
                (true, prefix) => format!("{prefix}iB"),
                (false, prefix) => format!("{prefix}B"),
            };
            let size = base * bytes / unit;
            let size = if size.is_infinite() { "inf".to_owned() } else { format::fixed(size, 1) };
            return Ok(Value::str(format!("{size} {prefix}")));
        }
    }
    Ok(Value::None)
}
