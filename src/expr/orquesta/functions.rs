//! The functions that see the context: `ctx`, `item`, `result`, `task`, `task_status`, `st2kv`…
//!
//! One meaning for both languages. What they answer is not copied before it is known how much of it is
//! wanted: [`Found`] may stand for all variables, and [`Found::walk`] goes down from it step by step.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{
    arguments::Bound,
    data::{Current, Data, Problem, Row, Scope},
};
use crate::pytext;

/// What a function answers.
pub(super) enum Found<'a> {
    /// All variables.
    Vars(&'a dyn Data),
    /// A value out of the context, which YAQL lets nobody change.
    Context(Cow<'a, Value>),
    /// A value made for the call.
    Made(Value),
}

/// Where a walk ended.
pub(super) struct Place<'a> {
    pub(super) value: Found<'a>,
    pub(super) taken: usize,
}

/// Calls a function of [`super::arguments::of`].
pub(super) fn call<'a>(
    name: &str,
    arguments: Bound<Value>,
    data: &'a dyn Data,
) -> Result<Found<'a>, Problem> {
    let Bound { values, others } = arguments;
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    let made = |value: Value| Ok(Found::Made(value));
    match name {
        "ctx" => ctx(next(), data),
        "item" => item(next(), data),
        "result" => Ok(match current(data)?.result {
            Some(result) => Found::Context(Cow::Borrowed(result)),
            None => Found::Made(Value::Null),
        }),
        "succeeded" => made(json!(own_status(data)? == "succeeded")),
        "failed" => made(json!(own_status(data)? == "failed")),
        "completed" => {
            const COMPLETED: [&str; 5] = ["succeeded", "failed", "timeout", "abandoned", "canceled"];
            made(json!(COMPLETED.contains(&own_status(data)?)))
        }
        "task_status" => {
            let (task, route) = (next(), next());
            let route = match route.filter(|route| !route.is_null()) {
                Some(route) => whole(&route)?,
                None => data.task().map_or(0, |task| task.route as i64),
            };
            made(json!(status(data, &shown(task), route)?))
        }
        "task" => task(next(), next(), data).map(Found::Made),
        "st2kv" => st2kv(next(), others, data).map(Found::Made),
        other => Err(Problem::evaluation(format!("there is no function \"{other}\""))),
    }
}

impl<'a> Found<'a> {
    /// Goes down by names for as long as there are objects that have them.
    ///
    /// Where a name is not in an object, an empty one is given: nothing else of it matters.
    pub(super) fn walk(self, path: &[&str]) -> Place<'a> {
        let made = matches!(self, Self::Made(_));
        let wrap = |value: Cow<'a, Value>| match (made, value) {
            (false, value) => Self::Context(value),
            (true, value) => Self::Made(value.into_owned()),
        };
        let nothing = || Cow::Owned(Value::Object(Map::new()));
        let mut taken = 0;
        let mut value = match self {
            Self::Vars(data) => {
                let Some(name) = path.first() else { return Place { value: Self::Vars(data), taken } };
                match data.var(name) {
                    Some(value) => {
                        taken += 1;
                        value
                    }
                    None => return Place { value: wrap(nothing()), taken },
                }
            }
            Self::Context(value) => value,
            Self::Made(value) => Cow::Owned(value),
        };
        while let Some(name) = path.get(taken).filter(|_| value.is_object()) {
            let next = match value {
                Cow::Borrowed(object) => object.get(*name).map(Cow::Borrowed),
                Cow::Owned(mut object) => object.get_mut(*name).map(|found| Cow::Owned(found.take())),
            };
            match next {
                Some(found) => value = found,
                None => return Place { value: wrap(nothing()), taken },
            }
            taken += 1;
        }
        Place { value: wrap(value), taken }
    }
}

fn ctx(key: Option<Value>, data: &dyn Data) -> Result<Found<'_>, Problem> {
    let Some(key) = key.filter(pytext::truthy) else { return Ok(Found::Vars(data)) };
    let name = shown(Some(key));
    if let Some(value) = data.var(&name) {
        return Ok(Found::Context(value));
    }
    if data.has_private(&name) {
        let message = format!("The variable \"{name}\" is for internal use and inaccessible.");
        return Err(Problem::new("VariableInaccessibleError", message));
    }
    Err(Problem::new("VariableUndefinedError", format!("The variable \"{name}\" is undefined.")))
}

fn item(key: Option<Value>, data: &dyn Data) -> Result<Found<'_>, Problem> {
    let item = data.item();
    let Some(key) = key.filter(pytext::truthy) else {
        return Ok(match item {
            Some(item) => Found::Context(Cow::Borrowed(item)),
            None => Found::Made(Value::Null),
        });
    };
    let Some(Value::Object(fields)) = item else {
        return Err(Problem::evaluation("Item is not type of collections.abc.Mapping."));
    };
    let key = shown(Some(key));
    match fields.get(&key) {
        Some(value) => Ok(Found::Context(Cow::Borrowed(value))),
        None => Err(Problem::evaluation(format!("Item does not have key \"{key}\"."))),
    }
}

fn current(data: &dyn Data) -> Result<Current<'_>, Problem> {
    data.task().ok_or_else(|| Problem::evaluation("The current task is not set in the context."))
}

fn own_status(data: &dyn Data) -> Result<&'static str, Problem> {
    let task = current(data)?;
    status(data, task.name, task.route as i64)
}

fn status(data: &dyn Data, task: &str, route: i64) -> Result<&'static str, Problem> {
    Ok(data.find_task(task, route)?.map_or("null", |(_, status)| status))
}

fn task(name: Option<Value>, route: Option<Value>, data: &dyn Data) -> Result<Value, Problem> {
    let now = data.task();
    let name = match (name.filter(|name| !name.is_null()), now) {
        (Some(name), _) => shown(Some(name)),
        (None, Some(task)) => task.name.to_owned(),
        (None, None) => return Err(missing_key("id")),
    };
    let route = match route.filter(|route| !route.is_null()) {
        Some(route) => whole(&route)?,
        None => now.map_or(0, |task| task.route as i64),
    };
    let found = match data.find_task(&name, route)? {
        Some((route, _)) => data.task_execution(&name, route)?.map(|row| (row, route)),
        None => None,
    };
    let Some((row, route)) = found else {
        return Err(Problem::evaluation(format!("Unable to find task execution for \"{name}\".")));
    };
    let Row { id, workflow_execution, result, status, start_timestamp, end_timestamp } = row;
    Ok(json!({
        "task_execution_id": id,
        "workflow_execution_id": workflow_execution,
        "task_name": name,
        "task_id": name,
        "route": route,
        "result": result,
        "status": status,
        "start_timestamp": start_timestamp,
        "end_timestamp": end_timestamp.as_deref().unwrap_or("None"),
    }))
}

fn st2kv(key: Option<Value>, options: Vec<(String, Value)>, data: &dyn Data) -> Result<Value, Problem> {
    let Some(Value::String(key)) = key else {
        return Err(Problem::new("TypeError", "Given key is not typeof string."));
    };
    let option = |name: &str| options.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let decrypt = match option("decrypt") {
        None => false,
        Some(Value::Bool(decrypt)) => *decrypt,
        Some(_) => return Err(Problem::new("TypeError", "Decrypt parameter is not typeof bool.")),
    };
    let user = data.var("st2").and_then(|st2| st2.get("user").and_then(Value::as_str).map(str::to_owned));
    let Some(user) = user else { return Err(missing_key("Could not get user from context.")) };
    let (scope, name, stored) = match key.strip_prefix("system.") {
        Some(name) => (Scope::System, name, name.to_owned()),
        None => (Scope::User(&user), &*key, format!("{user}:{key}")),
    };
    match (data.key(scope, name, decrypt)?, option("default")) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(Problem::evaluation(format!(
            "The key \"{stored}\" does not exist in the StackStorm datastore."
        ))),
    }
}

/// `KeyError`, whose text is the key as Python would write it.
fn missing_key(key: &str) -> Problem {
    Problem::new("KeyError", pytext::repr_str(key))
}

fn whole(route: &Value) -> Result<i64, Problem> {
    route.as_i64().ok_or_else(|| {
        let kind = pytext::type_name(route);
        Problem::new("TypeError", format!("'>' not supported between instances of '{kind}' and 'int'"))
    })
}

/// A name in a message, or among keys.
fn shown(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(value) => pytext::str(&value),
        None => "None".to_owned(),
    }
}
