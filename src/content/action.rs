//! Metadata of an action: what it may say, and what it must not say about its runner's parameters.
//!
//! The same rules for files of packs and for bodies of requests. A file is taken as it is written; a request, as
//! StackStorm does it, with the defaults of the schema filled in, which shows in its `output_schema`.

use super::{
    form::{Error, Fields},
    runner_types,
};
use crate::{
    model::{NewAction, RunnerType},
    pytext,
    schema::{self, Options, Step, Validator},
};
use serde_json::{Map, Number, Value, json};
use std::{cmp::Ordering, sync::LazyLock};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let options = Options { use_default: true, allow_default_none: true, explain: false };
    Validator::new(form(), options).expect("our own schema is one")
});

/// The schema of one part of a `notify` section: what is said, and where.
pub fn notification_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "message": {"type": "string"},
            "data": {"type": "object"},
            "routes": {"type": "array"},
            "channels": {"type": "array"}
        },
        "additionalProperties": false
    })
}

fn form() -> Value {
    // Unknown keywords pass here: output schemas of an older form are a map of names.
    let mut output_schema = schema::parameter_schema().clone();
    if let Some(keywords) = output_schema.as_object_mut() {
        keywords.shift_remove("additionalProperties");
    }
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "ref": {"type": "string"},
            "uid": {"type": "string"},
            "name": {"type": "string", "required": true},
            "description": {"type": "string"},
            "enabled": {"type": "boolean", "default": true},
            "runner_type": {"type": "string", "required": true},
            "entry_point": {"type": "string", "default": ""},
            "pack": {"type": "string", "default": super::pack::DEFAULT_PACK},
            "parameters": {
                "type": "object",
                "patternProperties": {r"^\w+$": schema::parameter_schema()},
                "additionalProperties": false,
                "default": {}
            },
            "output_schema": output_schema,
            "tags": {"type": "array", "items": {"type": "object"}},
            "notify": {
                "type": "object",
                "properties": {
                    "on-complete": notification_schema(),
                    "on-failure": notification_schema(),
                    "on-success": notification_schema()
                },
                "additionalProperties": false
            },
            "metadata_file": {"type": "string", "default": ""}
        },
        "additionalProperties": false
    })
}

/// Checks the form of metadata; returns it with the schema's defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(VALIDATOR.validate(document)?)
}

/// Checks the form of a pack's file: as [`validate`], but it says more about names of parameters.
pub fn validate_file(document: &Value) -> Result<(), Error> {
    let Err(error) = validate(document) else { return Ok(()) };
    let is_about_name = error.path == [Step::Key("parameters".to_owned())]
        && error.message.contains("match any of the regexes");
    let quoted = error.message.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let Some((name, _)) = quoted.filter(|_| is_about_name) else { return Err(error) };
    // "0-0" is how StackStorm spells it.
    let message = format!(
        "Parameter name \"{name}\" is invalid. Valid characters for parameter name are [a-zA-Z0-0_].\n\n{error}"
    );
    Err(Error::new(message, ["parameters", name]))
}

/// The action that metadata of a valid form describes. Missing parts, and those that are null, have their defaults.
pub fn from_fields(fields: &Map<String, Value>, pack: &str) -> NewAction {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let map = |key: &str| fields.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    NewAction {
        pack: pack.to_owned(),
        name: text("name").unwrap_or_default(),
        description: text("description"),
        enabled: fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        runner_type: runner_types::current_name(&text("runner_type").unwrap_or_default()).to_owned(),
        entry_point: text("entry_point").unwrap_or_default(),
        parameters: map("parameters"),
        output_schema: map("output_schema").into(),
        tags: Fields(fields).tags(),
        notify: notifications(map("notify")),
        metadata_file: text("metadata_file").unwrap_or_default(),
    }
}

/// Notifications with the routes they name, which once were called channels.
pub fn notifications(mut notify: Map<String, Value>) -> Map<String, Value> {
    for (_, event) in &mut notify {
        if let Some(event) = event.as_object_mut()
            && let Some(channels) = event.shift_remove("channels")
        {
            event.entry("routes").or_insert(channels);
        }
    }
    notify
}

/// Says that there is no runner type of this name.
pub fn unknown_runner(name: &str) -> Error {
    let message = format!(
        "RunnerType {name} is not found. If you are using old and deprecated runner name, you need to switch to a \
         new one. For more information, please see https://docs.stackstorm.com/upgrade_notes.html#st2-v0-9"
    );
    Error::new(message, ["runner_type"])
}

/// Checks an action's parameters among themselves and against its runner's.
pub fn check_parameters(action: &NewAction, runner: &RunnerType) -> Result<(), Error> {
    let of_runner = &runner.runner_parameters;
    let mut positions: Vec<(&Number, &str)> = Vec::new();
    for (name, definition) in &action.parameters {
        if of_runner.contains_key(name) {
            check_overrides(name, definition, action, of_runner)?;
        }
        if let Some(Value::Number(position)) = definition.get("position") {
            let same = positions.iter().find(|(other, _)| pytext::number_eq(other, position));
            if let Some((_, other)) = same {
                let position = pytext::to_f64(position).trunc();
                let message = format!(
                    "Parameters {name} and {other} have same position {position}. Position values have to be unique."
                );
                return Err(Error::new(message, ["parameters", name, "position"]));
            }
            positions.push((position, name));
        }
        if definition.get("immutable").is_some() {
            check_immutable(name, definition, of_runner.get(name))?;
        }
    }
    check_contiguous(positions)
}

/// Attribute by attribute, so that the fault has a place.
fn check_overrides(
    name: &str,
    definition: &Value,
    action: &NewAction,
    of_runner: &Map<String, Value>,
) -> Result<(), Error> {
    for (attribute, value) in definition.as_object().into_iter().flatten() {
        let one = Map::from_iter([(name.to_owned(), json!({attribute: value}))]);
        schema::for_call(of_runner, &one, &action.reference())
            .map_err(|error| Error::new(error.message, ["parameters", name, attribute]))?;
    }
    Ok(())
}

fn check_immutable(name: &str, definition: &Value, of_runner: Option<&Value>) -> Result<(), Error> {
    if of_runner.is_some_and(|runner| runner.get("immutable").is_some()) {
        let message = format!("Param {name} is declared immutable in runner. Cannot override in action.");
        return Err(Error::new(message, ["parameters", name, "immutable"]));
    }
    let has_default = |definition: &Value| definition.get("default").is_some();
    if !has_default(definition) && !of_runner.is_some_and(has_default) {
        let message = format!("Immutable param {name} requires a default value.");
        return Err(Error::new(message, ["parameters", name, "immutable"]));
    }
    Ok(())
}

/// Positions follow one another without a gap; they may begin anywhere.
fn check_contiguous(mut positions: Vec<(&Number, &str)>) -> Result<(), Error> {
    positions.sort_by(|(a, _), (b, _)| pytext::number_cmp(a, b).unwrap_or(Ordering::Equal));
    let gap = positions.windows(2).find(|pair| {
        let [(before, _), (after, _)] = pair else { return false };
        (pytext::to_f64(after) - pytext::to_f64(before) - 1.0).abs() > f64::EPSILON
    });
    let Some([_, (_, name)]) = gap else { return Ok(()) };
    let list =
        Value::Array(positions.iter().map(|(position, _)| Value::Number((*position).clone())).collect());
    let message = format!("Positions supplied {} for parameters are not contiguous.", pytext::repr(&list));
    Err(Error::new(message, ["parameters", name, "position"]))
}

/// Whether actions of this runner run a file of their pack.
pub fn runs_a_file(runner: &str) -> bool {
    const RUNNERS: [&str; 8] = [
        "action-chain",
        "local-shell-script",
        "mistral-v2",
        "orquesta",
        "python-script",
        "remote-shell-script",
        "winrm-ps-script",
        "orchestra",
    ];
    RUNNERS.contains(&runner)
}
