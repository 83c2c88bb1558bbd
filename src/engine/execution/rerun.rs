//! The same again: a new execution with the parameters of an old one.

use super::{Error, Idempotency, control, request};
use crate::{
    engine::Engine,
    model::{Execution, ExecutionId, ExecutionRequest},
    store::traces,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// What a re-run may change.
#[derive(Clone, Debug, Default)]
pub struct Rerun {
    /// Laid over the old parameters.
    pub parameters: Map<String, Value>,
    /// Tasks of a workflow to run again, instead of all of it.
    pub tasks: Vec<String>,
    /// Those of them whose items start over.
    pub reset: Vec<String>,
    /// On whose behalf; the requester when absent.
    pub user: Option<String>,
    /// Wait this long before scheduling, in milliseconds.
    pub delay_ms: Option<u64>,
}

/// Requests the action of execution `id` again.
///
/// # Errors
/// [`Error::Invalid`] when what is asked does not fit the old execution, and all of [`request()`]'s.
pub async fn rerun(
    engine: &Engine,
    requester: &str,
    id: ExecutionId,
    rerun: Rerun,
    idempotency: Option<Idempotency>,
) -> Result<Arc<Execution>, Error> {
    rerun.check()?;
    let old = control::get(engine, id).await?;
    if !rerun.tasks.is_empty() && old.snapshot.runner.name != "orquesta" {
        let refusal = "Task option is only supported for Orquesta workflows.";
        return Err(Error::Invalid(refusal.to_owned()));
    }
    let mut parameters = Map::clone(&old.parameters);
    parameters.extend(rerun.parameters);
    let mut again = Map::from_iter([("ref".to_owned(), json!(id))]);
    if !rerun.tasks.is_empty() {
        again.insert("tasks".to_owned(), json!(rerun.tasks));
        again.insert("reset".to_owned(), json!(rerun.reset));
    }
    let mut context = Map::from_iter([("re-run".to_owned(), Value::Object(again))]);
    if let Some(old) = traces::of_executions(engine.store().pool(), &[id]).await?.pop() {
        context.insert("trace_context".to_owned(), json!({"id_": old.trace}));
    }
    let new = ExecutionRequest {
        action: old.action_ref(),
        parameters,
        user: rerun.user,
        context,
        delay_ms: rerun.delay_ms,
        ..ExecutionRequest::default()
    };
    request(engine, requester, new, idempotency).await
}

impl Rerun {
    /// Whether its parts fit each other, whatever is to be run again.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they do not.
    pub fn check(&self) -> Result<(), Error> {
        let refusal = if !(self.parameters.is_empty() || self.tasks.is_empty() && self.reset.is_empty()) {
            "Parameters override is not supported when re-running task(s) for a workflow."
        } else if !self.reset.iter().collect::<BTreeSet<_>>().is_subset(&self.tasks.iter().collect()) {
            "List of tasks to reset does not match the tasks to rerun."
        } else {
            return Ok(());
        };
        Err(Error::Invalid(refusal.to_owned()))
    }
}
