//! Parameters as arguments of a script: which are positional, and the text of each.

use crate::pytext;
use serde_json::{Map, Value};

/// The arguments of a script, not yet quoted for any shell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// By ascending position.
    pub positional: Vec<String>,
    /// The others, in the order of the parameters, with their values as they are.
    pub named: Map<String, Value>,
}

/// Sorts the values of an action's parameters into arguments.
///
/// Every parameter with a position takes part, given or not; an absent one becomes an empty text, so that those
/// behind it keep their place.
pub fn of(values: &Map<String, Value>, parameters: &Map<String, Value>) -> Arguments {
    let mut places: Vec<(f64, &String, &Value)> = vec![];
    for (name, schema) in parameters {
        let Some(position) = schema.get("position").and_then(Value::as_f64) else { continue };
        // Registration refuses two parameters with one position; should it happen all the same, the last wins.
        places.retain(|(other, ..)| other.total_cmp(&position).is_ne());
        places.push((position, name, schema));
    }
    places.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let positional = places.iter().map(|(_, name, schema)| positional(values.get(*name), schema)).collect();
    let is_named = |name: &str| !places.iter().any(|(_, positional, _)| *positional == name);
    let named = values
        .iter()
        .filter(|(name, _)| is_named(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Arguments { positional, named }
}

fn positional(value: Option<&Value>, schema: &Value) -> String {
    let value = value.unwrap_or(&Value::Null);
    let is_true = pytext::truthy(value);
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "number" | "float") if value.is_null() => String::new(),
        Some("string" | "number" | "float") => pytext::str(value),
        Some("boolean") if value.is_null() => String::new(),
        Some("boolean") => if is_true { "1" } else { "0" }.to_owned(),
        Some("array" | "list") => match value {
            Value::Array(items) => items.iter().map(pytext::str).collect::<Vec<_>>().join(","),
            // A text is a list of its characters to Python, an object one of its keys.
            Value::String(text) => text.chars().map(String::from).collect::<Vec<_>>().join(","),
            Value::Object(map) => map.keys().cloned().collect::<Vec<_>>().join(","),
            _ if is_true => pytext::str(value),
            _ => String::new(),
        },
        Some("object") if is_true => pytext::json_compact(value),
        Some("object" | "null") => String::new(),
        // The integer 0 becomes an empty argument. Scripts written for StackStorm count on it.
        _ if is_true => pytext::str(value),
        _ => String::new(),
    }
}
