//! Metadata of sensors.

use super::{
    form::{self, Error, Fields},
    trigger,
};
use crate::{
    model::TriggerType,
    pytext,
    schema::{Step, Validator},
};
use serde_json::{Map, Value, json};
use std::{path::Path, sync::LazyLock};

/// The shortest interval between polls, in seconds.
const SHORTEST_POLL: f64 = 4.0;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| form::validator(metadata_form()));

static FILE_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let mut form = metadata_form();
    form["properties"]["trigger_types"]["items"]["additionalProperties"] = true.into();
    form::validator(form)
});

fn metadata_form() -> Value {
    form::closed(json!({
        "id": {"type": "string", "default": null},
        "ref": form::text(),
        "uid": form::text(),
        "name": form::text(),
        "class_name": form::required_text(),
        "pack": form::text(),
        "description": form::text(),
        "artifact_uri": form::text(),
        "entry_point": form::text(),
        "enabled": {"type": "boolean", "default": true},
        "trigger_types": {"type": "array", "items": trigger::type_form(), "default": []},
        "poll_interval": {"type": "number"},
        "metadata_file": {"type": "string", "default": ""}
    }))
}

/// Checks the form of metadata; returns it with the schema's defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(VALIDATOR.validate(document)?)
}

/// Checks the form of a file: trigger types in it may say more than is read. StackStorm does not look there, and packs
/// of the Exchange have such notes (`payload_info`).
pub fn validate_file(document: &Value) -> Result<Value, Error> {
    Ok(FILE_VALIDATOR.validate(document)?)
}

/// The file of a sensor's source, relative to the folder of its metadata.
pub fn entry_point(fields: &Map<String, Value>) -> Result<String, Error> {
    let given = Fields(fields).text("entry_point").filter(|given| !given.is_empty());
    given.ok_or_else(|| Error::new("Sensor definition missing entry_point", ["entry_point"]))
}

/// Seconds between polls, whole ones.
pub fn poll_interval(fields: &Map<String, Value>) -> Result<Option<i32>, Error> {
    let fault = |message: &str| Err(Error::new(message, ["poll_interval"]));
    let Some(Value::Number(given)) = fields.get("poll_interval") else { return Ok(None) };
    let seconds = pytext::to_f64(given);
    // 0 counts as none in Python.
    if seconds == 0.0 {
        return Ok(None);
    }
    if seconds < SHORTEST_POLL {
        return fault("Minimum possible poll_interval is 4 seconds");
    }
    if seconds > f64::from(i32::MAX) {
        return fault("poll_interval is longer than anybody will wait");
    }
    Ok(Some(seconds as i32))
}

/// The trigger types a sensor brings along.
pub fn trigger_types(
    fields: &Map<String, Value>,
    pack: &str,
    metadata_file: &str,
) -> Result<Vec<TriggerType>, Error> {
    let mut types: Vec<TriggerType> = Vec::new();
    for (index, item) in Fields(fields).list("trigger_types").iter().enumerate() {
        let Value::Object(item) = item else { continue };
        let place = |error: Error| {
            let mut path = vec![Step::Key("trigger_types".to_owned()), Step::Index(index)];
            path.extend(error.path);
            Error { path, ..error }
        };
        if let Some(other) = Fields(item).text("pack").filter(|other| !other.is_empty() && other != pack) {
            let message = format!("Model is in pack \"{pack}\" but field \"pack\" is different: {other}");
            return Err(place(Error::new(message, ["pack"])));
        }
        let kind = trigger::type_from_fields(item, pack, Some(metadata_file));
        trigger::check_name(&kind.name).map_err(place)?;
        if types.iter().any(|other| other.name == kind.name) {
            let message = format!("The trigger type \"{}\" is described twice", kind.name);
            return Err(place(Error::new(message, ["name"])));
        }
        types.push(kind);
    }
    Ok(types)
}

/// The dotted path of a sensor's class, as clients see it: of its source within the pack, and the class.
pub fn dotted_path(pack: &str, entry_point: &str, class_name: &str) -> String {
    // Those of StackStorm itself were no part of a pack.
    if pack == "core" {
        return class_name.to_owned();
    }
    let path = Path::new("sensors").join(entry_point);
    let module = path.to_string_lossy().replace('/', ".").replace(".py", "");
    format!("{module}.{class_name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_whole_seconds_and_not_too_short() {
        let interval = |value: Value| poll_interval(&Map::from_iter([("poll_interval".to_owned(), value)]));
        assert_eq!(interval(json!(30)), Ok(Some(30)));
        assert_eq!(interval(json!(4.9)), Ok(Some(4)));
        assert_eq!(interval(json!(null)), Ok(None));
        assert_eq!(interval(json!(3.9)).unwrap_err().message, "Minimum possible poll_interval is 4 seconds");
        assert!(interval(json!(1e300)).is_err());
    }

    #[test]
    fn notes_in_trigger_types_of_files_are_passed_over() {
        let sensor = json!({"class_name": "A", "trigger_types": [{"name": "t", "payload_info": ["uid"]}]});
        assert!(validate_file(&sensor).is_ok());
        assert!(validate(&sensor).is_err());
        assert!(validate_file(&json!({"class_name": "A", "note": 1})).is_err());
        assert!(validate_file(&json!({"class_name": "A", "trigger_types": [{"name": 5}]})).is_err());
    }

    #[test]
    fn classes_are_found_by_dots() {
        assert_eq!(dotted_path("p", "a/idle.py", "Idle"), "sensors.a.idle.Idle");
        assert_eq!(dotted_path("core", "idle.py", "Idle"), "Idle");
    }
}
