//! Whether a body is what an endpoint takes, in the words of Python's jsonschema, which clients show.
//!
//! StackStorm looks twice: at the fields its OpenAPI document declares, one after the other, and then at the whole
//! against its model, where the most telling fault wins. Which fault is named depends on that order.
//!
//! Most bodies are right, and that is seen without building a validator ([`plainly_fits`]); only the others, and
//! those with rules that are not plain, go through [`schema::validate`], which finds the words.

use super::{ApiResult, Error};
use crate::{
    pytext,
    schema::{self, Options},
};
use serde_json::{Map, Value};

impl From<schema::Error> for Error {
    fn from(error: schema::Error) -> Self {
        Self::bad_request(error.message)
    }
}

/// The complaint about a body that is no object.
pub(super) fn not_an_object(value: &Value) -> Error {
    Error::bad_request(format!("{} is not of type 'object'", pytext::repr(value)))
}

/// Refuses what no reference can be made of.
pub(super) fn referable(pack: &str, name: &str) -> ApiResult<()> {
    if pack.is_empty() || name.is_empty() {
        return Err(Error::bad_request(format!(
            "Both pack and name needed for building ref. pack={pack}, name={name}"
        )));
    }
    Ok(())
}

/// Looks at each declared field, then for fields that are not declared. `schema` is an object schema, with
/// `required: true` at its required properties, and `nullable: true` where null is as good as nothing, though the
/// complaint about other types does not mention it.
pub(super) fn object(schema: &Value, body: &Map<String, Value>) -> ApiResult<()> {
    let properties = schema["properties"].as_object();
    let declared = || properties.into_iter().flatten();
    let missing = declared().find(|(name, rules)| rules["required"] == true && !body.contains_key(*name));
    if let Some((name, _)) = missing {
        return Err(Error::bad_request(format!("{} is a required property", pytext::repr_str(name))));
    }
    for (name, rules) in declared() {
        if let Some(value) = body.get(name)
            && !(value.is_null() && rules["nullable"] == true)
            && !plainly_fits(rules, value)
        {
            schema::validate(rules, value, Options::default())?;
        }
    }
    let closed = schema["additionalProperties"] == false;
    if closed && body.keys().any(|name| !properties.is_some_and(|declared| declared.contains_key(name))) {
        schema::validate(schema, &Value::Object(body.clone()), Options::default())?;
    }
    Ok(())
}

/// Looks twice. Returns the body with the schema's defaults.
pub(super) fn declared(schema: &Value, body: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    object(schema, &body)?;
    model(schema, body)
}

/// Looks once, at the whole. Returns the body with the schema's defaults.
pub(super) fn model(schema: &Value, body: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let options = Options { use_default: true, allow_default_none: true, ..Options::default() };
    match schema::validate(schema, &Value::Object(body), options)? {
        Value::Object(body) => Ok(body),
        other => Err(not_an_object(&other)),
    }
}

/// Whether a value fits rules that are simple enough to tell at a glance. `false` also when they are not.
fn plainly_fits(rules: &Value, value: &Value) -> bool {
    let Some(rules) = rules.as_object() else { return false };
    rules.iter().all(|(keyword, rule)| match keyword.as_str() {
        "required" | "default" | "description" | "nullable" => true,
        "type" => match rule {
            Value::String(name) => is(name, value),
            Value::Array(names) => names.iter().filter_map(Value::as_str).any(|name| is(name, value)),
            _ => false,
        },
        "enum" => rule.as_array().is_some_and(|allowed| value.is_string() && allowed.contains(value)),
        "items" => match value {
            Value::Array(items) => items.iter().all(|item| plainly_fits(rule, item)),
            _ => true,
        },
        "properties" => match (rule, value) {
            (Value::Object(declared), Value::Object(fields)) => declared.iter().all(|(name, rules)| {
                fields.get(name).map_or(rules["required"] != true, |value| plainly_fits(rules, value))
            }),
            _ => !value.is_object(),
        },
        "additionalProperties" => match (rule, value) {
            (Value::Bool(false), Value::Object(fields)) => fields.keys().all(|name| is_declared(rules, name)),
            (Value::Bool(_), _) => true,
            _ => false,
        },
        // Its one use here: names of parameters, whatever their values.
        "patternProperties" => rule.as_object().is_some_and(|rules| {
            rules
                .iter()
                .all(|(pattern, rules)| pattern == WORD && rules.as_object().is_some_and(Map::is_empty))
        }),
        _ => false,
    })
}

/// The pattern of parameter names.
const WORD: &str = r"^\w+$";

fn is_declared(rules: &Map<String, Value>, name: &str) -> bool {
    let listed = |keyword: &str, name: &str| {
        rules.get(keyword).and_then(Value::as_object).is_some_and(|names| names.contains_key(name))
    };
    let is_word = !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || it == '_');
    listed("properties", name) || (is_word && listed("patternProperties", WORD))
}

fn is(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("object", Value::Object(_))
        | ("array", Value::Array(_))
        | ("string", Value::String(_))
        | ("boolean", Value::Bool(_))
        | ("null", Value::Null)
        | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(schema: &Value, body: Value) -> String {
        let body = body.as_object().cloned().unwrap();
        object(schema, &body).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "required": true},
                "ttl": {"type": ["integer", "null"], "minimum": 1},
                "enabled": {"type": "boolean", "default": true},
                "parameters": {
                    "type": "object", "patternProperties": {"^\\w+$": {}}, "additionalProperties": false,
                },
                "notify": {
                    "type": "object",
                    "properties": {"on": {"type": "array", "items": {"type": "string"}}},
                    "additionalProperties": false,
                },
                "status": {"type": "string", "enum": ["a", "b"]},
            },
            "additionalProperties": false,
        })
    }

    #[test]
    fn faults_are_named_in_the_order_of_the_declaration() {
        let table = [
            (json!({}), "'name' is a required property"),
            (json!({"ttl": "x"}), "'name' is a required property"),
            (json!({"bogus": 1, "enabled": 1, "name": 5}), "5 is not of type 'string'"),
            (json!({"bogus": 1, "enabled": 1, "name": "n"}), "1 is not of type 'boolean'"),
            (json!({"name": "n", "ttl": 0}), "0 is less than the minimum of 1"),
            (json!({"name": "n", "ttl": "x"}), "'x' is not of type 'integer', 'null'"),
            (
                json!({"name": "n", "bogus": 1, "b": 2}),
                "Additional properties are not allowed ('b', 'bogus' were unexpected)",
            ),
            (
                json!({"name": "n", "parameters": {"a b": 1}}),
                "'a b' does not match any of the regexes: '^\\\\w+$'",
            ),
            (json!({"name": "n", "notify": {"on": [1]}}), "1 is not of type 'string'"),
            (json!({"name": "n", "status": "c"}), "'c' is not one of ['a', 'b']"),
            (json!({"name": "n", "ttl": null, "parameters": {"ä_1": 1}, "notify": {"on": ["x"]}}), ""),
        ];
        for (body, fault) in table {
            assert_eq!(words(&schema(), body.clone()), fault, "{body}");
        }
    }

    #[test]
    fn what_is_right_is_seen_at_a_glance() {
        let body =
            json!({"name": "n", "enabled": true, "parameters": {"a": {"b": 1}}, "notify": {}, "status": "a"});
        for (name, value) in body.as_object().unwrap() {
            assert!(plainly_fits(&schema()["properties"][name], value), "{name}");
        }
    }

    #[test]
    fn defaults_are_filled_in() {
        let body = json!({"name": "n"}).as_object().cloned().unwrap();
        assert_eq!(declared(&schema(), body).unwrap()["enabled"], json!(true));
    }
}
