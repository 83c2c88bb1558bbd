//! Configuration schemas and configurations of packs. What values mean when an action asks is not decided here.

use super::form::{self, Error};
use crate::schema::{self, Validator};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": form::text(),
        "pack": form::text(),
        "attributes": {
            "type": "object",
            "patternProperties": {r"^\w+$": schema::parameter_schema()},
            "additionalProperties": false,
            "default": {}
        }
    })))
});

static CONFIG: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": form::text(),
        "pack": form::text(),
        "values": {"type": "object", "default": {}}
    })))
});

/// Checks the form of a configuration schema, `{pack, attributes}`; returns it with the defaults filled in.
pub fn validate_schema(document: &Value) -> Result<Value, Error> {
    Ok(SCHEMA.validate(document)?)
}

/// Checks the form of a configuration, `{pack, values}`; returns it with the defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(CONFIG.validate(document)?)
}

/// Checks what `config.schema.yaml` says.
pub(super) fn check_schema_file(attributes: &Value) -> Result<(), Error> {
    validate_schema(&json!({"attributes": attributes})).map(drop).map_err(|mut error| {
        // The place within the file.
        error.path.splice(..error.path.len().min(1), []);
        error
    })
}

/// Checks values against the pack's schema. `path` names the file for the reader.
pub(super) fn check_values(
    schema: &Map<String, Value>,
    values: &Value,
    path: &str,
    pack: &str,
) -> Result<(), Error> {
    schema::pack_config::validate(schema, values, path, pack).map(drop).map_err(|error| {
        // The message names the attribute, and no longer has it as a path.
        let quoted = error.message.strip_prefix("Failed validating attribute \"");
        let attribute = quoted.and_then(|rest| rest.split_once('"')).map(|(attribute, _)| attribute);
        let path = attribute.into_iter().flat_map(|dotted| dotted.split('.'));
        let path = path.map(|key| match key.parse() {
            Ok(index) => schema::Step::Index(index),
            Err(_) => schema::Step::Key(key.to_owned()),
        });
        Error { path: path.collect(), message: error.message }
    })
}
