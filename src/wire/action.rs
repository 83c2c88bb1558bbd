//! Actions, and what their parameters are once those of the runner are added.

use super::snapshot;
use crate::model::{Action, RunnerType};
use serde_json::{Map, Value};

/// Every field clients may ask for.
pub const FIELDS: &[&str] = &[
    "id",
    "uid",
    "ref",
    "name",
    "pack",
    "description",
    "enabled",
    "runner_type",
    "entry_point",
    "parameters",
    "output_schema",
    "tags",
    "notify",
    "metadata_file",
];

/// An action as clients see it.
pub fn value(action: &Action) -> Map<String, Value> {
    match snapshot::action_value(action) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The parameters a call takes: the runner's, changed and added to by the action.
pub fn merged_parameters(action: &Action, runner: Option<&RunnerType>) -> Map<String, Value> {
    let mut merged = runner.map(|runner| runner.runner_parameters.clone()).unwrap_or_default();
    for (name, ours) in &action.spec.parameters {
        match (merged.get_mut(name), ours) {
            (Some(Value::Object(all)), Value::Object(ours)) => merge(all, ours),
            (Some(place), ours) => *place = ours.clone(),
            (None, ours) => {
                merged.insert(name.clone(), ours.clone());
            }
        }
    }
    merged
}

/// What the runner made immutable stays so.
fn merge(all: &mut Map<String, Value>, ours: &Map<String, Value>) {
    let fixed = all.get("immutable") == Some(&Value::Bool(true));
    for (key, value) in ours {
        all.insert(key.clone(), value.clone());
    }
    if fixed && all.contains_key("immutable") {
        all.insert("immutable".to_owned(), Value::Bool(true));
    }
}

/// Whether StackStorm would find its own answer invalid and say so in a header: a parameter that nests a schema
/// with `required: true`, which draft 4 of JSON Schema wants as a list.
pub fn departs_from_openapi(parameters: &Map<String, Value>) -> bool {
    fn nested(schema: &Value) -> bool {
        let inner = schema["properties"].as_object().into_iter().flat_map(Map::values);
        let items = schema.get("items").filter(|items| items.is_object());
        inner.chain(items).any(|inner| inner["required"].is_boolean() || nested(inner))
    }
    parameters.values().any(nested)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn actions_change_and_add_to_what_their_runner_takes() {
        let mut action =
            Action { id: crate::model::ActionId::generate(), spec: crate::model::NewAction::default() };
        let parameters = json!({"cmd": {"default": "date", "immutable": false}, "more": {"type": "string"}});
        action.spec.parameters = parameters.as_object().cloned().unwrap();
        let runner = RunnerType {
            id: crate::model::RunnerTypeId::generate(),
            name: "r".to_owned(),
            description: String::new(),
            enabled: true,
            runner_package: String::new(),
            runner_module: String::new(),
            runner_parameters: json!({
                "cmd": {"type": "string", "description": "what", "immutable": true},
                "cwd": {"type": "string"},
            })
            .as_object()
            .cloned()
            .unwrap(),
            output_key: None,
            output_schema: json!({}),
        };
        assert_eq!(
            Value::Object(merged_parameters(&action, Some(&runner))),
            json!({
                "cmd": {"type": "string", "description": "what", "immutable": true, "default": "date"},
                "cwd": {"type": "string"},
                "more": {"type": "string"},
            })
        );
        assert_eq!(merged_parameters(&action, None), action.spec.parameters);
    }
}
