//! Orquesta's expressions for the conductor.
//!
//! What the conductor knows (variables, the current task and item, what became of tasks) comes from its
//! [`Scope`]; what only rows can tell comes from [`Outside`].

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Evaluate, Fault, Scope};
use crate::expr::orquesta::{self, Current, Data, Problem, Row};

/// What expressions may ask that no run of a workflow knows by itself.
pub trait Outside {
    /// The latest execution of a task on a route, for `task()`.
    ///
    /// # Errors
    /// That it could not be read.
    fn task_execution(&self, task: &str, route: usize) -> Result<Option<Row>, Problem>;

    /// The value of a key in the datastore, for `st2kv()`; nothing if there is none.
    ///
    /// # Errors
    /// That it may not be seen, could not be read, or not decrypted.
    fn key(&self, scope: orquesta::Scope<'_>, name: &str, decrypt: bool) -> Result<Option<Value>, Problem>;

    /// The time, for `now()`.
    fn now(&self) -> DateTime<Utc>;
}

/// Evaluates with orquesta's two languages.
pub struct Expressions<'a> {
    outside: &'a dyn Outside,
}

impl<'a> Expressions<'a> {
    /// With what rows can tell.
    pub fn new(outside: &'a dyn Outside) -> Self {
        Self { outside }
    }
}

impl Evaluate for Expressions<'_> {
    fn evaluate(&self, value: &Value, scope: &Scope<'_>) -> Result<Value, Fault> {
        let seen = Seen { scope, outside: self.outside };
        orquesta::evaluate(value, &seen).map_err(|error| Fault(error.to_string()))
    }
}

/// A scope as expressions see it.
struct Seen<'a> {
    scope: &'a Scope<'a>,
    outside: &'a dyn Outside,
}

impl Data for Seen<'_> {
    fn var(&self, name: &str) -> Option<Cow<'_, Value>> {
        if name.starts_with("__") { None } else { self.scope.var(name) }
    }

    fn vars(&self) -> Map<String, Value> {
        self.scope.vars()
    }

    fn has_private(&self, name: &str) -> bool {
        match name {
            "__state" => self.scope.tasks().is_some(),
            "__current_task" => self.scope.task().is_some(),
            "__current_item" => self.scope.item().is_some(),
            other => other.starts_with("__") && self.scope.var(other).is_some(),
        }
    }

    fn task(&self) -> Option<Current<'_>> {
        let task = self.scope.task()?;
        Some(Current { name: task.name, route: task.route, result: task.result })
    }

    fn item(&self) -> Option<&Value> {
        self.scope.item()
    }

    fn find_task(&self, task: &str, route: i64) -> Result<Option<(usize, &'static str)>, Problem> {
        let (Some(tasks), Ok(route)) = (self.scope.tasks(), usize::try_from(route)) else { return Ok(None) };
        let found = tasks.find(task, route).map(|(route, status)| (route, status.as_str()));
        if found.is_none() && route > 0 && route >= tasks.routes().len() {
            return Err(Problem::new("IndexError", "list index out of range"));
        }
        Ok(found)
    }

    fn task_execution(&self, task: &str, route: usize) -> Result<Option<Row>, Problem> {
        self.outside.task_execution(task, route)
    }

    fn key(&self, scope: orquesta::Scope<'_>, name: &str, decrypt: bool) -> Result<Option<Value>, Problem> {
        self.outside.key(scope, name, decrypt)
    }

    fn now(&self) -> DateTime<Utc> {
        self.outside.now()
    }
}
