//! Secrets replaced by asterisks, as schemas mark them with `secret: true`.
//!
//! A mark hides the whole value under it. Wherever StackStorm would stop looking (a schema without a `type`,
//! positional items of a parameter) we look on: hiding more of what is marked is the safe side.

use serde_json::{Map, Value};

/// What a secret looks like.
pub const MASK: &str = "********";

/// Whether anything in a schema (or a part of one) is marked.
pub fn mentions_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("secret").is_some_and(is_marked) || fields.values().any(mentions_secret)
        }
        Value::Array(items) => items.iter().any(mentions_secret),
        _ => false,
    }
}

/// Masks the values of named parameters.
pub fn mask_parameters(schemas: &Map<String, Value>, values: &mut Map<String, Value>) {
    for (name, value) in values {
        if let Some(schema) = schemas.get(name) {
            mask(schema, value);
        }
    }
}

/// Masks a value by its schema.
pub fn mask(schema: &Value, value: &mut Value) {
    let Value::Object(schema) = schema else { return };
    if schema.get("secret").is_some_and(is_marked) {
        *value = MASK.into();
        return;
    }
    match value {
        Value::Object(fields) => mask_fields(schema, fields),
        Value::Array(items) => mask_items(schema, items),
        // Text where an object with secrets belongs may hold them written out.
        Value::String(_) if schema.get("properties").is_some_and(mentions_secret) => *value = MASK.into(),
        _ => {}
    }
}

fn mask_fields(schema: &Map<String, Value>, fields: &mut Map<String, Value>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let patterns: Vec<(fancy_regex::Regex, &Value)> = schema
        .get("patternProperties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, schema)| mentions_secret(schema))
        .filter_map(|(pattern, schema)| Some((fancy_regex::Regex::new(pattern).ok()?, schema)))
        .collect();
    for (name, value) in fields {
        if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
            mask(schema, value);
        } else if let Some((_, schema)) =
            // A pattern that gives up counts as a match: better hidden than shown.
            patterns.iter().find(|(pattern, _)| pattern.is_match(name).unwrap_or(true))
        {
            mask(schema, value);
        } else if let Some(schema) = schema.get("additionalProperties") {
            mask(schema, value);
        }
    }
}

fn mask_items(schema: &Map<String, Value>, items: &mut [Value]) {
    let rest = match schema.get("items") {
        Some(Value::Array(schemas)) => {
            items.iter_mut().zip(schemas).for_each(|(item, schema)| mask(schema, item));
            schemas.len()
        }
        Some(schema) => {
            items.iter_mut().for_each(|item| mask(schema, item));
            items.len()
        }
        None => 0,
    };
    if let Some(schema) = schema.get("additionalItems") {
        items.iter_mut().skip(rest).for_each(|item| mask(schema, item));
    }
}

/// Masks an action's output by its output schema, which may be written in the old form: a bare map of properties.
pub fn mask_output(schema: &Value, value: &mut Value) {
    match schema.as_object() {
        Some(properties) if !properties.get("type").is_some_and(Value::is_string) => {
            if let Value::Object(fields) = value {
                mask_parameters(properties, fields);
            }
            mask(schema, value);
        }
        _ => mask(schema, value),
    }
}

/// Masks every field (or the whole, when it has none): for values whose schema is elsewhere.
pub fn mask_all(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| *field = MASK.into()),
        other => *other = MASK.into(),
    }
}

fn is_marked(mark: &Value) -> bool {
    !matches!(mark, Value::Bool(false) | Value::Null | Value::Object(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_hide_whole_subtrees_at_any_depth() {
        let schemas = json!({
            "account": {"type": "object", "properties": {
                "password": {"type": "string", "secret": true},
                "keys": {"type": "array", "items": {"type": "string", "secret": true}}}},
            "list": {"type": "array", "secret": true},
            "people": {"type": "array", "items": {"type": "object", "properties": {"pin": {"secret": true}}}},
        });
        let mut values = json!({
            "account": {"user": "u", "password": "p", "keys": ["k1", "k2"]},
            "list": ["l"], "people": [{"name": "n", "pin": "1"}], "plain": 1,
        });
        mask_parameters(schemas.as_object().unwrap(), values.as_object_mut().unwrap());
        assert_eq!(
            values,
            json!({
                "account": {"user": "u", "password": MASK, "keys": [MASK, MASK]},
                "list": MASK, "people": [{"name": "n", "pin": MASK}], "plain": 1,
            })
        );
    }

    #[test]
    fn a_parameter_that_is_named_secret_hides_nothing_but_what_is_marked() {
        let schemas = json!({"secret": {"type": "string"}, "other": {"type": "string", "secret": true}});
        let mut values = json!({"secret": "a", "other": "b"});
        mask_parameters(schemas.as_object().unwrap(), values.as_object_mut().unwrap());
        assert_eq!(values, json!({"secret": "a", "other": MASK}));
    }

    #[test]
    fn output_is_masked_by_both_forms_of_schema() {
        let old = json!({"token": {"type": "string", "secret": true}});
        let new = json!({"type": "object", "properties": old, "patternProperties": {"^x_": {"secret": true}},
            "additionalProperties": {"type": "object", "properties": {"pin": {"secret": true}}}});
        let mut value = json!({"token": "t", "x_1": "y", "other": {"pin": 1, "name": "n"}});
        mask_output(&old, &mut value);
        assert_eq!(value["token"], MASK);
        mask_output(&new, &mut value);
        assert_eq!(value, json!({"token": MASK, "x_1": MASK, "other": {"pin": MASK, "name": "n"}}));
    }

    #[test]
    fn positional_items_and_the_rest_are_masked() {
        let schema = json!({"type": "array", "items": [{"type": "string"}, {"secret": true}],
            "additionalItems": {"secret": true}});
        let mut value = json!(["a", "b", "c"]);
        mask(&schema, &mut value);
        assert_eq!(value, json!(["a", MASK, MASK]));
    }

    #[test]
    fn marks_are_found_wherever_they_stand() {
        assert!(mentions_secret(&json!({"items": [{"properties": {"a": {"secret": true}}}]})));
        assert!(!mentions_secret(&json!({"properties": {"secret": {"type": "string"}}, "secret": false})));
    }
}
