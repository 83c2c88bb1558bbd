//! What a workflow says about its progress: lines of its execution's output, stored with its steps.

use crate::{
    bus::{Bus, Event, OutputEvent, OutputKind},
    clock,
    model::{Execution, ExecutionId},
    store::outputs::{OutputChunk, Room},
};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// Numbers the lines of one workflow.
pub(super) struct Progress {
    execution_id: ExecutionId,
    action_ref: Arc<str>,
    runner_ref: Arc<str>,
    /// Bytes and lines so far.
    at: (u64, u64),
    /// Bytes that may be stored.
    limit: u64,
}

impl Progress {
    /// Goes on after what is stored; `limit` of 0 says nothing.
    pub(super) fn of(execution: &Execution, at: (u64, u64), limit: u64) -> Self {
        Self {
            execution_id: execution.id,
            action_ref: execution.action_ref().into(),
            runner_ref: execution.snapshot.runner.name.as_str().into(),
            at,
            limit,
        }
    }

    /// The lines as one chunk, and the events that tell of them.
    pub(super) fn say(&mut self, lines: Vec<String>, bus: &Bus) -> (Vec<OutputChunk>, Vec<Event>) {
        let mut chunk = OutputChunk {
            execution_id: self.execution_id,
            byte_from: self.at.0 as i64,
            line_from: self.at.1 as i64,
            data: Vec::new(),
            line_ends: Vec::new(),
            line_kinds: Vec::new(),
            line_stamps: Vec::new(),
            room: Room::default(),
        };
        let now = clock::now();
        let heard = bus.has_subscribers();
        let mut events = Vec::new();
        for line in lines {
            if self.at.0 + line.len() as u64 >= self.limit {
                break;
            }
            let data = Bytes::from(format!("{line}\n"));
            chunk.data.extend_from_slice(&data);
            chunk.line_ends.push(chunk.data.len() as i32);
            chunk.line_kinds.push(OutputKind::Output.code());
            chunk.line_stamps.push(now.timestamp_micros());
            if heard {
                events.push(Event::Output(Arc::new(OutputEvent {
                    execution_id: self.execution_id,
                    action_ref: self.action_ref.clone(),
                    runner_ref: self.runner_ref.clone(),
                    line: self.at.1,
                    timestamp: now,
                    kind: OutputKind::Output,
                    data: data.clone(),
                    frame: OnceLock::new(),
                })));
            }
            self.at = (self.at.0 + data.len() as u64, self.at.1 + 1);
        }
        let chunks = if chunk.line_ends.is_empty() { Vec::new() } else { vec![chunk] };
        (chunks, events)
    }
}
