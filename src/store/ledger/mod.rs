//! The group writer: takes everything that waits while the last commit is in flight, commits it with one statement
//! over arrays, then answers each caller and publishes each event.
//!
//! An idle system pays one commit for one change, a busy one shares commits; of those who ask for new executions half are
//! [waited for](super::gathering) who were answered with the last one. A caller gets its answer after the commit that holds
//! its change, so what was answered is durable.
//!
//! There are three of them, side by side: one for new executions, one for what happens to those that are stored, one for
//! steps of workflows. A flood of requests so does not hold up the ends of what runs, and commits share a flush of the
//! log.
//!
//! When the database goes away, requests that wait for a new row are refused at once (the caller tells its client
//! to come back) and their half-written rows are removed on return; changes of existing rows and output are kept
//! and written when the database is back, in order. Meanwhile the [`spool`](mod@spool) has a copy on disk.

mod batch;
pub mod spool;
mod write;

pub use batch::{Insert, Transition};
pub use spool::Spool;

use self::batch::{Batch, Entry};
use super::{Error, Result, Store, gathering, workflows};
use crate::{bus::Event, service, store::outputs::OutputChunk};
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Most changes one transaction takes. Past a few hundred the gain is gone and the wait of the first one grows.
const BATCH: usize = 512;

/// Changes that may wait for the writer before those who make them have to wait too.
const QUEUE: usize = 4096;

/// Hands changes to the group writer.
#[derive(Clone, Debug)]
pub struct Ledger {
    new: gathering::Sender<Entry>,
    stored: gathering::Sender<Entry>,
    steps: mpsc::Sender<workflows::Entry>,
}

impl Ledger {
    /// Starts the writers, each on a connection of its own. The task ends when the last `Ledger` is dropped and all is
    /// written.
    pub fn start(store: &Store, spool: Option<Spool>) -> (Self, JoinHandle<()>) {
        let (new, receiver) = gathering::queue(QUEUE);
        let first =
            gathering::spawn("ledger of new executions", write::Writer::new(store, None).run(receiver));
        let (stored, receiver) = gathering::queue(QUEUE);
        let second = service::spawn("ledger of changes", write::Writer::new(store, spool).run(receiver));
        let (steps, receiver) = mpsc::channel(QUEUE);
        let third = service::spawn("ledger of workflows", workflows::Writer::new(store).run(receiver));
        let all = async move {
            // A writer that panicked has said so.
            let _ = tokio::join!(first, second, third);
        };
        (Self { new, stored, steps }, service::spawn("ledger", all))
    }

    /// Stores a new execution, then publishes `events`.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was stored; [`Error::Duplicate`]: its idempotency key was just used.
    pub async fn insert(&self, row: Insert, events: Vec<Event>) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        send(&self.new, Entry::Insert { row: Box::new(row), events, answer }).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Changes an execution if it still stands where the change expects it, then publishes `events`.
    ///
    /// `false` means another was first and nothing changed. Waits as long as the database is away.
    pub async fn transition(&self, change: Transition, events: Vec<Event>) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        send(&self.stored, Entry::Transition { change: Box::new(change), events, answer }).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Stores a step of a workflow. Waits as long as the database is away.
    ///
    /// # Errors
    /// Nothing was stored, for something in the step cannot be.
    pub async fn step(&self, step: workflows::Step) -> Result<workflows::Done> {
        let (answer, answered) = oneshot::channel();
        let entry = workflows::Entry { step: Box::new(step), answer };
        self.steps.send(entry).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Stores output. Waits only while the writer's queue is full; what was handed over before a
    /// [`Self::transition`] of the same execution is stored before it.
    pub async fn output(&self, chunk: OutputChunk) -> Result<()> {
        send(&self.stored, Entry::Output(chunk)).await
    }
}

async fn send(writer: &gathering::Sender<Entry>, entry: Entry) -> Result<()> {
    if writer.send(entry).await { Ok(()) } else { Err(closed()) }
}

fn closed() -> Error {
    Error::Unavailable(sqlx::Error::PoolClosed)
}

/// Takes what has gathered, at most one change per execution so that order within an execution holds.
fn gather(receiver: &mut gathering::Receiver<Entry>, waiting: &mut VecDeque<Entry>, batch: &mut Batch) {
    while batch.len() < BATCH {
        match waiting.pop_front().or_else(|| receiver.try_recv()) {
            Some(entry) => batch.push(entry),
            None => break,
        }
    }
}

/// Publishes in order, after the commit.
fn publish(bus: &crate::bus::Bus, events: Vec<Event>) {
    for event in events {
        bus.publish(event);
    }
}

/// A shared error answers many callers.
fn copy_of(error: &Arc<sqlx::Error>) -> Error {
    Error::from(sqlx::Error::Io(std::io::Error::other(Arc::clone(error))))
}
