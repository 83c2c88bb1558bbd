//! The schemas of schemas: draft 4's, changed by StackStorm (boolean `required`, `secret`, `immutable`,
//! `position`). Three of them, differing in two points: whether `type` may be a list and unknown keys are refused.
//!
//! The order of the entries is part of the behaviour: a schema with several faults is refused for the first.

use super::{Compiled, Error, Options};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// What all three call themselves, as draft 4's own does.
const ID: &str = "http://json-schema.org/draft-04/schema";

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Whether a parameter can have this as its type: a single name.
pub fn is_type(value: &Value) -> bool {
    value.as_str().is_some_and(|name| TYPES.contains(&name))
}

/// What the schemas of calls and outputs are checked with before use; unknown keys pass.
static LENIENT: LazyLock<Compiled> = LazyLock::new(|| Compiled::trusted(build(true, false)));
/// What a reference to draft 4's address leads to.
static STRICT: LazyLock<Compiled> = LazyLock::new(|| Compiled::trusted(build(true, true)));
/// For parameters of actions and runners, and for pack configuration: one type each.
static PARAMETER: LazyLock<Compiled> = LazyLock::new(|| Compiled::trusted(build(false, true)));
/// For output schemas: one type each, unknown keys pass.
static OUTPUT: LazyLock<Compiled> = LazyLock::new(|| Compiled::trusted(build(false, false)));

/// Checks one parameter's definition.
pub fn check_definition(definition: &Value) -> Result<(), Error> {
    PARAMETER.validate(definition.clone(), Options::default()).map(drop)
}

/// The schema that [`check_definition`] checks with, for those who build larger schemas around it.
pub fn parameter_schema() -> &'static Value {
    PARAMETER.schema()
}

/// The same where `type` may be a list, as policy types allow.
pub fn any_schema() -> &'static Value {
    STRICT.schema()
}

/// Is this a whole output schema? Those without `type` are of an older form.
pub(super) fn is_output_schema(schema: &Value) -> bool {
    let options = Options { use_default: true, ..Options::default() };
    schema.get("type").is_some() && OUTPUT.validate(schema.clone(), options).is_ok()
}

/// Checks a schema before anything is validated with it, as jsonschema does.
pub(super) fn check_schema(schema: &Value, explain: bool) -> Result<(), Error> {
    LENIENT.check_as_schema(schema, explain)
}

/// The schema of schemas that `uri` names.
pub(super) fn by_uri(uri: &str) -> Option<&'static Value> {
    (uri == ID).then(|| STRICT.schema())
}

/// The schema of schemas that a sub-schema claims to be by its `id`: references inside it then mean that one.
pub(super) fn by_id(schema: &Value) -> Option<&'static Value> {
    schema.get("id").filter(|id| is_same_id(id, ID)).map(|_| STRICT.schema())
}

/// Do an `id` and an address without fragment mean the same?
pub(super) fn is_same_id(id: &Value, uri: &str) -> bool {
    id.as_str().is_some_and(|id| id.strip_suffix('#').unwrap_or(id) == uri)
}

fn build(lists_of_types: bool, closed: bool) -> Value {
    let one_of_types = json!({"$ref": "#/definitions/simpleTypes"});
    let types = if lists_of_types {
        json!([one_of_types, {"type": "array", "items": one_of_types, "minItems": 1, "uniqueItems": true}])
    } else {
        json!([one_of_types])
    };
    let flag = || json!({"type": "boolean", "default": false});
    let text = || json!({"type": "string"});
    let number = || json!({"type": "number"});
    let count = || json!({"$ref": "#/definitions/positiveInteger"});
    let count_or_0 = || json!({"$ref": "#/definitions/positiveIntegerDefault0"});
    let schemas = || json!({"$ref": "#/definitions/schemaArray"});
    let flag_or_schema = || json!({"anyOf": [{"type": "boolean"}, {"$ref": "#"}], "default": {}});
    let schema_map = || json!({"type": "object", "additionalProperties": {"$ref": "#"}, "default": {}});

    let mut properties = json!({
        "id": {"type": "string", "format": "uri"},
        "$schema": {"type": "string", "format": "uri"},
        "title": text(),
        "description": text(),
        "default": {},
        "multipleOf": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
        "maximum": number(),
        "exclusiveMaximum": flag(),
        "minimum": number(),
        "exclusiveMinimum": flag(),
        "maxLength": count(),
        "minLength": count_or_0(),
        "pattern": {"type": "string", "format": "regex"},
        "additionalItems": flag_or_schema(),
        "items": {"anyOf": [{"$ref": "#"}, schemas()], "default": {}},
        "maxItems": count(),
        "minItems": count_or_0(),
        "uniqueItems": flag(),
        "maxProperties": count(),
        "minProperties": count_or_0(),
        "required": flag(),
        "secret": flag(),
        "additionalProperties": flag_or_schema(),
        "definitions": schema_map(),
        "properties": schema_map(),
        "patternProperties": schema_map(),
        "dependencies": {
            "type": "object",
            "additionalProperties": {"anyOf": [{"$ref": "#"}, {"$ref": "#/definitions/stringArray"}]}
        },
        "enum": {"type": "array", "minItems": 1, "uniqueItems": true},
        "type": {"anyOf": types},
    });
    // Only the form that allows lists of types knows `format`; nothing ever checks it.
    let last = [
        ("format", lists_of_types.then(text)),
        ("position", Some(json!({"type": "number", "minimum": 0}))),
        ("immutable", Some(flag())),
        ("allOf", Some(schemas())),
        ("anyOf", Some(schemas())),
        ("oneOf", Some(schemas())),
        ("not", Some(json!({"$ref": "#"}))),
    ];
    for (name, schema) in last {
        if let Some(schema) = schema {
            properties[name] = schema;
        }
    }

    let mut schema = json!({
        "id": format!("{ID}#"),
        "$schema": format!("{ID}#"),
        "description": "Core schema meta-schema",
        "definitions": {
            "schemaArray": {"type": "array", "minItems": 1, "items": {"$ref": "#"}},
            "positiveInteger": {"type": "integer", "minimum": 0},
            "positiveIntegerDefault0": {"allOf": [count(), {"default": 0}]},
            "simpleTypes": {"enum": TYPES},
            "stringArray": {"type": "array", "items": text(), "minItems": 1, "uniqueItems": true}
        },
        "type": "object",
        "properties": properties,
        "dependencies": {"exclusiveMaximum": ["maximum"], "exclusiveMinimum": ["minimum"]},
        "default": {},
    });
    if closed {
        schema["additionalProperties"] = json!(false);
    }
    schema
}
