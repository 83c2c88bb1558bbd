//! What can be asked of an execution that exists: cancel, pause, resume, a status set by a callback.

use super::Error;
use crate::{
    clock,
    engine::{
        Engine,
        runner::{container::update, is_native},
        workflow,
    },
    model::{Execution, ExecutionId, ExecutionStatus},
    store::{executions, ledger::Transition},
};
use serde_json::{Map, Value, json, value::to_raw_value};
use std::sync::Arc;

/// Runners whose executions can be paused and resumed.
const PAUSABLE: [&str; 3] = ["action-chain", "orquesta", "orchestra"];

/// The execution as it stands.
pub async fn get(engine: &Engine, id: ExecutionId) -> Result<Arc<Execution>, Error> {
    if let Some(running) = engine.running(id) {
        return Ok(running.current.lock().clone());
    }
    let found = executions::query::find_many(engine.store().pool(), &[id]).await?;
    found.into_iter().next().ok_or_else(|| Error::NoSuchExecution(id.to_string()))
}

/// Cancels it. One that runs becomes `canceling` and is ended with all its processes; one that does not run becomes
/// `canceled` at once. One that is canceled already is answered as it is.
///
/// # Errors
/// [`Error::NotCancelable`] when it has ended otherwise, waits for an answer, or is being cancelled.
pub async fn cancel(engine: &Engine, id: ExecutionId, user: &str) -> Result<Arc<Execution>, Error> {
    cancel_for(engine, id, Some(user)).await
}

/// Cancels it; without a user, as nobody has asked for it.
///
/// # Errors
/// As [`cancel`].
pub(in crate::engine) async fn cancel_for(
    engine: &Engine,
    id: ExecutionId,
    user: Option<&str>,
) -> Result<Arc<Execution>, Error> {
    let marks: Vec<(&str, &str)> = user.map(|user| ("cancelled_by", user)).into_iter().collect();
    loop {
        let current = get(engine, id).await?;
        if current.status == ExecutionStatus::Canceled {
            return Ok(current);
        }
        if !current.status.is_cancelable() {
            return Err(Error::NotCancelable(current.status));
        }
        let to = if ends_later(&current) { ExecutionStatus::Canceling } else { ExecutionStatus::Canceled };
        let result = json!({"message": "Action canceled by user.", "user": user});
        if let Some(next) = change(engine, &current, to, Some(&result), &marks).await? {
            follow(engine, id).await?;
            return Ok(next);
        }
    }
}

/// Whether somebody has to end it first. A workflow that rests, in no other one, ends at once.
fn ends_later(execution: &Execution) -> bool {
    use ExecutionStatus::{Paused, Pausing, Resuming, Running};
    match execution.status {
        Running => true,
        Pausing | Paused | Resuming => execution.context.contains_key("parent"),
        _ => execution.holder.is_some(),
    }
}

/// Makes whoever runs it here follow what was asked for. The row says it already: `canceling`, `pausing`, `resuming`.
pub(in crate::engine) async fn follow(engine: &Engine, id: ExecutionId) -> Result<(), Error> {
    if let Some(running) = engine.running(id) {
        running.stop.request();
    }
    workflow::look(engine, id);
    Ok(())
}

/// Asks it to pause.
///
/// # Errors
/// [`Error::Refused`] when its runner cannot, or it does not run.
pub async fn pause(engine: &Engine, id: ExecutionId, user: &str) -> Result<Arc<Execution>, Error> {
    loop {
        let current = open(engine, id).await?;
        check_pausable(&current, "pause")?;
        if matches!(current.status, ExecutionStatus::Pausing | ExecutionStatus::Paused) {
            return Ok(current);
        }
        if current.status != ExecutionStatus::Running {
            return Err(Error::Refused(format!(
                "Unable to pause liveaction \"{}\" because it is not in a running state.",
                current.liveaction_id
            )));
        }
        let marks = [("paused_by", user)];
        if let Some(next) = change(engine, &current, ExecutionStatus::Pausing, None, &marks).await? {
            follow(engine, id).await?;
            return Ok(next);
        }
    }
}

/// Asks it to go on.
///
/// # Errors
/// [`Error::Refused`] when its runner cannot, or it is not paused.
pub async fn resume(engine: &Engine, id: ExecutionId, user: &str) -> Result<Arc<Execution>, Error> {
    loop {
        let current = open(engine, id).await?;
        check_pausable(&current, "resume")?;
        if matches!(current.status, ExecutionStatus::Running | ExecutionStatus::Resuming) {
            return Ok(current);
        }
        if current.status != ExecutionStatus::Paused {
            return Err(Error::Refused(format!(
                "Unable to resume liveaction \"{}\" because it is in \"{}\" state and not in \"paused\" state.",
                current.liveaction_id, current.status
            )));
        }
        let marks = [("resumed_by", user)];
        if let Some(next) = change(engine, &current, ExecutionStatus::Resuming, None, &marks).await? {
            follow(engine, id).await?;
            return Ok(next);
        }
    }
}

/// Only workflows can pause.
fn check_pausable(execution: &Execution, what: &str) -> Result<(), Error> {
    let runner = &execution.snapshot.runner.name;
    if PAUSABLE.contains(&runner.as_str()) {
        return Ok(());
    }
    let liveaction = execution.liveaction_id;
    Err(Error::Refused(format!(
        "Unable to {what} liveaction \"{liveaction}\" because it is not supported by the \"{runner}\" runner."
    )))
}

/// Cancels the child of a workflow that is canceled. What runs already is left to finish, unless it is a
/// workflow, or a step of managing packs: those undo what they began.
///
/// # Errors
/// It has ended, or runs.
pub(in crate::engine) async fn cancel_child(
    engine: &Engine,
    id: ExecutionId,
    is_workflow: bool,
    user: &str,
) -> Result<(), Error> {
    if !is_workflow {
        let current = get(engine, id).await?;
        let runs = current.holder.is_some() || !current.status.is_waiting();
        if runs && !is_native(&current.snapshot) {
            return Err(Error::NotCancelable(current.status));
        }
    }
    cancel(engine, id, user).await.map(drop)
}

/// Sets status and result as an asynchronous runner's callback does.
///
/// # Errors
/// [`Error::Completed`] when it has ended.
pub async fn set(
    engine: &Engine,
    id: ExecutionId,
    status: Option<ExecutionStatus>,
    result: Option<&Map<String, Value>>,
) -> Result<Arc<Execution>, Error> {
    loop {
        let current = open(engine, id).await?;
        let to = status.unwrap_or(current.status);
        let result = result.map(|fields| Value::Object(fields.clone()));
        if to == current.status && result.is_none() {
            return Ok(current);
        }
        if let Some(next) = change(engine, &current, to, result.as_ref(), &[]).await? {
            if next.status.is_completed() {
                follow(engine, id).await?;
            }
            return Ok(next);
        }
    }
}

async fn open(engine: &Engine, id: ExecutionId) -> Result<Arc<Execution>, Error> {
    let current = get(engine, id).await?;
    if current.status.is_completed() { Err(Error::Completed) } else { Ok(current) }
}

/// Makes one guarded change; `None` when another was first.
pub(in crate::engine) async fn change(
    engine: &Engine,
    current: &Arc<Execution>,
    to: ExecutionStatus,
    result: Option<&Value>,
    marks: &[(&str, &str)],
) -> Result<Option<Arc<Execution>>, Error> {
    let at = clock::now();
    let steps: &[ExecutionStatus] = if to == current.status { &[] } else { &[to] };
    let result = result.and_then(|value| to_raw_value(value).ok()).map(Arc::from);
    let mut next = current.moved(steps, result.clone(), at);
    if !marks.is_empty() {
        let mut context = Map::clone(&next.context);
        context.extend(marks.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        next.context = Arc::new(context);
    }
    let next = Arc::new(next);
    let transition = Transition {
        id: current.id,
        from: vec![current.status],
        to: steps.to_vec(),
        at,
        result,
        context: (!marks.is_empty()).then(|| serde_json::to_string(&*next.context).unwrap_or_default()),
        holder: None,
    };
    if !engine.shared.ledger.transition(transition, vec![update(next.clone())]).await? {
        // What is kept in memory may be older than the row: look at the row next time.
        refresh(engine, current.id).await?;
        return Ok(None);
    }
    if let Some(running) = engine.running(current.id) {
        let mut kept = running.current.lock();
        if !kept.status.is_completed() {
            *kept = next.clone();
        }
    }
    workflow::heard(engine, &next);
    Ok(Some(next))
}

async fn refresh(engine: &Engine, id: ExecutionId) -> Result<(), Error> {
    if let Some(running) = engine.running(id)
        && let Some(found) = executions::query::find_many(engine.store().pool(), &[id]).await?.pop()
    {
        *running.current.lock() = found;
    }
    Ok(())
}
