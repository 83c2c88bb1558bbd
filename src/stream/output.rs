//! The output of one execution: what is stored, then what comes, then the end.
//!
//! Lines are numbered, so a line is sent once and none is passed over: the client listens first, then reads rows,
//! then takes live lines as long as each is the next one. A hole (a line that was told before the client listened
//! and is not stored yet, or one that a slow client lost) sends it back to the rows, where every line arrives.

use super::{
    frame::{EOF, output_frame, stored_frame},
    hub::{Hub, Live, closes, joined},
    queue::{Queue, Taken},
};
use crate::{
    clock,
    model::Execution,
    service::Stop,
    store::{executions::query, outputs},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};

/// After a hole: lines are stored within a tenth of a second.
const HOLE: Duration = Duration::from_millis(50);

/// How often to look at rows when nothing is heard: the execution may run on another node.
const SILENCE: Duration = Duration::from_secs(2);

/// A client that follows one execution.
#[derive(Debug)]
pub struct Follower {
    pool: PgPool,
    execution: Arc<Execution>,
    action_ref: String,
    queue: Arc<Queue<Live>>,
    closing: Stop,
    /// Only lines of this kind.
    kind: Option<String>,
    /// Number of the next line to send.
    next: u64,
    /// Where the chunk of the last row that was read ends: rows before it are never looked at again.
    byte: u64,
    /// Say when it is over.
    tells_end: bool,
    /// Nothing more is printed: once the rows are read, that is all.
    closed: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Rows,
    Live,
    Over,
}

impl Follower {
    /// Begins to listen, then looks where the execution stands: `None` if it is gone.
    ///
    /// `after` is the number of the last line that the client has.
    pub async fn follow(
        hub: &Hub,
        pool: &PgPool,
        execution: Arc<Execution>,
        kind: Option<String>,
        after: Option<u64>,
        closing: Stop,
    ) -> crate::store::Result<Self> {
        let queue = hub.follow(execution.id);
        let mut follower = Self {
            pool: pool.clone(),
            action_ref: execution.action_ref(),
            execution,
            queue,
            closing,
            kind,
            next: after.map_or(0, |line| line.saturating_add(1)),
            byte: 0,
            tells_end: true,
            closed: false,
            phase: Phase::Rows,
        };
        follower.look().await?;
        if follower.next > 0 {
            follower.byte = outputs::chunk_of_line(pool, follower.execution.id, follower.next).await?;
        }
        Ok(follower)
    }

    /// Ends without a word: for streams that have an end of their own.
    #[must_use]
    pub(super) fn without_end(mut self) -> Self {
        self.tells_end = false;
        self
    }

    /// Everything that is stored and was not sent yet.
    pub(super) async fn stored(&mut self) -> Vec<Bytes> {
        let mut all = Vec::new();
        while self.phase != Phase::Over {
            self.phase = Phase::Rows;
            match self.rows().await {
                Some(bytes) => all.push(bytes),
                None => break,
            }
        }
        all
    }

    /// The bytes, as they come.
    pub fn bytes(self) -> impl Stream<Item = std::io::Result<Bytes>> {
        stream::unfold(self, |mut client| async move { client.next().await.map(|bytes| (Ok(bytes), client)) })
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            let bytes = match self.phase {
                Phase::Rows => self.rows().await,
                Phase::Live => self.live().await,
                Phase::Over => return None,
            };
            if bytes.is_some() {
                return bytes;
            }
        }
    }

    /// The next lines from rows. When there are none: the end, or back to listening.
    async fn rows(&mut self) -> Option<Bytes> {
        let read = outputs::read_from_line(&self.pool, self.execution.id, self.next, self.byte).await;
        let lines = match read {
            Ok(lines) => lines,
            Err(error) => {
                // The database is away: the client keeps its place and waits with us.
                tracing::debug!("Output of {} cannot be read now: {error}", self.execution.id);
                self.pause(SILENCE).await;
                return None;
            }
        };
        let (Some(byte), Some(next)) = (lines.byte_end(), lines.next_line()) else {
            if self.closed {
                self.phase = Phase::Over;
                return self.tells_end.then(|| Bytes::from_static(EOF));
            }
            self.phase = Phase::Live;
            return None;
        };
        let mut frames = Vec::new();
        for line in lines.iter().filter(|line| line.number >= self.next && self.wants(line.kind.as_str())) {
            let runner_ref = &self.execution.snapshot.runner.name;
            let frame = stored_frame(self.execution.id, &self.action_ref, runner_ref, &line);
            frames.push(numbered(&frame, line.number));
        }
        self.byte = byte;
        self.next = self.next.max(next);
        joined(frames)
    }

    /// The next lines as they are printed.
    async fn live(&mut self) -> Option<Bytes> {
        let taken = tokio::select! {
            taken = self.queue.take() => taken,
            () = clock::sleep(SILENCE) => {
                // Rows are the truth: an end that nobody told here is found there.
                if self.look().await.is_ok() {
                    self.phase = Phase::Rows;
                }
                return None;
            }
            () = self.closing.requested() => Taken::End,
        };
        let mut frames = Vec::new();
        match taken {
            Taken::Items(items) => {
                let mut hole = false;
                for item in items {
                    match item {
                        Live::Closed => self.closed = true,
                        Live::Stored => self.phase = Phase::Rows,
                        // Rows are read once more after this; what is no row by then is too late.
                        Live::Line(_) if self.closed => {}
                        Live::Line(line) if line.line == self.next && !hole => {
                            self.next += 1;
                            if self.wants(line.kind.as_str()) {
                                frames.push(numbered(&output_frame(&line), line.line));
                            }
                        }
                        Live::Line(line) => hole |= line.line > self.next,
                    }
                }
                if self.closed {
                    self.phase = Phase::Rows;
                } else if hole {
                    self.phase = Phase::Rows;
                    if frames.is_empty() {
                        self.pause(HOLE).await;
                    }
                }
            }
            Taken::Lost => self.phase = Phase::Rows,
            Taken::End => self.phase = Phase::Over,
        }
        joined(frames)
    }

    /// Asks the database whether the execution still prints.
    async fn look(&mut self) -> crate::store::Result<()> {
        let status = query::status(&self.pool, self.execution.id).await?;
        self.closed |= status.is_none_or(closes);
        Ok(())
    }

    async fn pause(&mut self, duration: Duration) {
        tokio::select! {
            () = clock::sleep(duration) => {}
            () = self.closing.requested() => self.phase = Phase::Over,
        }
    }

    fn wants(&self, kind: &str) -> bool {
        self.kind.as_ref().is_none_or(|wanted| wanted == kind)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// A frame with the number of its line as the event's id: what a client that comes back names as the last it got.
fn numbered(frame: &Bytes, line: u64) -> Bytes {
    let mut bytes = BytesMut::with_capacity(frame.len() + 24);
    bytes.extend_from_slice(frame.strip_suffix(b"\n").unwrap_or(frame));
    bytes.extend_from_slice(format!("id: {line}\n\n").as_bytes());
    bytes.freeze()
}
