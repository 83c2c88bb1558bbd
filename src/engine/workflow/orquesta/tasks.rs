//! What is known of the runs of tasks: which executions belong to them, and what those answered.

use crate::{
    model::{ExecutionId, ExecutionStatus, TaskId},
    store::workflows::Piece,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Beginning of the keys under which task runs are stored.
pub(super) const PREFIX: &str = "task/";

/// One run of a task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) name: String,
    pub(super) route: usize,
    pub(super) status: ExecutionStatus,
    /// What became of each of its items, if it has items.
    pub(super) items: Option<Vec<Option<Item>>>,
    /// What its action answered, if that may be asked for.
    pub(super) result: Option<Arc<RawValue>>,
    pub(super) start: DateTime<Utc>,
    pub(super) end: Option<DateTime<Utc>>,
}

/// What became of an item.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its execution, as far as that is known.
    pub(super) child: Option<ExecutionId>,
    pub(super) status: ExecutionStatus,
    pub(super) result: Option<Arc<RawValue>>,
}

/// How a run of a task is stored. Results stay with the executions that gave them.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    task: std::borrow::Cow<'a, str>,
    route: usize,
    #[serde(borrow)]
    status: std::borrow::Cow<'a, str>,
    items: Option<usize>,
    start: i64,
    end: Option<i64>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Tasks {
    all: HashMap<TaskId, Task>,
    /// The last run of each task on each route.
    last: HashMap<(String, usize), TaskId>,
    changed: BTreeSet<TaskId>,
}

impl Task {
    /// What its items answered, in their order; null where one did not run.
    pub(super) fn item_results(&self) -> Value {
        let items = self.items.iter().flatten();
        items.map(|item| item.as_ref().map_or(Value::Null, |item| value(item.result.as_deref()))).collect()
    }

    /// Its result as `task()` shows it.
    pub(super) fn shown_result(&self) -> Value {
        let Some(items) = &self.items else {
            return self.result.as_ref().map_or(Value::Null, |raw| value(Some(raw)));
        };
        let shown = |item: &Option<Item>| match item {
            None => Value::Null,
            Some(item) => json!({"status": item.status, "result": value(item.result.as_deref())}),
        };
        json!({"items": items.iter().map(shown).collect::<Vec<_>>()})
    }
}

/// An answer as a value; an execution that has none answered nothing.
pub(super) fn value(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_else(|| json!({}))
}

impl Tasks {
    pub(super) fn get(&self, id: TaskId) -> Option<&Task> {
        self.all.get(&id)
    }

    pub(super) fn change(&mut self, id: TaskId) -> Option<&mut Task> {
        let task = self.all.get_mut(&id)?;
        self.changed.insert(id);
        Some(task)
    }

    /// Items change with their executions; of the run itself nothing is stored then.
    pub(super) fn item(&mut self, id: TaskId, item: usize) -> Option<&mut Option<Item>> {
        self.all.get_mut(&id)?.items.as_mut()?.get_mut(item)
    }

    /// What the action of a run answered, as it was stored.
    pub(super) fn set_result(&mut self, id: TaskId, result: Option<Arc<RawValue>>) {
        if let Some(task) = self.all.get_mut(&id) {
            task.result = result;
        }
    }

    pub(super) fn last(&self, name: &str, route: usize) -> Option<&Task> {
        self.all.get(self.last.get(&(name.to_owned(), route))?)
    }

    pub(super) fn insert(&mut self, task: Task) -> TaskId {
        let id = task.id;
        self.changed.insert(id);
        self.keep(task);
        id
    }

    fn keep(&mut self, task: Task) {
        let key = (task.name.clone(), task.route);
        let newest = self.last.get(&key).is_none_or(|known| *known < task.id);
        if newest {
            self.last.insert(key, task.id);
        }
        self.all.insert(task.id, task);
    }

    /// What changed since the last call.
    pub(super) fn changes(&mut self) -> Vec<Piece> {
        let changed = std::mem::take(&mut self.changed);
        let piece = |id: &TaskId| {
            let task = self.all.get(id)?;
            let row = Row {
                task: task.name.as_str().into(),
                route: task.route,
                status: task.status.as_str().into(),
                items: task.items.as_ref().map(Vec::len),
                start: task.start.timestamp_micros(),
                end: task.end.map(|end| end.timestamp_micros()),
            };
            Some(Piece { key: format!("{PREFIX}{id}"), value: serde_json::to_string(&row).ok() })
        };
        changed.iter().filter_map(piece).collect()
    }

    /// Takes up a stored run. Its items are not known yet.
    pub(super) fn read(&mut self, key: &str, text: &str) -> Result<(), String> {
        let broken = || format!("the piece {key} cannot be read");
        let id: TaskId = key.strip_prefix(PREFIX).and_then(|id| id.parse().ok()).ok_or_else(broken)?;
        let row: Row<'_> = serde_json::from_str(text).map_err(|_| broken())?;
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        self.keep(Task {
            id,
            name: row.task.into_owned(),
            route: row.route,
            status: row.status.parse().map_err(|()| broken())?,
            items: row.items.map(|count| vec![None; count]),
            result: None,
            start: at(row.start),
            end: row.end.map(at),
        });
        Ok(())
    }
}
