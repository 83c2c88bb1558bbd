//! The group writer of trigger instances: takes all that [gather](gathering) while its last commit is in flight and stores
//! them with one statement, then answers each sender.
//!
//! Like the ledger, and beside it: senders of events must not wait for executions, nor hold them up. When the database
//! goes away all who wait are refused, and rows of theirs that may have been written all the same are removed before
//! anything else is written.

use super::{New, insert_all, remove};
use crate::{
    clock,
    model::TriggerInstanceId,
    store::{Error, Result, Store, by_key, gathering},
};
use sqlx::{PgConnection, postgres::PgConnectOptions};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// Most rows of one commit.
const BATCH: usize = 512;

/// Rows that may wait for the writer before their senders have to wait too.
const QUEUE: usize = 4096;

/// Pause between attempts to remove what was refused.
const RETRY: Duration = Duration::from_millis(100);

/// Hands trigger instances to the group writer. Cheap to clone; the writer ends with the last of them.
#[derive(Clone, Debug)]
pub struct Writer {
    sender: gathering::Sender<Entry>,
}

#[derive(Debug)]
struct Entry {
    new: New,
    answer: oneshot::Sender<Result<bool>>,
}

impl Writer {
    /// Starts it, on a connection of its own.
    pub fn start(store: &Store) -> Self {
        let (sender, receiver) = gathering::queue(QUEUE);
        let task = Task { options: store.connect_options(), connection: None, refused: Vec::new() };
        gathering::spawn("writer of trigger instances", task.run(receiver));
        Self { sender }
    }

    /// Stores one. `false`: it must come once, and was there before.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was stored.
    pub async fn insert(&self, new: New) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        let closed = || Error::Unavailable(sqlx::Error::PoolClosed);
        if !self.sender.send(Entry { new, answer }).await {
            return Err(closed());
        }
        answered.await.map_err(|_| closed())?
    }
}

struct Task {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    refused: Vec<TriggerInstanceId>,
}

impl Task {
    async fn run(mut self, mut receiver: gathering::Receiver<Entry>) {
        loop {
            let first = tokio::select! {
                first = receiver.recv() => first,
                // Nobody may come for a long time, and rules would take a refused event up.
                () = clock::sleep(RETRY), if !self.refused.is_empty() => {
                    if let Err(error) = self.attempt(&[]).await {
                        self.connection = None;
                        tracing::debug!("Rows of refused events cannot be removed yet: {error}");
                    }
                    continue;
                }
            };
            let Some(first) = first else { return };
            receiver.crowd(1).await;
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Some(entry) = receiver.try_recv()
            {
                batch.push(entry);
            }
            let count = batch.len();
            self.write(batch).await;
            receiver.answered(count);
        }
    }

    async fn write(&mut self, mut batch: Vec<Entry>) {
        match self.attempt(&batch).await {
            Ok(stored) => {
                for Entry { new, answer } in batch {
                    // A sender that gave up needs no answer.
                    let _ = answer.send(Ok(stored.contains(&new.head.id)));
                }
            }
            Err(error) if Error::is_lost_connection(&error) => {
                self.connection = None;
                let error = Arc::new(error);
                for Entry { new, answer } in batch {
                    self.refused.push(new.head.id);
                    let copy = sqlx::Error::Io(std::io::Error::other(error.clone()));
                    let _ = answer.send(Err(Error::Unavailable(copy)));
                }
            }
            // One bad row must not sink its neighbours: write them one by one.
            Err(_) if batch.len() > 1 => {
                for entry in batch {
                    Box::pin(self.write(vec![entry])).await;
                }
            }
            Err(error) => {
                if let Some(entry) = batch.pop() {
                    let _ = entry.answer.send(Err(error.into()));
                }
            }
        }
    }

    async fn attempt(&mut self, batch: &[Entry]) -> sqlx::Result<HashSet<TriggerInstanceId>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(by_key::connect(&self.options).await?),
        };
        if !self.refused.is_empty() {
            remove(connection, &self.refused).await?;
            self.refused.clear();
        }
        if batch.is_empty() {
            return Ok(HashSet::new());
        }
        insert_all(connection, batch.iter().map(|entry| &entry.new)).await
    }
}
