//! The action and the runner type inside an execution: to JSON, once per snapshot, and back from the row.

use crate::{
    model::{Action, ActionId, NewAction, RunnerType, RunnerTypeId, Snapshot, SnapshotViews},
    schema,
};
use serde_json::{Map, Value, json};

/// A stored snapshot that cannot be read; names what is missing.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot's {0} is missing or not what it must be")]
pub struct Unreadable(&'static str);

/// What every view of an execution repeats of its snapshot, worked out at first need.
pub fn views(snapshot: &Snapshot) -> &SnapshotViews {
    snapshot.views.get_or_init(|| {
        let action = &snapshot.action.spec;
        let mut parameters = action.parameters.clone();
        parameters.extend(snapshot.runner.runner_parameters.clone());
        // As properties of an object, so that a parameter which happens to be called `secret` is only a parameter.
        let whole = [("type", json!("object")), ("properties", Value::Object(parameters))];
        let secrets =
            schema::secrets::of(&whole.map(|(key, value)| (key.to_owned(), value)).into_iter().collect());
        SnapshotViews {
            action: action_value(&snapshot.action).to_string().into(),
            runner: runner_value(&snapshot.runner).to_string().into(),
            secret_parameters: Some(secrets)
                .filter(|secrets| secrets.as_object().is_none_or(|map| !map.is_empty())),
            masks_result: snapshot.runner.output_key.is_some()
                && schema::output::may_mask(&action.output_schema),
        }
    })
}

/// An action as clients see it.
pub fn action_value(action: &Action) -> Value {
    let spec = &action.spec;
    let mut shown = json!({
        "tags": spec.tags,
        "uid": spec.uid(),
        "metadata_file": spec.metadata_file,
        "name": spec.name,
        "ref": spec.reference(),
        "description": spec.description,
        "enabled": spec.enabled,
        "entry_point": spec.entry_point,
        "pack": spec.pack,
        "runner_type": spec.runner_type,
        "parameters": spec.parameters,
        "output_schema": spec.output_schema,
        "notify": spec.notify,
        "id": action.id,
    });
    without_nulls(&mut shown);
    shown
}

/// A runner type as clients see it.
pub fn runner_value(runner: &RunnerType) -> Value {
    let mut shown = json!({
        "name": runner.name,
        "description": runner.description,
        "uid": format!("runner_type:{}", runner.name),
        "enabled": runner.enabled,
        "runner_package": runner.runner_package,
        "runner_module": runner.runner_module,
        "runner_parameters": runner.runner_parameters,
        "output_key": runner.output_key,
        "output_schema": runner.output_schema,
        "id": runner.id,
    });
    without_nulls(&mut shown);
    shown
}

/// Top level only: a parameter's `default: null` is a fact, not an absence.
fn without_nulls(shown: &mut Value) {
    if let Value::Object(fields) = shown {
        fields.retain(|_, value| !value.is_null());
    }
}

/// The uid of the action with this ref, whether it exists or not.
pub fn action_uid(reference: &str) -> String {
    let (pack, name) = reference.split_once('.').unwrap_or(("", reference));
    format!("action:{pack}:{name}")
}

/// Reads [`action_value`] back.
pub fn read_action(text: &str) -> Result<Action, Unreadable> {
    let mut fields = object(text, "action")?;
    Ok(Action {
        id: id(&fields).and_then(|id| id.parse::<ActionId>().ok()).ok_or(Unreadable("action id"))?,
        spec: NewAction {
            pack: string(&mut fields, "pack"),
            name: string(&mut fields, "name"),
            description: optional_string(&mut fields, "description"),
            enabled: fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
            runner_type: string(&mut fields, "runner_type"),
            entry_point: string(&mut fields, "entry_point"),
            parameters: map(&mut fields, "parameters"),
            output_schema: fields.remove("output_schema").unwrap_or_else(|| json!({})),
            tags: match fields.remove("tags") {
                Some(Value::Array(tags)) => tags,
                _ => Vec::new(),
            },
            notify: map(&mut fields, "notify"),
            metadata_file: string(&mut fields, "metadata_file"),
        },
    })
}

/// Reads [`runner_value`] back.
pub fn read_runner(text: &str) -> Result<RunnerType, Unreadable> {
    let mut fields = object(text, "runner")?;
    Ok(RunnerType {
        id: id(&fields).and_then(|id| id.parse::<RunnerTypeId>().ok()).ok_or(Unreadable("runner id"))?,
        name: string(&mut fields, "name"),
        description: string(&mut fields, "description"),
        enabled: fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        runner_package: string(&mut fields, "runner_package"),
        runner_module: string(&mut fields, "runner_module"),
        runner_parameters: map(&mut fields, "runner_parameters"),
        output_key: optional_string(&mut fields, "output_key"),
        output_schema: fields.remove("output_schema").unwrap_or_else(|| json!({})),
    })
}

fn object(text: &str, what: &'static str) -> Result<Map<String, Value>, Unreadable> {
    serde_json::from_str(text).map_err(|_| Unreadable(what))
}

fn id(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("id").and_then(Value::as_str)
}

fn string(fields: &mut Map<String, Value>, name: &str) -> String {
    optional_string(fields, name).unwrap_or_default()
}

fn optional_string(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn map(fields: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match fields.remove(name) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_the_same() {
        let action = Action {
            id: ActionId::generate(),
            spec: NewAction {
                pack: "core".to_owned(),
                name: "local.cmd".to_owned(),
                parameters: json!({"z": {"default": null, "type": "integer"}, "a": {"default": 1.0}})
                    .as_object()
                    .cloned()
                    .unwrap(),
                output_schema: json!({}),
                enabled: true,
                ..NewAction::default()
            },
        };
        let text = action_value(&action).to_string();
        assert_eq!(read_action(&text).unwrap(), action);
        assert!(!text.contains("description") && text.contains(r#""default":null"#));
    }
}
