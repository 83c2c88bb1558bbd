//! Methods and attributes of Python's own types.

mod bound;
mod bytes;
mod case;
mod dict;
mod list;
mod number;
mod search;
mod string;
mod table;
mod views;

pub(super) use bound::bound;
pub(super) use case::{capitalize, capitalize_ascii, is_lower, is_upper};
pub(super) use string::{centered, replace, split_lines, strip};
pub(super) use table::{Kinds, has, is_hidden};

use super::{
    args::{Args, Bound},
    error::{Error, Result},
    render::Run,
    value::{Undefined, Value},
};

/// Calls a method that [`has`] said is there.
pub(super) fn call(value: &Value, name: &str, args: Args, run: &mut Run) -> Result<Value> {
    match value {
        Value::Str(text) | Value::Markup(text) => {
            run.budget.pay_text(text.len())?;
            string::call(value, text, name, args, run)
        }
        Value::List(list) => list::call(list, name, args, run),
        Value::Tuple(_) | Value::Range(_) => list::call_fixed(value, name, args, run),
        Value::Dict(dict) => dict::call(dict, name, args, run),
        Value::Bytes(bytes) => {
            run.budget.pay_text(bytes.len())?;
            bytes::call(bytes, name, args)
        }
        Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_) => number::call(value, name, args),
        Value::Object(object) => {
            let object = object.clone();
            object.method(name, args, run).unwrap_or_else(|| Err(no_method(value, name)))
        }
        _ => Err(no_method(value, name)),
    }
}

/// `AttributeError`: there is no such method.
pub(super) fn no_method(value: &Value, name: &str) -> Error {
    let message = format!("'{}' object has no attribute '{name}'", value.type_name());
    Error::new(super::error::Class::AttributeError, message)
}

/// An attribute that is no method.
pub(super) fn property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Big(_) | Value::Bool(_) | Value::Float(_) => number::property(value, name),
        Value::Range(range) => Some(Value::Int(match name {
            "start" => range.start,
            "stop" => range.stop,
            "step" => range.step,
            _ => return None,
        })),
        _ => None,
    }
}

/// Refuses any argument.
fn no_args(function: &str, args: &Args) -> Result<()> {
    if !args.named.is_empty() {
        return Err(Error::of_type(format!("{function}() takes no keyword arguments")));
    }
    match args.positional.len() {
        0 => Ok(()),
        count => Err(Error::of_type(format!("{function}() takes no arguments ({count} given)"))),
    }
}

/// A method a template may see but not use: it has no use without types that are not there.
fn unsupported(kind: &str, name: &str) -> Error {
    Error::of_type(format!("{kind}.{name}() is not supported in templates"))
}

/// An integer argument.
fn int_arg(value: &Value) -> Result<i64> {
    match value {
        Value::Undefined(undefined) if undefined.is_strict() => Err(undefined.error()),
        Value::Big(int) => Ok(if int.sign() == num_bigint::Sign::Minus { i64::MIN } else { i64::MAX }),
        other => other.as_int().ok_or_else(|| {
            Error::of_type(format!("'{}' object cannot be interpreted as an integer", other.type_name()))
        }),
    }
}

/// A text argument.
fn str_arg<'a>(value: &'a Value, function: &str) -> Result<&'a str> {
    value.as_str().ok_or_else(|| {
        let kind = value.type_name();
        Error::of_type(format!("{function}() argument must be str, not {kind}"))
    })
}

/// A width: what is negative is none.
fn width_arg(args: &mut Bound, at: usize) -> Result<usize> {
    Ok(int_arg(&args.take(at))?.max(0) as usize)
}

/// The bounds of `find(part, start, end)` in a sequence of this length.
fn bounds(args: &mut Bound, at: usize, length: usize) -> Result<(usize, usize)> {
    let mut place = |at: usize, default: usize| -> Result<usize> {
        let Some(bound) = args.some(at) else { return Ok(default) };
        let bound = int_arg(&bound)?;
        let bound = if bound < 0 { bound.saturating_add(length as i64).max(0) } else { bound };
        Ok(usize::try_from(bound).unwrap_or(usize::MAX))
    };
    Ok((place(at, 0)?, place(at + 1, length)?.min(length)))
}

/// Fails for what is undefined, as everything does that looks at a value.
fn defined(value: &Value) -> Result<()> {
    match value {
        Value::Undefined(undefined) if Undefined::is_strict(undefined) => Err(undefined.error()),
        _ => Ok(()),
    }
}
