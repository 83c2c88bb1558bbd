//! The events. Each is shared by reference, and carries a place for the bytes made of it, so that a thousand
//! stream clients cost one serialisation.

use crate::model::{Alias, Execution, ExecutionId, ObjectId, OutputId};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// Something that happened and is stored.
#[derive(Clone, Debug)]
pub enum Event {
    /// An execution was requested or changed.
    Execution(Arc<ExecutionEvent>),
    /// An execution printed something.
    Output(Arc<OutputEvent>),
    /// An announcement was made.
    Announcement(Arc<Announcement>),
    /// An action alias was made, changed or deleted. Comes with [`Event::Content`].
    Alias(Arc<AliasEvent>),
    /// An execution of another node printed something: there are more rows of it.
    Printed(ExecutionId),
    /// A trigger instance was stored that waits for the rules engine.
    Dispatched,
    /// What packs bring changed (actions, rules, configs…): caches made from it are stale.
    Content,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came to be.
    Create,
    /// It changed.
    Update,
    /// It is gone.
    Delete,
}

/// An execution as it stood after a change.
#[derive(Debug)]
pub struct ExecutionEvent {
    /// What happened.
    pub change: Change,
    /// The execution after it.
    pub execution: Arc<Execution>,
    /// Wire bytes, made by the first stream client that needs them: execution and live action.
    pub frames: OnceLock<(Bytes, Bytes)>,
}

/// Where a line of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputKind {
    /// Standard output of the action.
    Stdout,
    /// Standard error of the action.
    Stderr,
    /// Progress of a workflow.
    Output,
}

/// A line of output (a very long line comes in several).
#[derive(Debug)]
pub struct OutputEvent {
    /// Whose.
    pub execution_id: ExecutionId,
    /// `pack.name` of its action.
    pub action_ref: Arc<str>,
    /// Name of its runner type.
    pub runner_ref: Arc<str>,
    /// Number of this line within the execution, from 0: orders lines and tells doubles.
    pub line: u64,
    /// When it was read.
    pub timestamp: DateTime<Utc>,
    /// Where it came from.
    pub kind: OutputKind,
    /// Its bytes, newline included when there was one; not necessarily UTF-8.
    pub data: Bytes,
    /// Wire bytes, made by the first stream client that needs them.
    pub frame: OnceLock<Bytes>,
}

/// A message for chat bots and the like.
#[derive(Debug)]
pub struct Announcement {
    /// Last part of the event's name.
    pub route: String,
    /// The action's parameters.
    pub payload: Value,
    /// `{id_, trace_tag}` or null.
    pub trace_context: Value,
    /// Wire bytes, made by the first stream client that needs them.
    pub frame: OnceLock<Bytes>,
}

/// An action alias after a change, or as it was before it went.
#[derive(Debug)]
pub struct AliasEvent {
    /// What happened.
    pub change: Change,
    /// The alias.
    pub alias: Alias,
    /// Wire bytes, made by the first stream client that needs them.
    pub frame: OnceLock<Bytes>,
}

impl OutputKind {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Output => "output",
        }
    }

    /// The byte in the database.
    pub const fn code(self) -> u8 {
        match self {
            Self::Stdout => b'o',
            Self::Stderr => b'e',
            Self::Output => b'p',
        }
    }

    /// Reads [`Self::code`].
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            b'o' => Some(Self::Stdout),
            b'e' => Some(Self::Stderr),
            b'p' => Some(Self::Output),
            _ => None,
        }
    }
}

impl OutputEvent {
    /// Id of a line: made of its time, its execution and its number, so that live and stored lines agree.
    pub fn line_id(execution_id: ExecutionId, line: u64, timestamp: DateTime<Utc>) -> OutputId {
        let mut bytes = ObjectId::lowest_at(timestamp).0;
        bytes[4..8].copy_from_slice(&execution_id.as_bytes()[8..12]);
        bytes[8..12].copy_from_slice(&(line as u32).to_be_bytes());
        OutputId(ObjectId(bytes))
    }
}
