//! Policies: limits on how many executions of an action run at the same time, and retries of those that fail.
//!
//! A limited action has a gate, a row. Its executions wait there instead of in the queue, and whoever lets one through
//! holds the row's lock, counts those that were let through and have not ended, and writes down the one he lets
//! through in the same transaction. So a limit holds exactly on any number of nodes, whoever dies when. From the gate
//! on an execution is one of many in the queue.
//!
//! * First come, first served, among those that are counted together.
//! * Nobody is asked again and again: who waits is looked at when it comes and when one before it leaves. An end makes
//!   one look, however many wait.
//! * When policies change or go, everybody who waits is looked at under the new ones.
//!
//! Pure decisions are in [`limit`] and [`retry`]; `gate` is the transaction, `service` the loop. Requesting what is
//! retried is the notifier's business.

mod gate;
pub mod limit;
pub mod retry;
mod service;

pub use service::Gatekeeper;

use crate::model::{Execution, ExecutionStatus, Policy};
use limit::Limit;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashSet};
use tokio::sync::Notify;

/// The enabled policies of one action.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// In the order they were made.
    pub all: Vec<Policy>,
    /// The limits among them.
    pub limits: Vec<Limit>,
}

impl Policies {
    /// Of these policies.
    pub fn new(all: Vec<Policy>) -> Self {
        let limits = all.iter().filter_map(Limit::of).collect();
        Self { all, limits }
    }

    /// The limits as a text, to see whether they are the ones applied last.
    fn stamp(&self) -> String {
        serde_json::to_string(&self.limits).unwrap_or_default()
    }

    /// Whether executions have to pass a gate.
    pub fn are_limiting(&self) -> bool {
        !self.limits.is_empty()
    }
}

/// In such a status an execution that was let through does not count.
fn gives_way(status: ExecutionStatus) -> bool {
    matches!(status, ExecutionStatus::Pending | ExecutionStatus::Pausing | ExecutionStatus::Paused)
}

/// Whom a look at a gate is for. The later ones include the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// Those who have come, and those for whom somebody who left made room.
    #[default]
    Changes,
    /// All who wait.
    Everybody,
    /// Also those that came past the gate.
    Strays,
}

/// Which gates there are, and which of them somebody should look at.
#[derive(Debug, Default)]
pub(in crate::engine) struct Gates {
    known: RwLock<HashSet<String>>,
    /// Those to look at.
    marked: Mutex<BTreeMap<String, Scope>>,
    wake: Notify,
}

impl Gates {
    /// Somebody has come to this gate, or left through it for good.
    pub(in crate::engine) fn mark(&self, action_ref: &str) {
        self.mark_for(action_ref, Scope::Changes);
    }

    fn mark_for(&self, action_ref: &str, scope: Scope) {
        let mut marked = self.marked.lock();
        let known = marked.entry(action_ref.to_owned()).or_default();
        *known = scope.max(*known);
        drop(marked);
        self.wake.notify_one();
    }

    /// Hears of an execution that took a step: one that ended leaves for good, one that rests makes room for others
    /// while it does.
    pub(in crate::engine) fn heard(&self, execution: &Execution) {
        let rests = gives_way(execution.status);
        if !(rests || execution.status.is_completed()) || self.known.read().is_empty() {
            return;
        }
        let action_ref = execution.action_ref();
        if self.known.read().contains(&action_ref) {
            // It keeps its slot, so the gate cannot tell whose turn it may be.
            self.mark_for(&action_ref, if rests { Scope::Everybody } else { Scope::Changes });
        }
    }

    fn take(&self) -> BTreeMap<String, Scope> {
        std::mem::take(&mut *self.marked.lock())
    }
}
