//! The executions that tasks want, and by what they are recognised.

use super::tasks::Task;
use crate::{
    engine::{
        execution::{ChildRequest, Refusal},
        workflow::Wanted,
    },
    model::{Execution, ExecutionRequest, TaskId, WorkflowId},
    pytext,
    workflow::{Call, NextTask},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What all children of a workflow are told about it.
pub(super) struct Family {
    workflow: WorkflowId,
    /// The part of their contexts that tells of their parent.
    parent: Map<String, Value>,
    /// Notification section of the workflow, and the tasks it is handed on to.
    notify: Map<String, Value>,
    notified: Vec<String>,
}

/// Which task, and which of its items, an execution is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) task: TaskId,
    pub(super) item: Option<usize>,
}

impl Family {
    /// The family of the workflow that runs as `execution`.
    pub(super) fn of(execution: &Execution, workflow: WorkflowId, user: &str, notified: Vec<String>) -> Self {
        let context = &execution.context;
        let mut parent = Map::new();
        parent.insert("execution_id".to_owned(), json!(execution.id));
        parent.insert("user".to_owned(), context.get("user").cloned().unwrap_or_else(|| json!(user)));
        parent.insert("pack".to_owned(), context.get("pack").cloned().unwrap_or_default());
        for name in ["api_user", "source_channel"] {
            if let Some(value) = context.get(name).filter(|value| pytext::truthy(value)) {
                parent.insert(name.to_owned(), value.clone());
            }
        }
        Self { workflow, parent, notify: execution.notify.as_ref().clone(), notified }
    }

    /// The workflow runs as another execution now.
    pub(super) fn move_to(&mut self, execution: &Execution) {
        self.parent.insert("execution_id".to_owned(), json!(execution.id));
        if let Some(user) = execution.context.get("user") {
            self.parent.insert("user".to_owned(), user.clone());
        }
    }

    /// The request for one call of a task.
    pub(super) fn request(&self, task: &Task, next: &NextTask, call: &Call) -> Result<ChildRequest, Refusal> {
        let action = match &call.action {
            Value::String(action) => action.clone(),
            other => pytext::str(other),
        };
        let parameters = match &call.input {
            Value::Object(parameters) => parameters.clone(),
            other if !pytext::truthy(other) => Map::new(),
            other => {
                let kind = pytext::type_name(other);
                let message = format!("The input of task \"{}\" is no object but of type {kind}.", task.name);
                return Err(Refusal { class: "TypeError", message });
            }
        };
        let notify = if self.notified.contains(&task.name) { self.notify.clone() } else { Map::new() };
        let request = ExecutionRequest {
            context: self.context(task, &action, call.item),
            action,
            parameters,
            notify,
            delay_ms: delay_ms(next, call),
            ..ExecutionRequest::default()
        };
        let mut origin = Map::new();
        origin.insert("workflow_execution".to_owned(), json!(self.workflow));
        origin.insert("task_execution".to_owned(), json!(task.id));
        Ok(ChildRequest { request, origin })
    }

    fn context(&self, task: &Task, action: &str, item: Option<usize>) -> Map<String, Value> {
        let mut context = Map::new();
        let pack = action.split_once('.').map_or(action, |(pack, _)| pack);
        context.insert("pack".to_owned(), json!(pack));
        context.insert("user".to_owned(), self.parent.get("user").cloned().unwrap_or_default());
        context.insert("parent".to_owned(), Value::Object(self.parent.clone()));
        let mut orquesta = Map::new();
        orquesta.insert("workflow_execution_id".to_owned(), json!(self.workflow));
        orquesta.insert("task_execution_id".to_owned(), json!(task.id));
        orquesta.insert("task_name".to_owned(), json!(task.name));
        orquesta.insert("task_id".to_owned(), json!(task.name));
        orquesta.insert("task_route".to_owned(), json!(task.route));
        if let Some(item) = item {
            orquesta.insert("item_id".to_owned(), json!(item));
        }
        context.insert("orquesta".to_owned(), Value::Object(orquesta));
        for name in ["api_user", "source_channel"] {
            if let Some(value) = self.parent.get(name) {
                context.insert(name.to_owned(), value.clone());
            }
        }
        context
    }
}

/// With items and a limit, only those of the first round wait.
fn delay_ms(next: &NextTask, call: &Call) -> Option<u64> {
    let seconds = next.delay.filter(|seconds| *seconds > 0)?;
    let first = match (call.item, next.concurrency) {
        (Some(item), Some(limit)) => i64::try_from(item).is_ok_and(|item| item < limit),
        _ => true,
    };
    first.then(|| u64::try_from(seconds).unwrap_or_default().saturating_mul(1000))
}

impl Origin {
    /// What an execution is of.
    pub(super) fn of(child: &Arc<Execution>) -> Option<Self> {
        Self::in_context(&child.context)
    }

    pub(super) fn in_context(context: &Map<String, Value>) -> Option<Self> {
        let of = context.get("orquesta")?;
        let task = of.get("task_execution_id")?.as_str()?.parse().ok()?;
        let item = of.get("item_id").and_then(Value::as_u64).map(|item| item as usize);
        Some(Self { task, item })
    }

    /// As a word that comes back.
    pub(super) fn key(self) -> String {
        self.task.to_string()
    }
}

/// What is wanted for a call.
pub(super) fn wanted(origin: Origin, child: ChildRequest) -> Wanted {
    Wanted { key: origin.key(), child }
}
