//! What went wrong in a workflow, as users see it in its result.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Map, Value, json};

/// One entry of a workflow's errors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry {
    /// What happened, with the class of the error in front.
    pub message: String,
    /// The task it happened in.
    pub task: Option<String>,
    /// Its route.
    pub route: Option<usize>,
    /// The transition of the task that could not be taken.
    pub transition: Option<String>,
    /// What the task's action answered.
    pub result: Option<Value>,
}

impl Entry {
    /// The entry as clients see it.
    pub fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("type".to_owned(), json!("error"));
        entry.insert("message".to_owned(), json!(self.message));
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                entry.insert(key.to_owned(), value);
            }
        };
        put("task_id", self.task.clone().map(Value::String));
        put("route", self.route.map(|route| json!(route)));
        put("task_transition_id", self.transition.clone().map(Value::String));
        put("result", self.result.clone());
        Value::Object(entry)
    }

    pub(super) fn from_json(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            message: text("message").unwrap_or_default(),
            task: text("task_id"),
            route: value.get("route").and_then(Value::as_u64).map(|route| route as usize),
            transition: text("task_transition_id"),
            result: value.get("result").cloned(),
        }
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.message, &self.task, self.route, &self.transition).hash(&mut hasher);
        self.result.as_ref().map(ToString::to_string).hash(&mut hasher);
        hasher.finish()
    }
}

/// The errors of a workflow, each once, in the order they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
    /// How many entries have a digest: what is not here cannot be a repetition.
    digests: HashMap<u64, usize>,
}

impl Log {
    /// The entries.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds an entry unless an equal one is there; says whether it did.
    pub(super) fn add(&mut self, entry: Entry) -> bool {
        let count = self.digests.entry(entry.digest()).or_default();
        if *count > 0 && self.entries.contains(&entry) {
            return false;
        }
        *count += 1;
        self.entries.push(entry);
        true
    }

    /// Forgets what was said about a task; says whether anything was.
    pub(super) fn forget(&mut self, task: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.task.as_deref() != Some(task));
        self.digests.clear();
        for entry in &self.entries {
            *self.digests.entry(entry.digest()).or_default() += 1;
        }
        self.entries.len() != before
    }
}
