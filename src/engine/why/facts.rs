//! What the rows say about an execution.

use crate::{
    engine::{
        Engine,
        policy::{Policies, limit::Limit},
    },
    model::{Execution, ExecutionId, LiveActionId, TraceId, TriggerInstance},
    store::{
        self, executions, policies, traces, trigger_instances,
        why::{self, Other, Waiting},
    },
};
use std::sync::Arc;

/// Others named in a story: the oldest.
const NAMED: i64 = 5;

/// What the rows say.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) execution: Arc<Execution>,
    pub(super) parent: Option<Arc<Execution>>,
    /// What it waits for, or failed by, if it is a workflow.
    pub(super) children: Vec<Arc<Execution>>,
    pub(super) trigger: Option<TriggerInstance>,
    /// Id of the enforcement and reference of its rule.
    pub(super) enforcement: Option<(String, String)>,
    /// The execution that this one repeats.
    pub(super) repeats: Option<Other>,
    /// The attempt that follows this one.
    pub(super) next_attempt: Option<Other>,
    pub(super) waiting: Waiting,
    pub(super) limits: Vec<Limit>,
    /// Who takes up the room at its gate.
    pub(super) holding: Vec<Other>,
    pub(super) trace: Option<TraceId>,
    pub(super) is_followed: bool,
}

/// Reads everything.
pub(super) async fn gather(engine: &Engine, id: ExecutionId) -> store::Result<Option<Facts>> {
    let pool = engine.store().pool();
    let Some(execution) = executions::query::find_many(pool, &[id]).await?.pop() else { return Ok(None) };
    let context = &execution.context;
    let text = |path: [&str; 2]| Some(context.get(path[0])?.get(path[1])?.as_str()?.to_owned());
    let parent = match execution.parent {
        Some(parent) => executions::query::find_many(pool, &[parent]).await?.pop(),
        None => None,
    };
    let trigger = match text(["trigger_instance", "id"]).and_then(|id| id.parse().ok()) {
        Some(id) => trigger_instances::find_by_id(pool, id).await?,
        None => None,
    };
    let retried =
        context.get("policies").and_then(|it| it.get("retry")?.get("retried_liveaction_id")?.as_str());
    let retried = retried.and_then(|id| id.parse::<LiveActionId>().ok());
    let repeats = match retried {
        Some(id) => why::by_live_action(pool, id).await?,
        None => None,
    };
    let action_ref = execution.action_ref();
    let waiting =
        if execution.status.is_waiting() { why::waiting(pool, id).await? } else { Waiting::default() };
    let (limits, holding) = if waiting.at_gate {
        let policies = Policies::new(policies::of_action(pool, &action_ref).await?);
        (policies.limits, why::holding(pool, &action_ref, NAMED).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    let next_attempt = if execution.end.is_some() {
        why::next_attempt(pool, &action_ref, id, execution.liveaction_id).await?
    } else {
        None
    };
    let children = why::children(pool, id, NAMED).await?;
    let children = executions::query::find_many(pool, &children).await?;
    Ok(Some(Facts {
        enforcement: why::enforcement(pool, id).await?,
        trace: traces::of_executions(pool, &[id]).await?.pop().map(|it| it.trace),
        is_followed: execution.end.is_some() && why::is_followed(pool, id).await?,
        execution,
        parent,
        children,
        trigger,
        repeats,
        next_attempt,
        waiting,
        limits,
        holding,
    }))
}
