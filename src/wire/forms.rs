//! What the bodies of requests must look like: StackStorm's API models, one function each.
//!
//! Each answers the document with the model's defaults filled in. StackStorm holds requests against some of them only
//! (here: API keys); of the others its API knows no more than what its OpenAPI document declares, as our handlers do,
//! and tools check documents by them. The forms of what packs hold (actions, rules and so on) are with `content`, which
//! checks files by them too; those of chat commands with `alias`.

use crate::{
    model::ExecutionStatus,
    schema::{self, Error, Options, Validator},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Times as StackStorm takes them.
const TIME: &str = r"^\d{4}\-\d{2}\-\d{2}(\s|T)\d{2}:\d{2}:\d{2}(\.\d{3,6})?(Z|\+00|\+0000|\+00:00)$";

/// Names of parameters.
const WORD: &str = r"^\w+$";

type Form = LazyLock<Validator>;

fn form(schema: Value) -> Validator {
    let options = Options { use_default: true, allow_default_none: true, explain: false };
    Validator::new(schema, options).expect("our own schema is one")
}

/// An object that has these properties and no others.
fn closed(properties: Value) -> Validator {
    form(json!({"type": "object", "properties": properties, "additionalProperties": false}))
}

/// An object that has these properties, and perhaps others.
fn open(properties: Value) -> Validator {
    form(json!({"type": "object", "properties": properties}))
}

fn text() -> Value {
    json!({"type": "string"})
}

fn needed_text() -> Value {
    json!({"type": "string", "required": true})
}

fn time() -> Value {
    json!({"type": "string", "pattern": TIME})
}

/// A runner type. Unlike the others it has its parameters even when nothing is said of them.
pub fn runner_type(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        // Unknown keywords pass here: output schemas of an older form are a map of names.
        let mut output_schema = schema::parameter_schema().clone();
        if let Some(keywords) = output_schema.as_object_mut() {
            keywords.shift_remove("additionalProperties");
        }
        closed(json!({
            "id": {"type": "string", "default": null},
            "uid": text(),
            "name": needed_text(),
            "description": text(),
            "enabled": {"type": "boolean", "default": true},
            "runner_package": text(),
            "runner_module": needed_text(),
            "query_module": text(),
            "runner_parameters": {
                "type": "object",
                "patternProperties": {WORD: schema::parameter_schema()},
                "additionalProperties": false
            },
            "output_key": text(),
            "output_schema": output_schema
        }))
    });
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.entry("runner_parameters").or_insert_with(|| Map::new().into());
    }
    FORM.validate(&document)
}

/// An execution that is asked for.
pub fn execution(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        let statuses: Vec<&str> = ExecutionStatus::ALL.iter().map(|status| status.as_str()).collect();
        let kinds = ["array", "boolean", "integer", "number", "object", "string"];
        let kinds: Vec<Value> = kinds.iter().map(|kind| json!({"type": kind})).collect();
        let with_null: Vec<Value> = kinds.iter().cloned().chain([json!({"type": "null"})]).collect();
        let notification = json!({
            "type": "object",
            "properties": {
                "message": text(),
                "data": {"type": "object"},
                "routes": {"type": "array"},
                "channels": {"type": "array"}
            },
            "additionalProperties": false
        });
        closed(json!({
            "id": text(),
            "status": {"type": "string", "enum": statuses},
            "start_timestamp": time(),
            "end_timestamp": time(),
            "action": needed_text(),
            "parameters": {
                "type": "object",
                "patternProperties": {WORD: {"anyOf": with_null}},
                "additionalProperties": false
            },
            "result": {"anyOf": kinds},
            "context": {"type": "object"},
            "callback": {"type": "object"},
            "runner_info": {"type": "object"},
            "notify": {
                "type": "object",
                "properties": {
                    "on-complete": notification, "on-failure": notification, "on-success": notification
                },
                "additionalProperties": false
            },
            "delay": {"type": "integer"}
        }))
    });
    FORM.validate(document)
}

/// Packs that are to be installed.
pub fn pack_install(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        open(json!({
            "packs": {"type": "array"},
            "force": {"type": "boolean", "default": false},
            "skip_dependencies": {"type": "boolean", "default": false}
        }))
    });
    FORM.validate(document)
}

/// Packs that are to be registered.
pub fn pack_register(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        let texts = json!({"type": "array", "items": {"type": "string"}});
        open(json!({"types": texts, "packs": texts, "fail_on_failure": {"type": "boolean", "default": true}}))
    });
    FORM.validate(document)
}

/// What is looked for among packs: words, or one pack.
pub fn pack_search(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        let only = |name: &str| json!({"properties": {name: needed_text()}, "additionalProperties": false});
        form(json!({"type": "object", "oneOf": [only("query"), only("pack")]}))
    });
    FORM.validate(document)
}

/// An entry of the datastore.
pub fn key_value(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        closed(json!({
            "id": text(),
            "uid": text(),
            "name": text(),
            "description": text(),
            "value": needed_text(),
            "secret": {"type": "boolean", "default": false},
            "encrypted": {"type": "boolean", "default": false},
            "scope": {"type": "string", "default": "st2kv.system"},
            "expire_timestamp": time(),
            "ttl": {"type": "integer"}
        }))
    });
    FORM.validate(document)
}

/// An API key.
pub fn api_key(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        closed(json!({
            "id": text(),
            "uid": text(),
            "user": {"type": ["string", "null"], "default": ""},
            "key_hash": {"type": ["string", "null"]},
            "metadata": {"type": ["object", "null"]},
            "created_at": time(),
            "enabled": {"type": "boolean", "default": true}
        }))
    });
    FORM.validate(document)
}

/// A token.
pub fn token(document: &Value) -> Result<Value, Error> {
    static FORM: Form = LazyLock::new(|| {
        closed(json!({
            "id": text(),
            "user": {"type": ["string", "null"]},
            "token": {"type": ["string", "null"]},
            "ttl": {"type": "integer", "minimum": 1},
            "expiry": {"type": ["string", "null"], "pattern": TIME},
            "metadata": {"type": ["object", "null"]}
        }))
    });
    FORM.validate(document)
}

/// What StackStorm's code calls the body of a webhook, and asks of no request.
pub fn webhook(document: &Value) -> Result<Value, Error> {
    static FORM: Form =
        LazyLock::new(|| closed(json!({"data": {"type": ["object", "array"], "required": true}})));
    FORM.validate(document)
}
