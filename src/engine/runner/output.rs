//! Output of actions: read as bytes, split in lines, stamped, told at once and stored in chunks.
//!
//! [`Sink`] numbers the lines of one execution, whoever prints them; [`Capture`] reads the pipes of a process into
//! it. Memory is bounded whatever is printed: lines are cut at 16 kB, chunks leave at 8 kB, what goes into the
//! result keeps its head and its tail, and a database that is slow slows the action down instead of filling the
//! daemon.

mod capture;
mod kept;
mod lines;

pub use capture::{Capture, Captured, Reading};

use crate::{
    bus::{Bus, Event, OutputEvent, OutputKind},
    clock,
    model::{Execution, ExecutionId},
    store::outputs::{OutputChunk, Room},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::{Mutex, Semaphore};

/// A chunk leaves when it has grown to this.
const CHUNK: usize = 8 * 1024;

/// A chunk leaves when its first line has waited this long.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes of one action that may be on their way to the database; one that prints faster waits.
const IN_FLIGHT: usize = 512 * 1024;

/// What is kept of the end of an output that is larger than what may be stored.
const TAIL: usize = 64 * 1024;

/// Where chunks go. `store` waits as long as the writer cannot take more.
pub trait OutputStore: Send + Sync {
    /// Takes a chunk; what it cannot store it reports itself.
    fn store(&self, chunk: OutputChunk) -> BoxFuture<'_, ()>;
}

/// How much is kept of what an action prints.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes stored.
    pub stored: u64,
    /// Bytes of stdout and stderr in the result.
    pub result: usize,
}

/// Takes the output of one execution. Cheap to clone; clones share the numbering.
#[derive(Clone)]
pub struct Sink {
    state: Option<Arc<Mutex<State>>>,
    limits: Limits,
}

struct State {
    store: Arc<dyn OutputStore>,
    bus: Bus,
    execution_id: ExecutionId,
    action_ref: Arc<str>,
    runner_ref: Arc<str>,
    limit: u64,
    chunk: OutputChunk,
    room: Arc<Semaphore>,
    /// Lines that came after the limit: the last of them are stored when the action ends.
    tail: VecDeque<(OutputKind, Bytes, DateTime<Utc>)>,
    tail_bytes: usize,
    dropped: u64,
}

impl Sink {
    /// The output of `execution`, told on `bus` and handed to `store`.
    pub fn to(store: Arc<dyn OutputStore>, bus: Bus, execution: &Execution, limits: Limits) -> Self {
        let state = State {
            store,
            bus,
            execution_id: execution.id,
            action_ref: execution.action_ref().into(),
            runner_ref: execution.snapshot.runner.name.as_str().into(),
            limit: limits.stored,
            chunk: empty(execution.id, 0, 0),
            room: Arc::new(Semaphore::new(IN_FLIGHT)),
            tail: VecDeque::new(),
            tail_bytes: 0,
            dropped: 0,
        };
        Self { state: Some(Arc::new(Mutex::new(state))), limits }
    }

    /// Output that is neither told nor stored: only the result gets it.
    pub fn silent(limits: Limits) -> Self {
        Self { state: None, limits }
    }

    /// How much is kept of what the action prints.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes one line and stores it at once: for what is printed now and then, such as a workflow's progress.
    pub async fn line(&self, kind: OutputKind, line: impl Into<Bytes>) {
        if let Some(state) = &self.state {
            let mut state = state.lock().await;
            state.take(kind, line.into(), clock::now());
            state.flush().await;
        }
    }

    /// Takes lines that were read at the same moment; stores them once they are enough.
    async fn lines(&self, lines: &mut Vec<(OutputKind, Bytes)>) {
        let Some(state) = self.state.as_ref().filter(|_| !lines.is_empty()) else { return lines.clear() };
        let now = clock::now();
        let mut state = state.lock().await;
        for (kind, line) in lines.drain(..) {
            state.take(kind, line, now);
            if state.chunk.data.len() >= CHUNK {
                state.flush().await;
            }
        }
    }

    /// Stores what has gathered.
    async fn flush(&self) {
        if let Some(state) = &self.state {
            state.lock().await.flush().await;
        }
    }

    /// Whether lines wait to be stored.
    async fn has_pending(&self) -> bool {
        match &self.state {
            Some(state) => !state.lock().await.chunk.line_ends.is_empty(),
            None => false,
        }
    }

    /// Stores what is left, the end of an output that was too large included.
    pub async fn close(&self) {
        if let Some(state) = &self.state {
            let mut state = state.lock().await;
            state.take_tail();
            state.flush().await;
        }
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl State {
    fn take(&mut self, kind: OutputKind, line: Bytes, at: DateTime<Utc>) {
        if line.is_empty() {
            return;
        }
        let stored = self.chunk.byte_from as u64 + self.chunk.data.len() as u64;
        if self.dropped == 0 && stored + line.len() as u64 <= self.limit {
            return self.append(kind, line, at);
        }
        if self.dropped == 0 {
            let mark = format!("[st2: output above {} bytes is left out; its end follows]\n", self.limit);
            self.append(kind, mark.into(), at);
        }
        self.dropped += line.len() as u64;
        self.tail_bytes += line.len();
        // Copied out of the buffer it was read into: the tail must not keep a buffer alive for each line.
        self.tail.push_back((kind, Bytes::copy_from_slice(&line), at));
        while self.tail_bytes > TAIL {
            let Some((_, first, _)) = self.tail.pop_front() else { break };
            self.tail_bytes -= first.len();
        }
    }

    fn take_tail(&mut self) {
        let missing = self.dropped.saturating_sub(self.tail_bytes as u64);
        let tail = std::mem::take(&mut self.tail);
        self.tail_bytes = 0;
        if missing > 0
            && let Some((kind, _, at)) = tail.front()
        {
            self.append(*kind, format!("[st2: {missing} bytes were left out here]\n").into(), *at);
        }
        for (kind, line, at) in tail {
            self.append(kind, line, at);
        }
    }

    fn append(&mut self, kind: OutputKind, line: Bytes, at: DateTime<Utc>) {
        let chunk = &mut self.chunk;
        let number = chunk.line_from as u64 + chunk.line_ends.len() as u64;
        chunk.data.extend_from_slice(&line);
        chunk.line_ends.push(chunk.data.len() as i32);
        chunk.line_kinds.push(kind.code());
        chunk.line_stamps.push(at.timestamp_micros());
        if self.bus.has_subscribers() {
            self.bus.publish(Event::Output(Arc::new(OutputEvent {
                execution_id: self.execution_id,
                action_ref: self.action_ref.clone(),
                runner_ref: self.runner_ref.clone(),
                line: number,
                timestamp: at,
                kind,
                data: line,
                frame: OnceLock::new(),
            })));
        }
    }

    /// Hands over what has gathered, and waits until it is taken.
    async fn flush(&mut self) {
        if self.chunk.line_ends.is_empty() {
            return;
        }
        let bytes = self.chunk.byte_from + self.chunk.data.len() as i64;
        let lines = self.chunk.line_from + self.chunk.line_ends.len() as i64;
        let mut full = std::mem::replace(&mut self.chunk, empty(self.execution_id, bytes, lines));
        let size = full.data.len().min(IN_FLIGHT) as u32;
        // Never closed, so the room is always had in the end.
        if let Ok(permit) = self.room.clone().acquire_many_owned(size).await {
            full.room = permit.into();
        }
        self.store.store(full).await;
    }
}

fn empty(execution_id: ExecutionId, byte_from: i64, line_from: i64) -> OutputChunk {
    OutputChunk {
        execution_id,
        byte_from,
        line_from,
        data: Vec::new(),
        line_ends: Vec::new(),
        line_kinds: Vec::new(),
        line_stamps: Vec::new(),
        room: Room::default(),
    }
}

#[cfg(test)]
mod tests;
