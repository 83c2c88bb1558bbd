//! The group writer: takes everything that waits while the last commit is in flight, commits it as one
//! transaction of array statements, then answers each caller and publishes each event.
//!
//! No timers: an idle system pays one commit for one change, a busy one shares commits. A caller gets its answer
//! after the commit that holds its change, so what was answered is durable.
//!
//! When the database goes away, requests that wait for a new row are refused at once (the caller tells its client
//! to come back) and their half-written rows are removed on return; changes of existing rows and output are kept
//! and written when the database is back, in order.

mod batch;
mod write;

pub use batch::{Insert, Transition};

use self::batch::{Batch, Entry};
use super::{Error, Result, Store};
use crate::{bus::Event, service, store::outputs::OutputChunk};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Most changes one transaction takes. Past a few hundred the gain is gone and the wait of the first one grows.
const BATCH: usize = 512;

/// Changes that may wait for the writer before those who make them have to wait too.
const QUEUE: usize = 4096;

/// Hands changes to the group writer.
#[derive(Clone, Debug)]
pub struct Ledger {
    sender: mpsc::Sender<Entry>,
}

impl Ledger {
    /// Starts the writer on a connection of its own. It ends when the last `Ledger` is dropped and all is written.
    pub fn start(store: &Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = service::spawn("ledger", write::Writer::new(store).run(receiver));
        (Self { sender }, task)
    }

    /// Stores a new execution, then publishes `events`.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was stored; [`Error::Duplicate`]: its idempotency key was just used.
    pub async fn insert(&self, row: Insert, events: Vec<Event>) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.send(Entry::Insert { row: Box::new(row), events, answer }).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Changes an execution if it still stands where the change expects it, then publishes `events`.
    ///
    /// `false` means another was first and nothing changed. Waits as long as the database is away.
    pub async fn transition(&self, change: Transition, events: Vec<Event>) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        self.send(Entry::Transition { change: Box::new(change), events, answer }).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Stores output. Waits only while the writer's queue is full; what was handed over before a
    /// [`Self::transition`] of the same execution is stored before it.
    pub async fn output(&self, chunk: OutputChunk) -> Result<()> {
        self.send(Entry::Output(chunk)).await
    }

    async fn send(&self, entry: Entry) -> Result<()> {
        self.sender.send(entry).await.map_err(|_| closed())
    }
}

fn closed() -> Error {
    Error::Unavailable(sqlx::Error::PoolClosed)
}

/// Takes what has gathered, at most one change per execution so that order within an execution holds.
async fn gather(receiver: &mut mpsc::Receiver<Entry>, batch: &mut Batch) -> bool {
    if batch.is_empty() {
        match receiver.recv().await {
            Some(entry) => batch.push(entry),
            None => return false,
        }
    }
    while batch.len() < BATCH {
        match receiver.try_recv() {
            Ok(entry) => batch.push(entry),
            Err(_) => break,
        }
    }
    true
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
