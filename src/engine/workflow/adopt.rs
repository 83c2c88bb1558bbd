//! Workflows of nodes that are gone: this node goes on with them.

use super::{
    Handle, Happened, Logic, Resumed,
    begin::{self, errors},
    flow::{Flow, Message, end, is_workflow},
    language, runners, runs, spawn,
};
use crate::{
    engine::{Engine, execution::rendering},
    model::{Execution, ExecutionId, ExecutionStatus},
    store::{
        self,
        executions::query::{self, Extent},
        patiently, workflows,
    },
};
use serde_json::Map;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc::UnboundedReceiver;

/// Who waits when the database is away.
const ADOPTED: &str = "a workflow of a lost node";

/// Takes over what lost nodes held, an earlier life of this one included.
pub(in crate::engine) async fn adopt(engine: &Engine) -> store::Result<()> {
    let lost = workflows::lost(engine.store().pool(), &runners(), lease(engine)).await?;
    // Known here before the rows say that they are ours: when an answer is lost, it is clear whom to ask about.
    engine.shared.flows.adopting.lock().extend(lost);
    go_on(engine).await
}

/// Goes on with workflows that are to be adopted, or were and could not be read. What fails stays to be tried again.
/// For one caller at a time.
pub(in crate::engine) async fn go_on(engine: &Engine) -> store::Result<()> {
    let adopting = &engine.shared.flows.adopting;
    let ids: Vec<ExecutionId> = adopting.lock().iter().copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let pool = engine.store().pool();
    workflows::adopt(pool, &ids, lease(engine), engine.holder()).await?;
    let ours = workflows::held(pool, &ids, engine.holder()).await?;
    let still_lost = workflows::lost(pool, &runners(), lease(engine)).await?;
    let found = query::find_many(pool, &ours).await?;
    // Others were faster with the rest, or it has ended.
    adopting.lock().retain(|id| ours.contains(id) || still_lost.contains(id));
    let mut taken = 0;
    for execution in found {
        // One whose task is just ending, because it could not be read, is taken next time.
        if super::is_here(engine, execution.id) {
            continue;
        }
        taken += 1;
        adopting.lock().remove(&execution.id);
        if runs(&execution.snapshot) {
            spawn(engine, execution, true);
        } else {
            let error = begin::failed("The daemon that ran this was stopped.".to_owned());
            end(engine, execution, ExecutionStatus::Abandoned, &error.result, &Map::new()).await;
        }
    }
    if taken > 0 {
        tracing::info!("Going on with {taken} workflows of nodes that are gone");
    }
    Ok(())
}

fn lease(engine: &Engine) -> f64 {
    engine.config().scheduler.lease as f64
}

/// Makes a stored workflow ready to go on; one that was never stored begins.
pub(super) async fn reopen(
    engine: &Engine,
    execution: Arc<Execution>,
    mailbox: UnboundedReceiver<Message>,
    handle: &Handle,
) -> Option<(Flow, Vec<Happened>)> {
    let stored = workflows::find_by_execution(engine.store().pool(), execution.id).await;
    let stored = match stored {
        Ok(None) => return begin::open(engine, execution, mailbox, handle).await,
        Ok(Some(stored)) => stored,
        Err(error) => {
            tracing::warn!("Workflow {} cannot be read yet: {error}", execution.id);
            engine.shared.flows.adopting.lock().insert(execution.id);
            return None;
        }
    };
    let workflow = stored.id;
    super::register(engine, handle, &stored.executions);
    match restore(engine, &execution, stored).await {
        Ok((logic, mut happened, active)) => {
            let said = begin::said(engine, &execution).await;
            let progress = begin::progress(engine, &execution, said);
            let (engine, logic) = (engine.clone(), Some(logic));
            // What was asked of it may not have been heard.
            handle.look();
            happened.insert(0, Happened::Begun);
            let said = Vec::new();
            let flow =
                Flow { engine, execution, workflow, logic, begun: None, active, said, progress, mailbox };
            Some((flow, happened))
        }
        Err(why) => {
            let message = format!("The workflow cannot go on: {why}");
            end(engine, execution, ExecutionStatus::Failed, &errors(&message), &Map::new()).await;
            None
        }
    }
}

/// A stored workflow, what happened to its children while nobody looked, and those that are still at work.
pub(super) type Restored = (Box<dyn Logic>, Vec<Happened>, HashMap<ExecutionId, bool>);

/// Reads a workflow's state back.
///
/// # Errors
/// Why that is impossible.
pub(super) async fn restore(
    engine: &Engine,
    execution: &Arc<Execution>,
    stored: workflows::Stored,
) -> Result<Restored, String> {
    let pool = engine.store().pool();
    let broken = |error: store::Error| error.to_string();
    let language = language(&execution.snapshot).ok_or("its runner runs no workflows")?;
    let pieces = patiently(ADOPTED, || workflows::pieces(pool, stored.id)).await.map_err(broken)?;
    let ids = patiently(ADOPTED, || workflows::children(pool, &stored.executions));
    let ids = ids.await.map_err(broken)?;
    let mut children = Vec::with_capacity(ids.len());
    for ids in ids.chunks(500) {
        let rows = patiently(ADOPTED, || query::find_rows(pool, ids, Extent::NO_RESULT));
        let rows = rows.await.map_err(broken)?;
        children.extend(rows.into_iter().map(|row| row.execution));
    }
    let parameters =
        rendering::complete(engine, &execution.snapshot, &execution.parameters, &execution.context)
            .await
            .map_err(|error| error.to_string())?;
    let resumed = Resumed {
        execution: execution.clone(),
        stored,
        runner_parameters: parameters.runner,
        pieces,
        children: children.clone(),
    };
    let logic = language.resume(engine, resumed).await?;
    let mut active = HashMap::new();
    let mut changed = Vec::new();
    for child in children.iter().filter(|child| logic.awaits(child)) {
        if !child.status.is_completed() {
            active.insert(child.id, is_workflow(child));
            engine.shared.flows.awaited.lock().insert(child.id);
        }
        if child.status.is_completed()
            || matches!(child.status, ExecutionStatus::Pending | ExecutionStatus::Paused)
        {
            changed.push(child.id);
        }
    }
    let mut happened = Vec::with_capacity(changed.len());
    for ids in changed.chunks(100) {
        let found = query::find_many(pool, ids).await.map_err(broken)?;
        happened.extend(found.into_iter().map(Happened::Child));
    }
    // In the order in which they ended, as far as anybody can tell now.
    happened.sort_by_key(|one| match one {
        Happened::Child(child) => child.end,
        _ => None,
    });
    Ok((logic, happened, active))
}
