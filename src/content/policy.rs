//! Metadata of policies and policy types.

use super::form::{self, Error, Fields};
use crate::{
    model::{Policy, PolicyId, PolicyType},
    schema::{self, Options, Validator},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": {"type": "string", "default": null},
        "uid": form::text(),
        "ref": form::text(),
        "name": form::required_text(),
        "resource_ref": form::required_text(),
        "pack": form::text(),
        "description": form::text(),
        "enabled": {"type": "boolean", "default": true},
        "policy_type": form::required_text(),
        "parameters": form::object(),
        "metadata_file": {"type": "string", "default": ""}
    })))
});

static TYPE: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": {"type": "string", "default": null},
        "uid": form::text(),
        "ref": form::text(),
        "name": form::required_text(),
        "resource_type": {"enum": ["action"], "required": true},
        "description": form::text(),
        "enabled": {"type": "boolean", "default": true},
        "module": form::required_text(),
        "parameters": {"type": "object", "patternProperties": {r"^\w+$": schema::any_schema()}}
    })))
});

/// Checks the form of metadata, and its parameters against the policy type's; returns it with the defaults of both
/// filled in.
pub fn validate(document: &Value, types: &[PolicyType]) -> Result<Value, Error> {
    fill(validate_form(document)?, types)
}

/// Checks the form of metadata alone; returns it with the schema's defaults filled in.
pub fn validate_form(document: &Value) -> Result<Value, Error> {
    Ok(VALIDATOR.validate(document)?)
}

/// Checks the parameters of metadata whose form is right against the policy type's, and fills in that one's defaults.
pub fn fill(mut filled: Value, types: &[PolicyType]) -> Result<Value, Error> {
    let named = filled["policy_type"].as_str().unwrap_or_default();
    let kind = types.iter().find(|kind| kind.reference() == named).ok_or_else(|| {
        Error::new(format!("Referenced policy_type \"{named}\" doesnt exist"), ["policy_type"])
    })?;
    let schema = json!({"type": "object", "properties": kind.parameters, "additionalProperties": false});
    let options = Options { use_default: true, allow_default_none: false, explain: false };
    let given = filled.get("parameters").cloned().unwrap_or_else(|| json!({}));
    let parameters =
        schema::validate(&schema, &given, options).map_err(|error| Error::from(error).under("parameters"))?;
    filled["parameters"] = parameters;
    Ok(filled)
}

/// Checks the form of a policy type; returns it with the schema's defaults filled in.
pub fn validate_type(document: &Value) -> Result<Value, Error> {
    Ok(TYPE.validate(document)?)
}

/// The policy that metadata describes that [`validate`] has returned, with a new id.
pub fn from_fields(fields: &Map<String, Value>, pack: &str) -> Policy {
    let fields = Fields(fields);
    Policy {
        id: PolicyId::generate(),
        pack: pack.to_owned(),
        name: fields.text("name").unwrap_or_default(),
        description: fields.text("description"),
        enabled: fields.flag("enabled", true),
        resource_ref: fields.text("resource_ref").unwrap_or_default(),
        policy_type: fields.text("policy_type").unwrap_or_default(),
        parameters: fields.map("parameters"),
        metadata_file: fields.text("metadata_file").unwrap_or_default(),
    }
}
