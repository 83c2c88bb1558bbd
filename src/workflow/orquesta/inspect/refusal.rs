//! Definitions for which StackStorm has no list of findings: its models cannot be made of them.

use serde_json::Value;

use crate::pytext::truthy;

const NO_TEXT: &str = "The spec is not type of json or yaml.";
const NO_LIST: &str = "The spec is not type of list.";
const NOTHING: &str = "The spec cannot be type of None.";

/// Why, in StackStorm's words.
pub(super) fn of(document: &Value) -> Option<&'static str> {
    match document {
        Value::Object(_) | Value::Array(_) => {}
        _ => return Some(NO_TEXT),
    }
    let tasks = document.get("tasks")?;
    if tasks.is_string() && truthy(tasks) {
        return Some(NO_TEXT);
    }
    tasks.as_object()?.values().filter(|task| truthy(task)).find_map(task)
}

fn task(task: &Value) -> Option<&'static str> {
    if task.is_string() {
        return Some(NO_TEXT);
    }
    let text = |name: &str| task.get(name).filter(|value| truthy(value)).is_some_and(Value::is_string);
    if text("retry") || text("next") {
        return Some(NO_TEXT);
    }
    match task.get("next")? {
        Value::Object(next) if !next.is_empty() => Some(NO_LIST),
        Value::Array(next) => next.iter().find_map(|transition| match transition {
            transition if !truthy(transition) => Some(NOTHING),
            Value::String(_) => Some(NO_TEXT),
            _ => None,
        }),
        _ => None,
    }
}
