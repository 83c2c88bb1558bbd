//! Defaults: filling them in, and letting null through where the default is null.

use super::{Error, truthy};
use crate::pytext;
use serde_json::{Map, Value, json};

/// Whether a schema has any default. It may have fewer than it seems, as a property may be called so.
pub(super) fn are_in(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.contains_key("default") || fields.values().any(are_in),
        Value::Array(items) => items.iter().any(are_in),
        _ => false,
    }
}

/// Fills in the defaults of `schema` wherever `instance` has nothing or null.
pub(super) fn assign(instance: &mut Value, schema: &Value) {
    match (instance, schema.get("type").and_then(Value::as_str)) {
        (Value::Object(map), Some("object")) => assign_object(map, schema),
        (Value::Array(list), Some("array")) => assign_array(list, schema),
        _ => {}
    }
}

fn assign_object(map: &mut Map<String, Value>, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        if let Some(default) = property.get("default")
            && map.get(name).is_none_or(Value::is_null)
            && may_default(name, schema, properties, map)
        {
            map.insert(name.clone(), default.clone());
        }
        let kind = property.get("type");
        match map.get_mut(name) {
            Some(Value::Array(list)) if is_or_lists(kind, "array") => assign_array(list, property),
            Some(Value::Object(map)) if is_or_lists(kind, "object") && !is_or_lists(kind, "array") => {
                assign_object(map, property);
            }
            _ => {}
        }
    }
}

/// A default that depends on a property which is absent and has none itself stays out.
fn may_default(
    name: &str,
    schema: &Value,
    properties: &Map<String, Value>,
    map: &Map<String, Value>,
) -> bool {
    let has = |needed: &str| {
        properties.get(needed).is_some_and(|property| property.get("default").is_some())
            || map.contains_key(needed)
    };
    match schema.get("dependencies").and_then(|dependencies| dependencies.get(name)) {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).all(has),
        Some(Value::Object(names)) => names.keys().all(|name| has(name)),
        _ => true,
    }
}

fn assign_array(list: &mut [Value], schema: &Value) {
    let schemas: Box<dyn Iterator<Item = &Value>> = match schema.get("items") {
        Some(items @ Value::Object(map)) if !map.is_empty() => Box::new(std::iter::repeat(items)),
        Some(Value::Array(items)) => Box::new(items.iter()),
        _ => return,
    };
    for (item, schema) in list.iter_mut().zip(schemas) {
        if let Some(default) = schema.get("default")
            && item.is_null()
        {
            *item = default.clone();
        }
        let kind = schema.get("type");
        match item {
            Value::Array(list) if is_or_lists(kind, "array") => assign_array(list, schema),
            Value::Object(map) if is_or_lists(kind, "object") => assign_object(map, schema),
            _ => {}
        }
    }
}

/// Changes the schema so that null fits every property that is optional, or has a default, and defaults to null.
///
/// # Errors
/// Positional `items` under a parameter: StackStorm refuses every call of such an action, and so do we, in its
/// words.
pub(super) fn allow_none(schema: &mut Value) -> Result<(), Error> {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return Ok(()) };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        let is_optional = !property.get("required").is_some_and(truthy);
        let default = property.get("default");
        if (default.is_some() || is_optional) && default.is_none_or(Value::is_null) {
            add_null(property);
        }
        let kind = property.get("type").cloned();
        if is_or_lists(kind.as_ref(), "array")
            && let Some(items) = property.get_mut("items").filter(|items| truthy(items))
        {
            if !items.is_object() {
                let name = pytext::type_name(items);
                return Err(Error::fault(format!("'{name}' object has no attribute 'get'")));
            }
            allow_none(items)?;
        }
        if is_or_lists(kind.as_ref(), "object") {
            let mut nested = Value::Object(std::mem::take(property));
            let outcome = allow_none(&mut nested);
            if let Value::Object(nested) = nested {
                *property = nested;
            }
            outcome?;
        }
    }
    Ok(())
}

fn add_null(property: &mut Map<String, Value>) {
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = property.get_mut(keyword)
            && !branches.iter().any(is_null_type)
        {
            branches.push(json!({"type": "null"}));
            return;
        }
    }
    let has_branches = property.contains_key("anyOf") || property.contains_key("oneOf");
    match property.get_mut("type") {
        Some(Value::Array(kinds)) => {
            if !kinds.iter().any(is_null_type) {
                kinds.push(json!("null"));
            }
        }
        _ if has_branches => {}
        // StackStorm makes `[null, null]` of it, an invalid schema that fails every call; null fits as it is.
        Some(kind) if kind == "null" => {}
        Some(kind) => *kind = json!([kind.take(), "null"]),
        None => _ = property.insert("type".to_owned(), json!(["string", "null"])),
    }
}

fn is_null_type(kind: &Value) -> bool {
    kind == "null" || kind.get("type").is_some_and(|kind| kind == "null")
}

fn is_or_lists(kind: Option<&Value>, name: &str) -> bool {
    match kind {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        Some(kind) => kind == name,
        None => false,
    }
}
