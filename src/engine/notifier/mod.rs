//! What follows from the end of an execution: another attempt, notifications, and the event of the end itself.
//!
//! That there is something to follow is noted in the transaction of the end, by the schema (`execution_ends`), whoever
//! ends it. Here it is done, in one transaction with the removal of that note: a crash loses none and doubles none, and
//! of several nodes one does it. An execution that nobody wants to hear of leaves no note and costs nothing.
//!
//! In the order of StackStorm: first the retry policy, then `core.st2.generic.notifytrigger` for each route of the
//! notification that applies, then `core.st2.generic.actiontrigger`. The last is left out when no enabled rule is on it,
//! unless somebody gave the execution a trace tag: then the trace shows it.
//!
//! Left out: delivering messages. Rules on these triggers do that.

mod message;
mod service;

pub use service::Notifier;

use super::Engine;
use crate::{
    model::{Execution, trace_tag},
    store::{self, ends},
};
use parking_lot::RwLock;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Notify;

/// The event of an end.
const ACTION_TRIGGER: &str = "core.st2.generic.actiontrigger";

/// One notification on one route.
const NOTIFY_TRIGGER: &str = "core.st2.generic.notifytrigger";

/// Who wants to hear of ends, and the wake of the notifier.
#[derive(Debug, Default)]
pub(in crate::engine) struct Ends {
    wake: Notify,
    interest: RwLock<Option<Arc<Interest>>>,
}

/// Who wants to hear of ends, as of one version of content.
#[derive(Debug)]
struct Interest {
    version: u64,
    /// An enabled rule is on the event of ends.
    is_listened_to: bool,
    /// Actions with a retry policy.
    retried: HashSet<String>,
}

impl Ends {
    /// Hears of an execution that took a step. Wakes too often rather than too seldom.
    pub(in crate::engine) fn heard(&self, execution: &Execution) {
        if !execution.status.is_completed() {
            return;
        }
        let known = self.interest.read().clone();
        let may_follow = !execution.notify.is_empty()
            || execution.context.contains_key("trace_context")
            || execution.parent.is_some()
            || known.is_none_or(|it| it.is_listened_to || it.retried.contains(&execution.action_ref()));
        if may_follow {
            self.wake.notify_one();
        }
    }
}

/// Ends may have been noted.
pub(in crate::engine) fn wake(engine: &Engine) {
    engine.shared.ends.wake.notify_one();
}

/// Whether nothing follows from the end of this execution that has succeeded. `false` when it is not known. One whose
/// parent has a trace tag is not noticed here but when it is stored: then the notes are swept up.
pub(in crate::engine) async fn is_quiet(engine: &Engine, execution: &Execution) -> bool {
    execution.status == crate::model::ExecutionStatus::Succeeded
        && execution.notify.is_empty()
        && trace_tag(&execution.context).is_none()
        && interest(engine).await.is_ok_and(|interest| !interest.is_listened_to)
}

async fn interest(engine: &Engine) -> store::Result<Arc<Interest>> {
    let shared = &engine.shared;
    // Before the look at the database: what changes after it makes the answer stale.
    let version = shared.store.bus().content_version();
    if let Some(known) = shared.ends.interest.read().as_ref().filter(|known| known.version == version) {
        return Ok(known.clone());
    }
    let found = ends::interest(shared.store.pool(), ACTION_TRIGGER).await?;
    let interest = Arc::new(Interest {
        version,
        is_listened_to: found.is_listened_to,
        retried: found.retried.into_iter().collect(),
    });
    *shared.ends.interest.write() = Some(interest.clone());
    Ok(interest)
}
