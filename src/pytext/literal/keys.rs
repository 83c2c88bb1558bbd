//! Keys of dictionaries: which are equal, and what they are called in JSON.

use serde_json::Value;

use super::{LiteralError, parser::Parsed};
use crate::pytext::{
    number::equal_text,
    repr::{number_repr, repr_str},
};

/// A text that two keys share exactly if Python calls them equal.
pub(super) fn identity(key: &Value) -> String {
    match key {
        Value::Null => "none".to_owned(),
        Value::Bool(flag) => format!("n{}", u8::from(*flag)),
        Value::Number(number) => format!("n{}", equal_text(number)),
        Value::String(text) => format!("s{}", repr_str(text)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(identity).collect();
            format!("({})", items.join(","))
        }
        Value::Object(_) => String::new(),
    }
}

/// A key as `json.dumps` writes it.
pub(super) fn key_text(key: &Value) -> Parsed<String> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok("null".to_owned()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number_repr(number)),
        _ => {
            let message = "keys must be str, int, float, bool or None, not tuple";
            Err(LiteralError::Unsupported(message.to_owned()))
        }
    }
}
