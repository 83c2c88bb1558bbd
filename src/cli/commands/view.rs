//! Showing an execution: its attributes and, for workflows, the tasks below it.

use super::objects::zone;
use super::wait::{COMPLETED, status};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::render::{Format, Look, doc, execution, lookup, property, time};
use crate::cli::session::Session;
use serde_json::{Value, json};

/// The attributes that `run` shows.
pub(crate) const RUN: &[&str] = &[
    "id",
    "action.ref",
    "context.user",
    "parameters",
    "status",
    "start_timestamp",
    "end_timestamp",
    "result",
];

/// The attributes that `execution get` shows.
pub(crate) const GET: &[&str] = &[
    "id",
    "action.ref",
    "context.user",
    "parameters",
    "status",
    "start_timestamp",
    "end_timestamp",
    "log",
    "result",
];

/// The attributes of a workflow, above the table of its tasks.
const WORKFLOW: &[&str] =
    &["id", "action.ref", "parameters", "status", "start_timestamp", "end_timestamp", "log"];

/// The columns of the table of tasks.
const TASK_COLUMNS: &[&str] = &["id", "status", "task", "action", "start_timestamp"];

/// What took the place of a result that is an error.
const SEE_ERROR: &str = "See error and traceback.";

/// Prints an execution the way the flags of `run` and `execution get` ask for.
///
/// `shown` are the attributes to show when `--attr` names none.
pub(crate) fn show(
    session: &mut Session,
    mut found: Value,
    values: &Matches,
    shown: &[&str],
) -> Result<(), Failure> {
    let runner = found["action"]["runner_type"].as_str().unwrap_or("unknown");
    let workflow = matches!(runner, "action-chain" | "orquesta");
    if values.flag("show_tasks") && !workflow {
        return Err(Failure::new("--show-tasks option can only be used with workflow actions"));
    }
    if workflow && !values.flag("raw") && !values.flag("detail") {
        let depth = values.int("depth").unwrap_or(-1);
        return show_workflow(session, found, values, depth);
    }
    let look = Look::execution(zone(session)?);
    let mut attributes: Vec<String> = names(shown);
    if values.flag("detail") {
        let format = Format::of(values);
        if format == Format::Plain {
            console::say(&property::render(&found, &attributes, property::ORDER, &look));
        } else {
            print_document(&found, &attributes, format);
        }
        return Ok(());
    }
    if let Some(key) = values.text("key") {
        return show_key(&found, key, Format::of(values));
    }
    if !values.texts("attr").is_empty() {
        attributes = values.texts("attr").to_vec();
    }
    if Format::of(values) == Format::Plain {
        add_schema(session, &mut found, values, &attributes, &look);
        return Ok(());
    }
    print_document(&found, &attributes, Format::of(values));
    Ok(())
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn print_document(execution: &Value, attributes: &[String], format: Format) {
    let document = doc::pick(execution, attributes);
    console::say(&if format == Format::Json { doc::json(&document) } else { doc::yaml(&document) });
}

/// `--key`: one value of the result.
fn show_key(found: &Value, key: &str, format: Format) -> Result<(), Failure> {
    let result = &found["result"];
    if format != Format::Plain {
        print_document(found, &[format!("result.{key}")], format);
        return Ok(());
    }
    if !result.is_object() {
        let kind = crate::pytext::type_name(result);
        let text = crate::pytext::str(result);
        return Err(Failure::new(format!(
            "doc is not an instance of dict: type=<class '{kind}'> value='{text}'"
        )));
    }
    let value = lookup(result, key).unwrap_or(&Value::Null);
    console::say(&crate::cli::render::unescape(&crate::pytext::str(value)));
    Ok(())
}

/// Prints the plain view, with the schema of its result when asked for.
fn add_schema(session: &Session, found: &mut Value, values: &Matches, attributes: &[String], look: &Look) {
    let mut text = execution::render(found, attributes, look);
    let declared = found["action"]["output_schema"].as_object().is_some_and(|schema| !schema.is_empty());
    if !declared && values.flag("with_schema") {
        text.push('\n');
        text.push_str(&execution::schema_box(&found["result"]));
    } else if !declared && !session.settings.silence_schema {
        text.push_str(execution::SCHEMA_HINT);
    }
    console::say(&text);
}

/// Prints a workflow and the table of its tasks.
pub(crate) fn show_workflow(
    session: &mut Session,
    mut root: Value,
    values: &Matches,
    depth: i64,
) -> Result<(), Failure> {
    let id = root["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/executions/{}/children/?depth={depth}", encode(&id));
    let (children, _) = session.client.list(&path)?;
    let tasks = tasks(&children, &id);
    let attributes = dress(&mut root, tasks.is_empty());
    let look = Look::execution(zone(session)?);
    if values.flag("json") {
        print_document(&root, &attributes, Format::Json);
    } else {
        add_schema(session, &mut root, &Matches::default(), &attributes, &look);
    }
    if tasks.is_empty() {
        return Ok(());
    }
    let columns = names(TASK_COLUMNS);
    super::objects::print_rows(&tasks, &columns, values.ints("width"), Format::of(values), &look);
    Ok(())
}

/// Chooses the attributes of a workflow; for Action Chains, the result is that of the last task, and
/// an error takes its place.
fn dress(root: &mut Value, childless: bool) -> Vec<String> {
    let mut attributes = names(WORKFLOW);
    if childless {
        attributes.push("result".into());
    }
    let behind_status = 1 + attributes.iter().position(|name| name == "status").unwrap_or(0);
    let insert = |attributes: &mut Vec<String>, names: &[&str]| {
        for (offset, name) in names.iter().enumerate() {
            attributes.insert(behind_status + offset, (*name).to_owned());
        }
    };
    let last = root["result"]["tasks"].as_array().and_then(|tasks| tasks.last()).cloned();
    let Some(fields) = root.as_object_mut() else { return attributes };
    if fields.get("status").and_then(Value::as_str) == Some("failed") {
        let (error, traceback) = error_of(fields.get("result").unwrap_or(&Value::Null));
        let (task_error, task_traceback) = last.as_ref().map_or((Value::Null, Value::Null), task_error);
        if is_set(&error) {
            fields.insert("error".into(), error);
            fields.insert("traceback".into(), traceback);
            fields.insert("result".into(), SEE_ERROR.into());
            insert(&mut attributes, &["error", "traceback"]);
        } else if is_set(&task_error) {
            fields.insert("error".into(), task_error);
            fields.insert("traceback".into(), task_traceback);
            fields.insert("result".into(), SEE_ERROR.into());
            fields.insert("failed_on".into(), task_name(last.as_ref()));
            insert(&mut attributes, &["error", "traceback", "failed_on"]);
        }
    }
    if let Some(task) = &last {
        if is_set(&task["result"]) {
            fields.insert("result_task".into(), task_name(last.as_ref()));
            fields.insert("result".into(), task["result"].clone());
            attributes.retain(|name| name != "result");
            insert(&mut attributes, &["result_task", "result"]);
        }
    } else if !attributes.iter().any(|name| name == "result") {
        attributes.push("result".into());
    }
    attributes
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

fn task_name(task: Option<&Value>) -> Value {
    task.and_then(|task| task.get("name")).cloned().unwrap_or_else(|| "unknown".into())
}

/// The error and traceback of a workflow's own result.
fn error_of(result: &Value) -> (Value, Value) {
    if result.is_object() {
        (result["error"].clone(), result["traceback"].clone())
    } else {
        ("See result".into(), "See result".into())
    }
}

/// The error and traceback of a task; what it wrote to stderr when it has no error.
fn task_error(task: &Value) -> (Value, Value) {
    let result = &task["result"];
    let error = if is_set(&result["error"]) { &result["error"] } else { &result["stderr"] };
    (error.clone(), result["traceback"].clone())
}

/// The rows of the table of tasks: a tree drawn by the ids.
fn tasks(children: &[Value], root: &str) -> Vec<Value> {
    let has_children = |child: &Value| child["children"].as_array().is_some_and(|ids| !ids.is_empty());
    let nested = children.iter().any(has_children);
    let mut depths: Vec<(&str, usize)> = vec![(root, 0)];
    let mut rows = Vec::new();
    for child in children {
        let parent = child["parent"].as_str().unwrap_or_default();
        let known = depths.iter().find(|(id, _)| *id == parent).map(|(_, depth)| *depth);
        let depth = known.unwrap_or_else(|| {
            let above = children.iter().find(|other| other["id"].as_str() == Some(parent));
            let above = above.and_then(|parent| parent["parent"].as_str());
            depths.iter().find(|(id, _)| Some(*id) == above).map_or(0, |(_, depth)| depth + 1)
        });
        if known.is_none() {
            depths.push((parent, depth));
        }
        let mark = match (nested, has_children(child)) {
            (false, _) => "",
            (true, true) => "+ ",
            (true, false) => "  ",
        };
        let id = child["id"].as_str().unwrap_or_default();
        let context = &child["context"];
        let task = if context["chain"].is_object() {
            &context["chain"]["name"]
        } else {
            &context["orquesta"]["task_name"]
        };
        let row = json!({
            "id": format!("{}{mark}{id}", " ".repeat(depth)),
            "status": with_elapsed(child),
            "task": task,
            "action": child["action"]["ref"],
            "start_timestamp": child["start_timestamp"],
            "end_timestamp": child["end_timestamp"],
        });
        rows.push(row);
    }
    rows
}

/// The status with the seconds an execution took, or takes so far.
pub(crate) fn with_elapsed(execution: &Value) -> String {
    let status = status(execution);
    let seconds = |name: &str| execution[name].as_str().and_then(time::parse).map(|time| time.timestamp());
    let start = seconds("start_timestamp");
    let end = if status == "running" {
        Some(crate::clock::now().timestamp())
    } else if COMPLETED.contains(&status) {
        seconds("end_timestamp")
    } else {
        None
    };
    match (start, end) {
        (Some(start), Some(end)) => format!("{status} ({}s elapsed)", end - start),
        _ => status.to_owned(),
    }
}

/// Adds the seconds to the status of an execution, for people only.
pub(crate) fn add_elapsed(execution: &mut Value, format: Format) {
    if format == Format::Plain {
        let text = with_elapsed(execution);
        if let Some(fields) = execution.as_object_mut()
            && fields.contains_key("status")
        {
            fields.insert("status".into(), text.into());
        }
    }
}

/// The same object with another set of fields, for lists.
pub(crate) fn list_marks(executions: &mut [Value]) {
    let has_children = |child: &Value| child["children"].as_array().is_some_and(|ids| !ids.is_empty());
    if !executions.iter().any(has_children) {
        return;
    }
    for execution in executions {
        let mark = if has_children(execution) { "+ " } else { "  " };
        let id = format!("{mark}{}", execution["id"].as_str().unwrap_or_default());
        if let Some(fields) = execution.as_object_mut() {
            fields.insert("id".into(), id.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_form_a_tree() {
        let children = [
            json!({"id": "1", "parent": "r", "children": ["2"], "context": {"orquesta": {"task_name": "a"}}, "action": {"ref": "p.w"}}),
            json!({"id": "2", "parent": "1", "context": {"chain": {"name": "b"}}, "status": "succeeded",
                   "start_timestamp": "2024-01-01T00:00:00Z", "end_timestamp": "2024-01-01T00:00:02.9Z"}),
            json!({"id": "3", "parent": "r"}),
        ];
        let rows = tasks(&children, "r");
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["+ 1", "   2", "  3"]);
        assert_eq!(rows[1]["status"], "succeeded (2s elapsed)");
        assert_eq!(rows[1]["task"], "b");
    }

    #[test]
    fn a_chain_shows_its_last_task() {
        let mut root =
            json!({"status": "failed", "result": {"tasks": [{"name": "t", "result": {"stderr": "bad"}}]}});
        let attributes = dress(&mut root, false);
        assert_eq!(root["error"], "bad");
        assert_eq!(root["result"], json!({"stderr": "bad"}));
        assert_eq!(
            attributes,
            [
                "id",
                "action.ref",
                "parameters",
                "status",
                "result_task",
                "result",
                "error",
                "traceback",
                "failed_on",
                "start_timestamp",
                "end_timestamp",
                "log"
            ]
        );
    }
}
