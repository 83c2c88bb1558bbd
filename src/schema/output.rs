//! Results of actions: checked against the output schemas of runner and action, and their secrets hidden.
//!
//! Who decides whether to check at all is the caller: it is off by default and only concerns successes.

use super::{Compiled, Error, Kind, Options, definition, secrets::MASK, truthy};
use crate::pytext::{self, search::Search};
use serde_json::{Map, Value, json};

/// The action's part of the result does not fit; what the result of the execution becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// `{error, message[, traceback]}`.
    pub result: Value,
}

/// Checks a whole result against the runner's schema, and what it has under `output_key` against the action's.
///
/// Schemas without `type`, or that are none, are ignored.
pub fn validate(
    runner_schema: &Value,
    action_schema: &Value,
    result: &Value,
    output_key: &str,
) -> Result<(), Refused> {
    if !truthy(runner_schema) {
        return Ok(());
    }
    check(runner_schema, result)?;
    if !truthy(action_schema) || !definition::is_output_schema(action_schema) {
        return Ok(());
    }
    let Some(output) = result.get(output_key) else {
        let why = match result {
            Value::Object(_) => pytext::repr(&Value::String(output_key.to_owned())),
            other => format!("'{}' object is not subscriptable", pytext::type_name(other)),
        };
        return Err(refused(&Error::fault(why)));
    };
    check(action_schema, output)
}

fn check(schema: &Value, value: &Value) -> Result<(), Refused> {
    if !definition::is_output_schema(schema) {
        return Ok(());
    }
    let options = Options { use_default: true, explain: true, ..Options::default() };
    Compiled::new(schema.clone(), options)
        .and_then(|compiled| compiled.validate(value.clone(), options))
        .map(drop)
        .map_err(|error| refused(&error))
}

fn refused(error: &Error) -> Refused {
    let mut result = json!({});
    // Python's text there cannot be had; clients only look whether the key is present.
    if error.kind != Kind::Value {
        result["traceback"] = json!("…");
    }
    result["error"] = json!(error.text());
    result["message"] = json!("Error validating output. See error output for more details.");
    Refused { result }
}

/// Might a result of this action need masking at all?
pub fn may_mask(action_schema: &Value) -> bool {
    fn mentions(schema: &Value) -> bool {
        match schema {
            Value::Object(map) => {
                map.iter().any(|(key, value)| (key == "secret" && truthy(value)) || mentions(value))
            }
            Value::Array(items) => items.iter().any(mentions),
            _ => false,
        }
    }
    mentions(action_schema)
}

/// Hides the secrets in what a result has under `output_key`.
pub fn mask(result: &mut Value, action_schema: &Value, output_key: &str) {
    if output_key.is_empty() || !truthy(action_schema) {
        return;
    }
    let Some(output) = result.as_object_mut().and_then(|map| map.get_mut(output_key)) else { return };
    if definition::is_output_schema(action_schema) {
        mask_value(output, action_schema);
        return;
    }
    // The older form names the properties without saying that it means an object.
    let whole = json!({"type": "object", "properties": action_schema, "additionalProperties": true});
    if definition::is_output_schema(&whole) {
        mask_value(output, &whole);
    }
}

fn mask_value(value: &mut Value, schema: &Value) {
    let Some(schema) = schema.as_object() else { return };
    if schema.get("secret").is_some_and(truthy) {
        *value = Value::String(MASK.to_owned());
        return;
    }
    match (schema.get("type").and_then(Value::as_str), value) {
        (Some("object"), Value::Object(map)) => mask_object(map, schema),
        (Some("array"), Value::Array(list)) => mask_list(list, schema),
        _ => {}
    }
}

fn mask_object(map: &mut Map<String, Value>, schema: &Map<String, Value>) {
    let named = schema.get("properties").and_then(Value::as_object);
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let patterns: Vec<_> =
        patterns.into_iter().flatten().map(|(pattern, schema)| (Search::new(pattern), schema)).collect();
    let additional = schema.get("additionalProperties").filter(|schema| schema.is_object());
    for (name, value) in map {
        if let Some(schema) = named.and_then(|named| named.get(name)) {
            mask_value(value, schema);
            continue;
        }
        // A pattern that cannot be compiled or searched might have meant this key: then it counts as found.
        let found = patterns.iter().find(|(pattern, _)| {
            pattern.as_ref().map_or(true, |pattern| pattern.is_match(name.as_str()).unwrap_or(true))
        });
        if let Some(schema) = found.map(|(_, schema)| *schema).or(additional) {
            mask_value(value, schema);
        }
    }
}

fn mask_list(list: &mut [Value], schema: &Map<String, Value>) {
    let Some(positional) = schema.get("items").and_then(Value::as_array) else {
        if let Some(schema) = schema.get("items") {
            for item in list {
                mask_value(item, schema);
            }
        }
        return;
    };
    let additional = schema.get("additionalItems");
    for (index, item) in list.iter_mut().enumerate() {
        if let Some(schema) = positional.get(index).or(additional) {
            mask_value(item, schema);
        }
    }
}
