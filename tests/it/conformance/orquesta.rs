//! What the recorded cases about expressions of workflows share: their data as a run would show it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use st2d::{
    expr::orquesta::{self, Problem, Row},
    pytext,
    workflow::{CurrentTask, Evaluate, Expressions, Outside, Scope, Status, Tasks},
};

use crate::support::corpus::{Case, plain};

/// Evaluates the text of a case; an error as `Class: message`.
pub(super) fn evaluate(text: &Value, data: &Value, outside: &Recorded) -> Result<Value, String> {
    let data = plain(data);
    let fields = data.as_object().cloned().unwrap_or_default();
    let public: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| !name.starts_with("__"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let layers = [&public];
    let state = fields.get("__state").filter(|state| !state.is_null()).map(State::of);
    let mut scope = Scope::of(&layers);
    if let Some(state) = &state {
        scope = scope.with_tasks(state);
    }
    let task = fields.get("__current_task").filter(|task| pytext::truthy(task));
    if let Some(task) = task {
        scope = scope.with_task(CurrentTask {
            name: task["id"].as_str().unwrap_or_default(),
            route: task["route"].as_u64().unwrap_or_default() as usize,
            result: task.get("result"),
        });
    }
    if let Some(item) = fields.get("__current_item") {
        scope = scope.with_item(item);
    }
    Expressions::new(outside).evaluate(text, &scope).map_err(|fault| fault.0)
}

/// Compares an answer with what was recorded; says when there is nothing to compare.
pub(super) fn compare(case: &Case<'_>, got: &Result<Value, String>) -> Result<(), String> {
    let expected = &case.value["error"];
    match (expected.is_null(), got) {
        (true, Ok(got)) if same(case.result(), got) => Ok(()),
        (true, Err(_)) if is_no_json(case.result()) => Ok(()),
        (false, Err(got)) if expected.is_string() => {
            if expected == got {
                Ok(())
            } else {
                Err(format!("failed with\n      {got}, expected\n      {expected}"))
            }
        }
        (false, Err(got)) => {
            let (class, message) = (expected["type"].as_str(), expected["message"].as_str());
            let expected = format!("{}: {}", class.unwrap_or_default(), message.unwrap_or_default());
            if expected == *got {
                Ok(())
            } else {
                Err(format!("failed with\n      {got}, expected\n      {expected}"))
            }
        }
        (true, got) => {
            Err(format!("{}: got\n      {got:?}, expected\n      {}", case.value["text"], case.result()))
        }
        (false, got) => {
            Err(format!("{}: got\n      {got:?}, expected\n      {expected}", case.value["text"]))
        }
    }
}

/// Python's own objects: functions and the like, which no workflow could have kept.
fn is_no_json(expected: &Value) -> bool {
    matches!(
        expected["__py__"].as_str(),
        Some("partial" | "function" | "builtin_function_or_method" | "Namespace" | "type" | "method")
    )
}

fn same(expected: &Value, got: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut texts: Vec<String> = value.as_array().into_iter().flatten().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    match (expected["__py__"].as_str(), expected, got) {
        // Sets are lists here, in the order their items came.
        (Some("set"), _, _) => got.is_array() && sorted(&plain(&expected["items"])) == sorted(got),
        // Keys that are no texts.
        (Some("dict"), _, _) => {
            let repr = expected["repr"].as_str().unwrap_or_default();
            pytext::literal(repr).is_ok_and(|literal| same(&literal, got))
        }
        (Some("tuple"), _, _) => same(&expected["items"], got),
        // What can be read once only is laid out; an undefined value is nothing.
        (Some("Undefined"), _, _) => got.is_null(),
        (Some(kind), _, _) if kind.ends_with("iterator") => got.is_array(),
        (Some(_), _, _) => false,
        (None, Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| same(expected, got))
        }
        (None, Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected.iter().all(|(key, value)| got.get(key).is_some_and(|got| same(value, got)))
        }
        _ => crate::support::corpus::same(got, expected).is_ok(),
    }
}

/// The state of a run, as far as expressions ask for it.
struct State {
    routes: Vec<Vec<String>>,
    tasks: HashMap<(String, usize), Status>,
}

impl State {
    fn of(state: &Value) -> Self {
        let routes = state["routes"].as_array().into_iter().flatten();
        let routes = routes.map(|steps| {
            steps.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        });
        let tasks = state["tasks"].as_object().into_iter().flatten().filter_map(|(key, at)| {
            let (task, route) = key.rsplit_once("__r")?;
            let entry = &state["sequence"][at.as_u64()? as usize];
            let status = Status::parse(entry["status"].as_str().unwrap_or("null"))?;
            Some(((task.to_owned(), route.parse().ok()?), status))
        });
        Self { routes: routes.collect(), tasks: tasks.collect() }
    }
}

impl Tasks for State {
    fn routes(&self) -> &[Vec<String>] {
        &self.routes
    }

    fn status_on(&self, task: &str, route: usize) -> Option<Status> {
        self.tasks.get(&(task.to_owned(), route)).copied()
    }
}

/// The rows and keys of a case.
#[derive(Default)]
pub(super) struct Recorded {
    rows: Vec<Value>,
    system: BTreeMap<String, Value>,
    user: BTreeMap<String, Value>,
}

impl Recorded {
    pub(super) fn of(case: &Value) -> Self {
        let keys = |scope: &str| -> BTreeMap<String, Value> {
            let entries = case["datastore"][scope].as_object().into_iter().flatten();
            entries.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let rows = case["task_executions"].as_array().cloned().unwrap_or_default();
        Self { rows, system: keys("system"), user: keys("user") }
    }
}

impl Outside for Recorded {
    fn task_execution(&self, task: &str, route: usize) -> Result<Option<Row>, Problem> {
        let mut rows = self.rows.iter().rev();
        let row = rows.find(|row| row["task_id"] == task && row["task_route"] == json!(route));
        let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
        Ok(row.map(|row| Row {
            id: text(row, "id").unwrap_or_default(),
            workflow_execution: text(row, "workflow_execution").unwrap_or_default(),
            result: row["result"].clone(),
            status: text(row, "status").unwrap_or_default(),
            start_timestamp: text(row, "start_timestamp").unwrap_or_default(),
            end_timestamp: text(row, "end_timestamp"),
        }))
    }

    fn key(&self, scope: orquesta::Scope<'_>, name: &str, _decrypt: bool) -> Result<Option<Value>, Problem> {
        Ok(match scope {
            orquesta::Scope::System => self.system.get(name).cloned(),
            orquesta::Scope::User(user) => self.user.get(&format!("{user}:{name}")).cloned(),
        })
    }

    fn now(&self) -> DateTime<Utc> {
        st2d::clock::now()
    }
}
