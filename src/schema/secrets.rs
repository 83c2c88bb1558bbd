//! Which parameters are secret, and hiding their values.

use super::truthy;
use serde_json::{Map, Value};

/// What stands in place of a secret.
pub const MASK: &str = "********";

/// The value does not have the shape that its schema gives it, so its secrets cannot be found inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value does not have the shape of its schema")]
pub struct Misfit;

/// What is secret among the parameters: name → type, or the same nested for objects and (in an array) for items.
///
/// A secret object or array is secret as a whole.
pub fn of(parameters: &Map<String, Value>) -> Value {
    // A parameter called `secret` makes everything secret: upstream reads the map as if it were a schema. Showing
    // less than necessary is the safe side of that, so it stays.
    if parameters.get("secret").is_some_and(truthy) {
        return parameters.get("type").cloned().unwrap_or_default();
    }
    let children: Box<dyn Iterator<Item = (Option<&String>, &Value)>> =
        match parameters.get("type").and_then(Value::as_str) {
            Some("object") => Box::new(
                parameters
                    .get("properties")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                    .map(|(k, v)| (Some(k), v)),
            ),
            Some("array") => Box::new(parameters.get("items").into_iter().map(|items| (None, items))),
            _ => Box::new(parameters.iter().map(|(name, schema)| (Some(name), schema))),
        };
    let mut named = Map::new();
    let mut items = vec![];
    for (name, schema) in children {
        let Some(schema) = schema.as_object() else { continue };
        let kind = schema.get("type").cloned().unwrap_or_default();
        let secret = if schema.get("secret").is_some_and(truthy) {
            kind
        } else if kind == "object" || kind == "array" {
            let nested = of(schema);
            if !truthy(&nested) {
                continue;
            }
            nested
        } else {
            continue;
        };
        match name {
            Some(name) => _ = named.insert(name.clone(), secret),
            None => items.push(secret),
        }
    }
    if parameters.get("type").is_some_and(|kind| kind == "array") {
        Value::Array(items)
    } else {
        Value::Object(named)
    }
}

/// Hides the secrets in `values`.
///
/// # Errors
/// A value does not fit the specification. [`mask`] hides such a value whole.
pub fn mask_exactly(values: &Value, secrets: &Value) -> Result<Value, Misfit> {
    match secrets {
        Value::Object(secrets) => mask_named(values, secrets),
        Value::Array(secrets) => {
            secrets.iter().try_fold(values.clone(), |values, secret| mask_items(&values, secret))
        }
        _ => Ok(masked()),
    }
}

/// Hides the secrets in `values`; what does not fit the specification is hidden whole.
pub fn mask(values: &Value, secrets: &Value) -> Value {
    let (Value::Object(values), Value::Object(by_name)) = (values, secrets) else {
        return mask_exactly(values, secrets).unwrap_or_else(|Misfit| masked());
    };
    let mut result = values.clone();
    for (name, secret) in by_name {
        if let Some(value) = result.get_mut(name) {
            *value = mask_exactly(value, secret).unwrap_or_else(|Misfit| masked());
        }
    }
    Value::Object(result)
}

/// Hides the secrets in the response to an inquiry. Only `secret: true` directly under the schema's properties counts.
///
/// # Errors
/// The schema has no properties; upstream fails there too.
pub fn mask_inquiry(response: &Map<String, Value>, schema: &Value) -> Result<Map<String, Value>, Misfit> {
    let properties = schema.get("properties").and_then(Value::as_object).ok_or(Misfit)?;
    let mut result = response.clone();
    for (name, property) in properties {
        if property.get("secret") == Some(&Value::Bool(true))
            && let Some(value) = result.get_mut(name)
        {
            *value = masked();
        }
    }
    Ok(result)
}

fn masked() -> Value {
    Value::String(MASK.to_owned())
}

fn mask_named(values: &Value, secrets: &Map<String, Value>) -> Result<Value, Misfit> {
    match values {
        Value::Object(map) => {
            let mut map = map.clone();
            for (name, secret) in secrets {
                if let Some(value) = map.get_mut(name) {
                    *value = mask_exactly(value, secret)?;
                }
            }
            Ok(Value::Object(map))
        }
        // In a text or a list a name may occur by chance; only then is there something to worry about.
        Value::String(text) if !secrets.keys().any(|name| text.contains(name)) => Ok(values.clone()),
        Value::Array(items)
            if !items.iter().any(|item| item.as_str().is_some_and(|name| secrets.contains_key(name))) =>
        {
            Ok(values.clone())
        }
        _ if secrets.is_empty() => Ok(values.clone()),
        _ => Err(Misfit),
    }
}

fn mask_items(values: &Value, secret: &Value) -> Result<Value, Misfit> {
    match values {
        Value::Array(items) => {
            items.iter().map(|item| mask_exactly(item, secret)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::String(text) if text.is_empty() => Ok(values.clone()),
        Value::Object(map) if map.is_empty() => Ok(values.clone()),
        _ => Err(Misfit),
    }
}
