//! What expressions can see, and what they are told when it is not there.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A function's refusal: Python's class and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The class of the exception.
    pub class: &'static str,
    /// Its text.
    pub message: String,
}

impl Problem {
    /// A refusal of this class.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// `ExpressionEvaluationException`: orquesta's own.
    pub fn evaluation(message: impl Into<String>) -> Self {
        Self::new("ExpressionEvaluationException", message)
    }
}

/// The task whose expressions are evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Current<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its route.
    pub route: usize,
    /// What its action answered, once it has.
    pub result: Option<&'a Value>,
}

/// One execution of a task, as `task()` shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The task execution.
    pub id: String,
    /// The workflow execution it belongs to.
    pub workflow_execution: String,
    /// What its action answered.
    pub result: Value,
    /// How far it is.
    pub status: String,
    /// `YYYY-MM-DD HH:MM:SS.ffffff+00:00`, as Python writes a time.
    pub start_timestamp: String,
    /// The same; nothing while it runs.
    pub end_timestamp: Option<String>,
}

/// Whose key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everybody's.
    System,
    /// One user's.
    User(&'a str),
}

/// What expressions can see. Asked for nothing an expression does not name.
pub trait Data {
    /// The value of a variable; private ones, whose names begin with two underscores, are not told.
    fn var(&self, name: &str) -> Option<Cow<'_, Value>>;

    /// All variables but the private ones.
    fn vars(&self) -> Map<String, Value>;

    /// Whether there is a private variable of this name.
    fn has_private(&self, name: &str) -> bool;

    /// The task, where there is one.
    fn task(&self) -> Option<Current<'_>>;

    /// The item of a task with items.
    fn item(&self) -> Option<&Value>;

    /// The route a task ran on, the nearest to `route` that leads to it, and its status there.
    ///
    /// # Errors
    /// That there is no such route.
    fn find_task(&self, task: &str, route: i64) -> Result<Option<(usize, &'static str)>, Problem>;

    /// The latest execution of a task on a route.
    ///
    /// # Errors
    /// That it could not be read.
    fn task_execution(&self, task: &str, route: usize) -> Result<Option<Row>, Problem>;

    /// The value of a key in the datastore; nothing if there is none.
    ///
    /// # Errors
    /// That it may not be seen, could not be read, or not decrypted.
    fn key(&self, scope: Scope<'_>, name: &str, decrypt: bool) -> Result<Option<Value>, Problem>;

    /// The time, for YAQL's `now()`.
    fn now(&self) -> DateTime<Utc>;
}
