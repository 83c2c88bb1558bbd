//! Whether a body is what an endpoint takes, in the words of Python's jsonschema, which clients show.

use super::{ApiResult, Error};
use serde_json::{Map, Value, json};

/// The complaint about a body that is no object.
pub(super) fn not_an_object(value: &Value) -> Error {
    Error::bad_request(format!("{} is not of type 'object'", repr(value)))
}

/// Checks `fields` against an object schema: `required`, `properties` with `type` and `minimum`, and
/// `additionalProperties`.
pub(super) fn object(schema: &Value, fields: &Map<String, Value>) -> ApiResult<()> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for (name, rules) in properties {
        if let Some(value) = fields.get(name) {
            check(rules, value)?;
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Err(Error::bad_request(format!("{} is a required property", repr(&json!(name)))));
        }
    }
    if schema["additionalProperties"] == json!(false) {
        let extra: Vec<String> = fields
            .keys()
            .filter(|name| !properties.contains_key(*name))
            .map(|name| repr(&json!(name)))
            .collect();
        if !extra.is_empty() {
            let verb = if extra.len() == 1 { "was" } else { "were" };
            return Err(Error::bad_request(format!(
                "Additional properties are not allowed ({} {verb} unexpected)",
                extra.join(", ")
            )));
        }
    }
    Ok(())
}

fn check(rules: &Value, value: &Value) -> ApiResult<()> {
    let types: Vec<&str> = match &rules["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is(name, value)) {
        let names: Vec<String> = types.iter().map(|name| format!("'{name}'")).collect();
        return Err(Error::bad_request(format!("{} is not of type {}", repr(value), names.join(", "))));
    }
    if let (Some(least), Some(number)) = (rules["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        let least = &rules["minimum"];
        return Err(Error::bad_request(format!("{value} is less than the minimum of {least}")));
    }
    Ok(())
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => matches!(value, Value::Number(number) if !number.to_string().contains(['.', 'e', 'E'])),
        "number" => value.is_number(),
        _ => true,
    }
}

/// A value as Python prints it.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Value::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}: {}", repr(&json!(name)), repr(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}
