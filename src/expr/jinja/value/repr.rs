//! `str()` and `repr()` of values, and the names of their classes in messages.

use std::fmt::Write;

use super::Value;
use crate::{
    expr::jinja::{
        budget::Budget,
        error::{Error, Result},
    },
    pytext,
};

/// `str(value)`.
///
/// # Errors
/// A strict undefined value, one that nests too deeply, or an integer too long to be written.
pub(in super::super) fn str_of(value: &Value, budget: &mut Budget) -> Result<String> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(text.to_string()),
        Value::Undefined(undefined) if undefined.is_strict() => Err(undefined.error()),
        Value::Undefined(_) => Ok(String::new()),
        Value::Object(object) => object.str(budget),
        other => repr(other, budget),
    }
}

/// Writes `str()` of a value that is no text.
///
/// # Errors
/// As for [`str_of`].
pub(in super::super) fn write_str_of(out: &mut String, value: &Value, budget: &mut Budget) -> Result<()> {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::None | Value::Float(_) => {
            write_repr(out, value, budget)
        }
        other => {
            out.push_str(&str_of(other, budget)?);
            Ok(())
        }
    }
}

/// `repr(value)`.
pub(in super::super) fn repr(value: &Value, budget: &mut Budget) -> Result<String> {
    let mut out = String::new();
    write_repr(&mut out, value, budget)?;
    Ok(out)
}

fn write_repr(out: &mut String, value: &Value, budget: &mut Budget) -> Result<()> {
    let before = out.len();
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => _ = write!(out, "{int}"),
        Value::Big(int) => out.push_str(&big(int)?),
        Value::Float(float) => out.push_str(&pytext::float_repr(*float)),
        Value::Str(text) => pytext::write_repr_str(out, text),
        Value::Markup(text) => {
            out.push_str("Markup(");
            pytext::write_repr_str(out, text);
            out.push(')');
        }
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Range(range) => {
            let super::Range { start, stop, step } = &**range;
            _ = match step {
                1 => write!(out, "range({start}, {stop})"),
                step => write!(out, "range({start}, {stop}, {step})"),
            };
        }
        Value::Undefined(_) => out.push_str("Undefined"),
        Value::Object(object) => out.push_str(&object.repr(budget)?),
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) => {
            budget.enter()?;
            let written = write_container(out, value, budget);
            budget.leave();
            return written;
        }
    }
    budget.pay(1)?;
    budget.make_text(out.len() - before)
}

fn write_container(out: &mut String, value: &Value, budget: &mut Budget) -> Result<()> {
    match value {
        Value::List(list) => {
            out.push('[');
            match list.unchanged() {
                Some(items) => write_items(out, items, budget)?,
                None => write_items(out, &list.items(), budget)?,
            }
            out.push(']');
        }
        Value::Tuple(tuple) => {
            out.push('(');
            write_items(out, tuple.items(), budget)?;
            out.push_str(if tuple.items().len() == 1 { ",)" } else { ")" });
        }
        Value::Dict(dict) => {
            out.push('{');
            match dict.unchanged() {
                Some(map) => write_entries(out, map.iter().map(|(key, item)| (key.value(), item)), budget)?,
                None => write_entries(out, dict.entries().iter().map(|(key, item)| (key, item)), budget)?,
            }
            out.push('}');
        }
        _ => {}
    }
    Ok(())
}

fn write_items(out: &mut String, items: &[Value], budget: &mut Budget) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, item, budget)?;
    }
    Ok(())
}

fn write_entries<'v>(
    out: &mut String,
    entries: impl Iterator<Item = (&'v Value, &'v Value)>,
    budget: &mut Budget,
) -> Result<()> {
    for (index, (key, item)) in entries.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, key, budget)?;
        out.push_str(": ");
        write_repr(out, item, budget)?;
    }
    Ok(())
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(char::from(quote));
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if byte == quote => {
                out.push('\\');
                out.push(char::from(byte));
            }
            0x20..=0x7e => out.push(char::from(byte)),
            byte => _ = write!(out, "\\x{byte:02x}"),
        }
    }
    out.push(char::from(quote));
}

/// The most digits Python writes: more would cost their square.
const MAX_DIGITS: u64 = 4300;

/// The digits of a large integer.
pub(in super::super) fn big(int: &num_bigint::BigInt) -> Result<String> {
    let too_long = || {
        Error::of_value(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion; use \
             sys.set_int_max_str_digits() to increase the limit"
        ))
    };
    // Four bits hold at least one digit: what is longer than that is not even converted.
    if int.bits() > MAX_DIGITS * 4 {
        return Err(too_long());
    }
    let text = int.to_string();
    if text.trim_start_matches('-').len() as u64 > MAX_DIGITS { Err(too_long()) } else { Ok(text) }
}

/// How messages about missing members name the object.
pub(in super::super) fn object_type(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Markup(_) => "markupsafe.Markup object".to_owned(),
        Value::Tuple(tuple) if tuple.is_named() => "jinja2.filters._GroupTuple object".to_owned(),
        Value::Object(object) => object.described(),
        Value::Undefined(undefined) => format!("jinja2.runtime.{} object", undefined.type_name()),
        other => format!("{} object", other.type_name()),
    }
}
