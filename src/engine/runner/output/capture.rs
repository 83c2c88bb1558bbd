//! Reads the pipes of a process while it runs.

use super::{
    PATIENCE, Sink,
    kept::Kept,
    lines::{take_lines, take_rest},
};
use crate::{bus::OutputKind, service};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};

/// Read at once: what a pipe holds.
const READ: usize = 64 * 1024;

/// Reads two pipes into a sink, and keeps what the result needs of them.
#[derive(Debug)]
pub struct Capture {
    /// Tells the reader how long it may wait from now on.
    ended: oneshot::Sender<Duration>,
    reader: JoinHandle<Captured>,
}

/// What an action printed, as its result has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Standard output; cut in the middle if it was too large.
    pub stdout: String,
    /// Standard error; cut in the middle if it was too large.
    pub stderr: String,
}

impl Capture {
    /// Begins to read. Streams that are not there count as empty.
    pub fn start<O, E>(stdout: Option<O>, stderr: Option<E>, sink: &Sink) -> Self
    where
        O: AsyncRead + Send + Unpin + 'static,
        E: AsyncRead + Send + Unpin + 'static,
    {
        let (ended, told) = oneshot::channel();
        let reader = service::spawn("capture", read(stdout, stderr, sink.clone(), told));
        Self { ended, reader }
    }

    /// Waits for the rest after the process has ended: to the end of both pipes, or, if something else holds them
    /// open, for `grace`. Time spent waiting for the database does not count.
    pub async fn finish(self, grace: Duration) -> Captured {
        // A reader that is done already needs no word.
        let _ = self.ended.send(grace);
        self.reader.await.unwrap_or_default()
    }
}

/// The same without a task of its own, for who has many short processes: it reads while it is polled.
pub struct Reading {
    ended: oneshot::Sender<Duration>,
    reader: BoxFuture<'static, Captured>,
    captured: Option<Captured>,
}

impl Reading {
    /// Begins to read, as [`Capture::start`] does.
    pub fn of<O, E>(stdout: O, stderr: E, sink: &Sink) -> Self
    where
        O: AsyncRead + Send + Unpin + 'static,
        E: AsyncRead + Send + Unpin + 'static,
    {
        let (ended, told) = oneshot::channel();
        let reader = Box::pin(read(Some(stdout), Some(stderr), sink.clone(), told));
        Self { ended, reader, captured: None }
    }

    /// Reads for as long as it is polled; never ends.
    pub async fn go_on(&mut self) {
        if self.captured.is_none() {
            self.captured = Some((&mut self.reader).await);
        }
        std::future::pending::<()>().await;
    }

    /// As [`Capture::finish`].
    pub async fn finish(self, grace: Duration) -> Captured {
        // A reader that is done already needs no word.
        let _ = self.ended.send(grace);
        match self.captured {
            Some(captured) => captured,
            None => self.reader.await,
        }
    }
}

/// One of the two pipes.
struct Pipe<R> {
    source: Option<R>,
    kind: OutputKind,
    buffer: BytesMut,
    kept: Kept,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn new(source: Option<R>, kind: OutputKind, sink: &Sink) -> Self {
        Self { source, kind, buffer: BytesMut::new(), kept: Kept::new(sink.limits.result) }
    }

    fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// Reads once. Safe to drop half-way: what was read is in the buffer.
    async fn read(&mut self) -> std::io::Result<usize> {
        let Some(source) = &mut self.source else { return Ok(0) };
        self.buffer.reserve(READ);
        source.read_buf(&mut self.buffer).await
    }

    /// Takes what the last read brought: `read` bytes at the end of the buffer.
    fn take(&mut self, read: std::io::Result<usize>, lines: &mut Vec<(OutputKind, Bytes)>) {
        match read {
            Ok(count) if count > 0 => {
                self.kept.push(&self.buffer[self.buffer.len() - count..]);
                take_lines(&mut self.buffer, self.kind, lines);
            }
            // A pipe that cannot be read (a closed terminal says EIO) has ended as well.
            _ => self.close(lines),
        }
    }

    fn close(&mut self, lines: &mut Vec<(OutputKind, Bytes)>) {
        self.source = None;
        take_rest(&mut self.buffer, self.kind, lines);
    }
}

async fn read<O: AsyncRead + Unpin, E: AsyncRead + Unpin>(
    stdout: Option<O>,
    stderr: Option<E>,
    sink: Sink,
    mut told: oneshot::Receiver<Duration>,
) -> Captured {
    let mut out = Pipe::new(stdout, OutputKind::Stdout, &sink);
    let mut err = Pipe::new(stderr, OutputKind::Stderr, &sink);
    let mut lines = Vec::new();
    let mut flush_at: Option<Instant> = None;
    // How long reads may still wait, once the process has ended.
    let mut patience: Option<Duration> = None;
    while out.is_open() || err.is_open() {
        let mut is_due = false;
        let begin = Instant::now();
        let give_up = patience.map(|left| begin + left);
        tokio::select! {
            read = out.read(), if out.is_open() => out.take(read, &mut lines),
            read = err.read(), if err.is_open() => err.take(read, &mut lines),
            () = until(flush_at) => is_due = true,
            grace = &mut told, if patience.is_none() => {
                // A capture that was dropped is not waited for.
                patience = Some(grace.unwrap_or_default());
            }
            () = until(give_up) => {
                out.close(&mut lines);
                err.close(&mut lines);
            }
        }
        // What follows may wait for the database: that is not the process's fault, and not counted.
        patience = patience.map(|left| left.saturating_sub(begin.elapsed()));
        sink.lines(&mut lines).await;
        if is_due {
            sink.flush().await;
        }
        flush_at = match flush_at {
            _ if !sink.has_pending().await => None,
            None => Some(Instant::now() + PATIENCE),
            set => set,
        };
    }
    sink.close().await;
    captured(out.kept, err.kept, sink.limits.result)
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Both together must fit in a result.
fn captured(mut out: Kept, mut err: Kept, limit: usize) -> Captured {
    if out.len() + err.len() > limit {
        if out.len() > err.len() { out.cut() } else { err.cut() }
    }
    if out.len() + err.len() > limit {
        out.cut();
        err.cut();
    }
    Captured { stdout: out.into_text(), stderr: err.into_text() }
}
