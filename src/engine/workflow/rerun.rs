//! Running some tasks of a workflow again, as another execution.

use super::{
    Begun, Ended, Handle, Happened, Language, adopt,
    begin::{Opened, errors},
};
use crate::{
    engine::Engine,
    model::{Execution, ExecutionId, ExecutionStatus},
    service,
    store::{executions::query, patiently, workflows},
};
use serde_json::Value;
use std::sync::Arc;

/// Who waits when the database is away.
const AGAIN: &str = "a workflow that runs again";

/// What is to run again.
pub(super) struct Again {
    /// The execution that ran the workflow before.
    of: Option<ExecutionId>,
    tasks: Vec<String>,
    reset: Vec<String>,
}

/// Whether an execution is asked to run tasks of an earlier one again.
pub(super) fn wanted(execution: &Execution) -> Option<Again> {
    let again = execution.context.get("re-run")?;
    let names = |key: &str| -> Vec<String> {
        let list = again.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let tasks = names("tasks");
    let of = again.get("ref").and_then(Value::as_str).and_then(|id| id.parse().ok());
    (!tasks.is_empty()).then(|| Again { of, tasks, reset: names("reset") })
}

/// Makes the workflow of the earlier execution ready to run these tasks again, as this execution.
pub(super) async fn open(
    engine: &Engine,
    execution: &Arc<Execution>,
    language: &'static dyn Language,
    again: Again,
    handle: &Handle,
) -> Result<Opened, Ended> {
    let refuse = |message: String| Ended { status: ExecutionStatus::Failed, result: errors(&message) };
    let pool = engine.store().pool();
    let broken = |error: crate::store::Error| refuse(format!("The workflow could not be read: {error}"));
    let before = match again.of {
        Some(id) => {
            patiently(AGAIN, || query::find(pool, id)).await.map_err(broken)?.map(|row| row.execution)
        }
        None => None,
    };
    let id =
        before.as_ref().and_then(|before| before.context.get("workflow_execution")).and_then(Value::as_str);
    let id = id.unwrap_or("None").to_owned();
    let stored = match id.parse() {
        Ok(id) => patiently(AGAIN, || workflows::find(pool, id)).await.map_err(broken)?,
        Err(_) => None,
    };
    let Some(stored) = stored else {
        return Err(refuse(format!(
            "Unable to rerun workflow execution \"{id}\" because it does not exist."
        )));
    };
    let now = patiently(AGAIN, || query::status(pool, stored.execution)).await.map_err(broken)?;
    if now.is_some_and(|status| !status.is_completed()) {
        return Err(refuse(format!(
            "Unable to rerun workflow execution \"{id}\" because it is not in a completed state."
        )));
    }
    let mut row = workflows::Begun {
        executions: stored.executions.clone(),
        language: language.name(),
        source: stored.source.as_str().into(),
        depth: stored.depth,
    };
    row.executions.push(execution.id);
    super::register(engine, handle, &row.executions);
    let workflow = stored.id;
    let (mut logic, happened, active) = adopt::restore(engine, execution, stored).await.map_err(refuse)?;
    let execution = execution.clone();
    let ready = service::compute(move || {
        // Children that ended after the workflow had: their tasks may run again only if they are known to have ended.
        if !happened.is_empty() {
            logic.step(happened);
        }
        logic.rerun(&execution, &again.tasks, &again.reset).map(|()| logic)
    });
    let logic = ready.await.map_err(refuse)?.map_err(refuse)?;
    Ok((workflow, Begun { logic, lines: Vec::new() }, row, vec![Happened::Begun], active))
}
