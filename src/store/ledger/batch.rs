//! What gathers between two commits.

use super::super::Result;
use crate::{
    bus::Event,
    model::{Execution, ExecutionId, ExecutionStatus, TraceId},
    store::outputs::OutputChunk,
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::oneshot;

/// A new execution and how it begins: held by a node, or waiting for one.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The row. Its status and log are stored as they are.
    pub execution: Arc<Execution>,
    /// When it is due, if it waits for a node.
    pub due: Option<DateTime<Utc>>,
    /// Key under which a retried request finds it, and the hash of that request.
    pub idempotency: Option<(String, [u8; 32])>,
    /// It is due at the gate of its action, where policies let it through, instead of in the queue.
    pub gated: bool,
    /// It has ended, and nothing follows from that.
    pub quiet: bool,
    /// The trace it belongs to, where its context does not name it.
    pub trace: Option<TraceId>,
}

impl Insert {
    /// A row that a node holds, or that has ended.
    pub fn held(execution: Arc<Execution>) -> Self {
        Self { execution, due: None, idempotency: None, gated: false, quiet: false, trace: None }
    }

    /// A row that waits; at the gate of its action if that has one.
    pub fn waiting(execution: Arc<Execution>, due: DateTime<Utc>, gated: bool) -> Self {
        Self { execution, due: Some(due), idempotency: None, gated, quiet: false, trace: None }
    }
}

/// A guarded change of an execution.
#[derive(Clone, Debug)]
pub struct Transition {
    /// Which.
    pub id: ExecutionId,
    /// It must stand in one of these.
    pub from: Vec<ExecutionStatus>,
    /// Statuses it takes, in order; the last one stays. Empty: only the other fields change.
    pub to: Vec<ExecutionStatus>,
    /// When.
    pub at: DateTime<Utc>,
    /// Its result, if that changes.
    pub result: Option<Arc<RawValue>>,
    /// Its context as JSON text, if that changes.
    pub context: Option<String>,
    /// The node and epoch that must still hold it; `None` for changes that any node may make.
    pub holder: Option<(i32, i64)>,
}

impl Transition {
    /// Whether it ends the execution.
    pub(crate) fn ended(&self) -> bool {
        self.to.last().is_some_and(|status| status.is_completed())
    }
}

/// Where an answer is waited for.
type Answer<T> = oneshot::Sender<Result<T>>;

/// A change with the events that tell of it, and where its answer is waited for.
type Waiting<Change, T> = (Box<Change>, Vec<Event>, Answer<T>);

pub(super) enum Entry {
    Insert { row: Box<Insert>, events: Vec<Event>, answer: Answer<()> },
    Transition { change: Box<Transition>, events: Vec<Event>, answer: Answer<bool> },
    Output(OutputChunk),
}

/// Entries of one commit, by kind: either new rows, or output and changes.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) inserts: Vec<Waiting<Insert, ()>>,
    pub(super) transitions: Vec<Waiting<Transition, bool>>,
    pub(super) outputs: Vec<OutputChunk>,
    /// Changes of executions that this commit changes already: they go first in the next one.
    later: Vec<Entry>,
    changed: HashSet<ExecutionId>,
}

impl Batch {
    pub(super) fn push(&mut self, entry: Entry) {
        match entry {
            Entry::Insert { row, events, answer } => self.inserts.push((row, events, answer)),
            Entry::Transition { change, events, answer } => {
                if self.changed.insert(change.id) {
                    self.transitions.push((change, events, answer));
                } else {
                    self.later.push(Entry::Transition { change, events, answer });
                }
            }
            Entry::Output(chunk) => self.outputs.push(chunk),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.inserts.len() + self.transitions.len() + self.outputs.len() + self.later.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What this batch had to leave for the next.
    pub(super) fn take_later(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.later)
    }

    /// The same entries, each in a batch of its own.
    pub(super) fn into_singles(self) -> Vec<Self> {
        let outputs = self.outputs.into_iter().map(Entry::Output);
        let inserts =
            self.inserts.into_iter().map(|(row, events, answer)| Entry::Insert { row, events, answer });
        let transitions = self.transitions.into_iter().map(|(change, events, answer)| Entry::Transition {
            change,
            events,
            answer,
        });
        let single = |entry| {
            let mut batch = Self::default();
            batch.push(entry);
            batch
        };
        outputs.chain(inserts).chain(transitions).chain(self.later).map(single).collect()
    }
}
