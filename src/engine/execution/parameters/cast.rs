//! Casting a parameter to its type, as Python does it: text becomes what it says, and little else changes.

use crate::pytext;
use num_bigint::BigInt;
use num_traits::FromPrimitive;
use serde_json::{Number, Value};

/// What the filter `use_none` writes for null.
const NONE_MAGIC: &str = "%*****__%NONE%__*****%";

/// Turns a value into its type, or says why it cannot.
pub type Cast = fn(&Value) -> Result<Value, String>;

/// The cast for a type; types without one leave values alone.
pub fn to(kind: &str) -> Option<Cast> {
    Some(match kind {
        "array" | "object" => structure,
        "boolean" => boolean,
        "integer" => integer,
        "number" => number,
        "string" => string,
        _ => return None,
    })
}

/// Casts a value to the type in its schema. Null stays null.
///
/// # Errors
/// Why it cannot be, in Python's words.
pub(super) fn by_schema(value: &Value, schema: Option<&Value>) -> Result<Value, String> {
    let cast = match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(kind)) => to(kind),
        // Definitions are refused when they have one; old data may still.
        Some(kinds @ Value::Array(items)) if !items.is_empty() && !value.is_null() => {
            return Err(format!("unhashable type: '{}'", pytext::type_name(kinds)));
        }
        _ => None,
    };
    match cast {
        Some(cast) if !value.is_null() => cast(value),
        _ => Ok(value.clone()),
    }
}

fn structure(value: &Value) -> Result<Value, String> {
    match none(value) {
        Value::String(text) => match pytext::json_loads(text) {
            Ok(value) => Ok(value),
            Err(_) => literal(text),
        },
        other => Ok(other.clone()),
    }
}

fn boolean(value: &Value) -> Result<Value, String> {
    match none(value) {
        Value::String(text) => literal(&capitalized(text)),
        other => Ok(other.clone()),
    }
}

fn integer(value: &Value) -> Result<Value, String> {
    let integer = match none(value) {
        Value::String(text) => pytext::int(text)?,
        Value::Bool(flag) => Number::from(u8::from(*flag)),
        Value::Number(number) if pytext::is_int(number) => number.clone(),
        Value::Number(number) => {
            let whole = BigInt::from_f64(pytext::to_f64(number).trunc());
            pytext::from_big(&whole.ok_or("cannot convert float infinity to integer")?)
        }
        other => return Err(not_a_number("int", other)),
    };
    Ok(Value::Number(integer))
}

fn number(value: &Value) -> Result<Value, String> {
    let float = match none(value) {
        Value::String(text) => pytext::float(text)?,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Number(number) => {
            let float = pytext::to_f64(number);
            if float.is_infinite() && pytext::is_int(number) {
                return Err("int too large to convert to float".to_owned());
            }
            float
        }
        other => return Err(not_a_number("float", other)),
    };
    Ok(pytext::from_f64(float))
}

fn not_a_number(function: &str, value: &Value) -> String {
    // Only `int` also takes bytes, and says so.
    let takes = if function == "int" { "a string, a bytes-like object" } else { "a string" };
    format!("{function}() argument must be {takes} or a real number, not '{}'", pytext::type_name(value))
}

fn string(value: &Value) -> Result<Value, String> {
    match value {
        Value::Null | Value::String(_) => Ok(none(value).clone()),
        other => Err(format!(
            "Value \"{}\" must either be a string or None. Got \"{}\".",
            pytext::str(other),
            pytext::type_name(other)
        )),
    }
}

/// The text that the filter `use_none` makes of null comes back as null.
fn none(value: &Value) -> &Value {
    if value.as_str() == Some(NONE_MAGIC) { &Value::Null } else { value }
}

fn literal(text: &str) -> Result<Value, String> {
    pytext::literal(text).map_err(|error| error.to_string())
}

/// Python's `capitalize()`: the first letter upper case, all others lower case.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect()
}
