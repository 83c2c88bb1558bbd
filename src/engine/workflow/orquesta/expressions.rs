//! What expressions of a workflow may ask that its contexts do not hold: answers of earlier tasks, keys of the datastore.

use super::tasks::Tasks;
use crate::{
    clock,
    datastore::Datastore,
    engine::Engine,
    expr::orquesta::{Problem, Row, Scope},
    model::{KeyName, WorkflowId},
    store::patiently,
    workflow::{Evaluate, Expressions as Languages, Fault, Outside},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::runtime::Handle;

/// How Python writes a time.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.6f+00:00";

/// The way to the datastore, for a workflow.
pub(super) struct Expressions {
    workflow: WorkflowId,
    datastore: Datastore,
    runtime: Handle,
}

/// It and what is known of the tasks.
pub(super) struct With<'a> {
    expressions: &'a Expressions,
    tasks: &'a Tasks,
}

impl Expressions {
    pub(super) fn of(engine: &Engine, workflow: WorkflowId) -> Self {
        let (datastore, runtime) = (engine.datastore().clone(), engine.shared.runtime.clone());
        Self { workflow, datastore, runtime }
    }

    pub(super) fn with<'a>(&'a self, tasks: &'a Tasks) -> With<'a> {
        With { expressions: self, tasks }
    }
}

impl Evaluate for With<'_> {
    fn evaluate(&self, value: &Value, scope: &crate::workflow::Scope<'_>) -> Result<Value, Fault> {
        Languages::new(self).evaluate(value, scope)
    }
}

impl Outside for With<'_> {
    fn task_execution(&self, task: &str, route: usize) -> Result<Option<Row>, Problem> {
        Ok(self.tasks.last(task, route).map(|task| Row {
            id: task.id.to_string(),
            workflow_execution: self.expressions.workflow.to_string(),
            result: task.shown_result(),
            status: task.status.to_string(),
            start_timestamp: task.start.format(TIME).to_string(),
            end_timestamp: task.end.map(|end| end.format(TIME).to_string()),
        }))
    }

    fn key(&self, scope: Scope<'_>, name: &str, decrypt: bool) -> Result<Option<Value>, Problem> {
        // The database takes no NUL, so no key has one.
        if name.contains('\0') {
            return Ok(None);
        }
        let key = match scope {
            Scope::System => KeyName::system(name),
            Scope::User(user) => KeyName::user(user, name),
        };
        let Expressions { datastore, runtime, .. } = self.expressions;
        // Steps run where they may block.
        let found = runtime.block_on(patiently("an expression", || datastore.find(&key)));
        let found = found.map_err(|error| Problem::evaluation(error.to_string()))?;
        let Some(entry) = found else { return Ok(None) };
        let text = if decrypt {
            datastore.decrypt(&entry).map_err(|error| Problem::evaluation(error.to_string()))?
        } else {
            entry.value
        };
        Ok(Some(Value::String(text)))
    }

    fn now(&self) -> DateTime<Utc> {
        clock::now()
    }
}
