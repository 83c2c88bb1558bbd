//! Metadata of action aliases.

use super::form::{self, Error, Fields};
use crate::{
    model::{Alias, AliasId},
    schema::Validator,
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The form of an alias.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let reply = |more: &[&str]| {
        let mut properties = Map::new();
        for name in ["enabled", "format", "extra"].iter().chain(more) {
            let kind = match *name {
                "format" => "string",
                "extra" => "object",
                _ => "boolean",
            };
            properties.insert((*name).to_owned(), json!({"type": kind}));
        }
        json!({"type": "object", "properties": properties})
    };
    form::closed(json!({
        "id": form::text(),
        "ref": form::text(),
        "uid": form::text(),
        "name": form::required_text(),
        "pack": form::required_text(),
        "description": {"type": "string", "default": null},
        "enabled": {"type": "boolean", "default": true},
        "action_ref": form::required_text(),
        "formats": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "properties": {
                            "display": {"type": "string"},
                            "representation": {"type": "array", "items": {"type": "string"}}
                        }
                    }
                ]
            }
        },
        "ack": reply(&["append_url"]),
        "result": reply(&[]),
        "extra": form::object(),
        "immutable_parameters": form::object(),
        "metadata_file": {"type": "string", "default": ""}
    }))
});

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| form::validator(SCHEMA.clone()));

/// Checks the form of metadata; returns it with the schema's defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(VALIDATOR.validate(document)?)
}

/// The alias that metadata of a valid form describes, with a new id. Missing parts have their defaults.
pub fn from_fields(fields: &Map<String, Value>, pack: &str) -> Alias {
    let fields = Fields(fields);
    Alias {
        id: AliasId::generate(),
        pack: pack.to_owned(),
        name: fields.text("name").unwrap_or_default(),
        description: fields.text("description"),
        enabled: fields.flag("enabled", true),
        action_ref: fields.text("action_ref").unwrap_or_default(),
        formats: fields.list("formats"),
        ack: fields.map("ack"),
        result: fields.map("result"),
        extra: fields.map("extra"),
        immutable_parameters: fields.map("immutable_parameters"),
        metadata_file: fields.text("metadata_file").unwrap_or_default(),
    }
}
