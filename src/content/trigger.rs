//! Metadata of trigger types and triggers, and the check of what a rule says to a trigger type.

use super::form::{self, Error, Fields};
use crate::{
    model::{CronFields, TriggerType, TriggerTypeId},
    schema::{self, Options, Step, Validator},
    signature::Settings,
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The trigger type of webhooks. What it is told about signatures is ours, and not in its schema.
pub const WEBHOOK: &str = "core.st2.webhook";

/// The parameter of a webhook that says how its deliveries are signed.
pub const SIGNATURE: &str = "signature";

/// The trigger type whose parameters are cron fields.
pub const CRON_TIMER: &str = "core.st2.CronTimer";

static TYPE: LazyLock<Validator> = LazyLock::new(|| form::validator(type_form()));
static TRIGGER: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": {"type": "string", "default": null},
        "ref": form::text(),
        "uid": form::text(),
        "name": form::text(),
        "pack": form::text(),
        "type": form::required_text(),
        "parameters": form::object(),
        "description": form::text()
    })))
});

/// The form of a trigger type, which sensors have a list of.
pub(super) fn type_form() -> Value {
    form::closed(json!({
        "id": {"type": "string", "default": null},
        "ref": form::text(),
        "uid": form::text(),
        "name": form::required_text(),
        "pack": form::text(),
        "description": form::text(),
        "payload_schema": {"type": "object", "default": {}},
        "parameters_schema": {"type": "object", "default": {}},
        "tags": form::tags(),
        "metadata_file": {"type": "string", "default": ""}
    }))
}

/// Checks the form of a trigger type; returns it with the defaults filled in.
pub fn validate_type(document: &Value) -> Result<Value, Error> {
    Ok(TYPE.validate(document)?)
}

/// Checks the form of a trigger; returns it with the defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(TRIGGER.validate(document)?)
}

/// The trigger type that metadata of a valid form describes, with a new id.
pub fn type_from_fields(fields: &Map<String, Value>, pack: &str, metadata_file: Option<&str>) -> TriggerType {
    let fields = Fields(fields);
    TriggerType {
        id: TriggerTypeId::generate(),
        pack: pack.to_owned(),
        name: fields.text("name").unwrap_or_default(),
        description: fields.text("description"),
        payload_schema: fields.map("payload_schema"),
        parameters_schema: fields.map("parameters_schema"),
        tags: fields.tags(),
        metadata_file: metadata_file.map(str::to_owned),
    }
}

/// Checks the name of a trigger type: references of trigger types travel in lists of lines and commas.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new("The name of a trigger type cannot be empty", ["name"]));
    }
    if name.contains(|c: char| c.is_control() || c == ',') {
        return Err(Error::new(
            format!("Trigger type name {name:?} holds a comma or a control character"),
            ["name"],
        ));
    }
    Ok(())
}

/// Checks what a rule says to a trigger type, and returns it with the defaults of the type's schema filled in.
///
/// A type without a schema takes anything.
pub fn check_parameters(
    reference: &str,
    schema: &Map<String, Value>,
    parameters: &Map<String, Value>,
) -> Result<Value, Error> {
    let mut given = parameters.clone();
    let signature = if reference == WEBHOOK { given.shift_remove(SIGNATURE) } else { None };
    if let Some(signature) = &signature {
        Settings::read(signature).map_err(|message| Error::new(message, [SIGNATURE]))?;
    }
    let given = Value::Object(given);
    if schema.is_empty() {
        return Ok(given);
    }
    let options = Options { use_default: true, allow_default_none: true, explain: false };
    let mut filled = schema::validate(&Value::Object(schema.clone()), &given, options)?;
    if let Some(signature) = signature {
        filled[SIGNATURE] = signature;
    }
    if reference == CRON_TIMER {
        let fields = filled.as_object().cloned().unwrap_or_default();
        CronFields::parse(&fields)
            .map_err(|error| Error { message: error.message, path: vec![Step::Key(error.field)] })?;
    }
    Ok(filled)
}
