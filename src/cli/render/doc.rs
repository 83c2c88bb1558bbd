//! JSON and YAML output.

use super::value::lookup;
use crate::pytext;
use crate::yaml::{self, Yaml};
use serde_json::{Map, Value};

/// The attributes of an object, sorted, without those that start with `_`.
pub(crate) fn attributes(object: &Value) -> Vec<String> {
    let mut names: Vec<String> = object
        .as_object()
        .map(|map| map.keys().filter(|name| !name.starts_with('_')).cloned().collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// The chosen attributes of an object; dotted ones become nested, absent and null ones are left out.
pub(crate) fn pick(object: &Value, attributes: &[String]) -> Value {
    let mut picked = Map::new();
    let mut put = |name: &str, value: &Value| {
        if !value.is_null() {
            nest(&mut picked, name, value);
        }
    };
    if attributes.is_empty() || attributes.iter().any(|name| name == "all") {
        for (name, value) in object.as_object().into_iter().flatten() {
            put(name, value);
        }
    } else {
        for name in attributes {
            if let Some(value) = lookup(object, name) {
                put(name, value);
            }
        }
    }
    Value::Object(picked)
}

fn nest(map: &mut Map<String, Value>, name: &str, value: &Value) {
    match name.split_once('.') {
        None => {
            map.insert(name.to_owned(), value.clone());
        }
        Some((first, rest)) => {
            let below = map.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            if let Value::Object(below) = below {
                nest(below, rest, value);
            }
        }
    }
}

/// The chosen attributes of several objects.
pub(crate) fn pick_all(objects: &[Value], attributes: &[String]) -> Value {
    Value::Array(objects.iter().map(|object| pick(object, attributes)).collect())
}

/// JSON with sorted keys, indented by four.
pub(crate) fn json(document: &Value) -> String {
    indented(&sorted(document))
}

/// JSON indented by four, keys as they come.
pub(crate) fn indented(document: &Value) -> String {
    let mut text = String::new();
    write(&mut text, document, 1);
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let open = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"    ".repeat(depth));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                open(text, depth);
                write(text, item, depth + 1);
            }
            open(text, depth - 1);
            text.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            text.push('{');
            for (at, (name, item)) in map.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                open(text, depth);
                text.push_str(&pytext::json_dumps(&Value::String(name.clone())));
                text.push_str(": ");
                write(text, item, depth + 1);
            }
            open(text, depth - 1);
            text.push('}');
        }
        leaf => text.push_str(&pytext::json_dumps(leaf)),
    }
}

/// YAML in block style, indented by four.
pub(crate) fn yaml(document: &Value) -> String {
    let format = yaml::Format { indent: 4, ..yaml::Format::default() };
    yaml::dump_with(&Yaml::from_json(document), format)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            Value::Object(entries.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dotted_attributes_nest_and_nulls_go() {
        let object = json!({"a": {"b": 1, "c": 2}, "d": null, "e": []});
        let names: Vec<String> = ["a.b", "d", "e", "z"].map(str::to_owned).into();
        assert_eq!(pick(&object, &names), json!({"a": {"b": 1}, "e": []}));
        assert_eq!(pick(&object, &[]), json!({"a": {"b": 1, "c": 2}, "e": []}));
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        assert_eq!(
            json(&json!({"b": {"z": 1, "y": 2}, "a": 1})),
            "{\n    \"a\": 1,\n    \"b\": {\n        \"y\": 2,\n        \"z\": 1\n    }\n}"
        );
    }
}
