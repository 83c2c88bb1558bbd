//! The writer's loop: one transaction per batch, and patience when the database is away.

use super::{
    Batch, QUEUE, Spool,
    batch::{Entry, Transition},
    copy_of, gather, publish, spool,
};
use crate::{
    bus::Bus,
    clock,
    model::ExecutionId,
    store::{Error, Store, by_key, executions, gathering},
};
use sqlx::{PgConnection, postgres::PgConnectOptions};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Pause between attempts to reach the database again.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    options: PgConnectOptions,
    bus: Bus,
    connection: Option<PgConnection>,
    /// Ids of rows whose commit was in doubt and whose requests were refused: removed before anything else.
    refused: Vec<ExecutionId>,
    /// What was taken and not written yet; goes before what comes.
    waiting: VecDeque<Entry>,
    /// Where a copy lies of what waits for the database.
    spool: Option<Spool>,
}

impl Writer {
    pub(super) fn new(store: &Store, spool: Option<Spool>) -> Self {
        Self {
            options: store.connect_options(),
            bus: store.bus().clone(),
            connection: None,
            refused: Vec::new(),
            waiting: VecDeque::new(),
            spool,
        }
    }

    pub(super) async fn run(mut self, mut receiver: gathering::Receiver<Entry>) {
        loop {
            let first = tokio::select! {
                first = receiver.recv(), if self.waiting.is_empty() => first,
                () = std::future::ready(()), if !self.waiting.is_empty() => self.waiting.pop_front(),
                // Nobody may come for a long time, and a refused row may say that it runs.
                () = clock::sleep(RETRY), if !self.refused.is_empty() => {
                    self.remove_refused().await;
                    continue;
                }
            };
            let Some(first) = first else { return };
            receiver.crowd(1).await;
            let mut batch = Batch::default();
            batch.push(first);
            gather(&mut receiver, &mut self.waiting, &mut batch);
            for entry in batch.take_later().into_iter().rev() {
                self.waiting.push_front(entry);
            }
            let new = batch.inserts.len();
            self.write(batch, &mut receiver).await;
            receiver.answered(new);
            if self.waiting.is_empty() {
                self.clear_spool().await;
            }
        }
    }

    async fn remove_refused(&mut self) {
        match self.attempt(&Batch::default(), false).await {
            Ok(_) => {}
            Err(error) => {
                self.connection = None;
                tracing::debug!("Rows of refused requests cannot be removed yet: {error}");
            }
        }
    }

    /// Writes one batch, however often the database goes away meanwhile.
    async fn write(&mut self, mut batch: Batch, receiver: &mut gathering::Receiver<Entry>) {
        let mut in_doubt = false;
        loop {
            match self.attempt(&batch, in_doubt).await {
                Ok(done) => return answer(&self.bus, batch, &done),
                Err(error) if Error::is_lost_connection(&error) => {
                    self.connection = None;
                    let waiting = batch.len() + self.waiting.len();
                    tracing::warn!("The database is away ({error}); {waiting} changes wait for it");
                    self.refuse_inserts(&mut batch, error);
                    if batch.is_empty() {
                        return;
                    }
                    if !std::mem::replace(&mut in_doubt, true) {
                        self.spool_all(&batch).await;
                    }
                    self.rest(receiver).await;
                }
                // One bad row must not sink its neighbours: write them one by one.
                Err(_) if batch.len() > 1 => {
                    for single in batch.into_singles() {
                        Box::pin(self.write(single, receiver)).await;
                    }
                    return;
                }
                Err(error) => return refuse(batch, error),
            }
        }
    }

    /// Rests before the next attempt. What comes meanwhile is put on disk at once.
    async fn rest(&mut self, receiver: &mut gathering::Receiver<Entry>) {
        let pause = clock::sleep(RETRY);
        tokio::pin!(pause);
        loop {
            let has_room = self.spool.is_some() && self.waiting.len() < QUEUE;
            tokio::select! {
                () = &mut pause => return,
                Some(entry) = receiver.recv(), if has_room => {
                    let mut records = spool::record(&entry);
                    self.waiting.push_back(entry);
                    while self.waiting.len() < QUEUE && let Some(entry) = receiver.try_recv() {
                        records.extend(spool::record(&entry));
                        self.waiting.push_back(entry);
                    }
                    self.keep(records).await;
                }
            }
        }
    }

    /// Puts everything on disk that waits from before.
    async fn spool_all(&mut self, batch: &Batch) {
        if self.spool.is_none() {
            return;
        }
        let changes = batch.transitions.iter().map(|(change, ..)| -> &Transition { change });
        let mut records = spool::records(batch.outputs.iter(), changes);
        records.extend(self.waiting.iter().flat_map(spool::record));
        self.keep(records).await;
    }

    async fn keep(&mut self, records: Vec<u8>) {
        self.with_spool(move |spool| spool.keep(&records)).await;
    }

    async fn clear_spool(&mut self) {
        if self.spool.as_ref().is_some_and(Spool::holds_any) {
            self.with_spool(Spool::clear).await;
        }
    }

    /// Uses the spool on a thread that may wait for the disk.
    async fn with_spool(&mut self, work: impl FnOnce(&mut Spool) + Send + 'static) {
        let Some(mut spool) = self.spool.take() else { return };
        let worked = tokio::task::spawn_blocking(move || {
            work(&mut spool);
            spool
        });
        match worked.await {
            Ok(spool) => self.spool = Some(spool),
            Err(panic) => tracing::error!("Results wait for the database in memory alone: {panic}"),
        }
    }

    async fn attempt(&mut self, batch: &Batch, in_doubt: bool) -> sqlx::Result<HashSet<ExecutionId>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(by_key::connect(&self.options).await?),
        };
        if !self.refused.is_empty() {
            executions::remove(connection, &self.refused).await?;
            self.refused.clear();
        }
        statements(connection, batch, in_doubt).await
    }

    /// Callers with a client at the other end do not wait for the database: they are told to come back.
    fn refuse_inserts(&mut self, batch: &mut Batch, error: sqlx::Error) {
        let error = Arc::new(error);
        for (row, _, answer) in batch.inserts.drain(..) {
            self.refused.push(row.execution.id);
            // A caller that gave up needs no answer.
            let _ = answer.send(Err(copy_of(&error)));
        }
    }
}

/// Writes everything, each kind in a transaction of its own; the answer holds the ids of the executions that changed.
async fn statements(
    connection: &mut PgConnection,
    batch: &Batch,
    in_doubt: bool,
) -> sqlx::Result<HashSet<ExecutionId>> {
    if !batch.inserts.is_empty() {
        executions::insert_all(connection, batch.inserts.iter().map(|(row, ..)| row.as_ref())).await?;
    }
    if batch.transitions.is_empty() && batch.outputs.is_empty() {
        return Ok(HashSet::new());
    }
    let changes = || batch.transitions.iter().map(|(change, ..)| change.as_ref());
    let mut done = executions::advance(connection, changes(), &batch.outputs).await?;
    if in_doubt {
        // The commit before the connection broke may have gone through: then the guard fails though it was us.
        done.extend(executions::already_done(connection, changes().filter(|c| !done.contains(&c.id))).await?);
    }
    Ok(done)
}

fn answer(bus: &Bus, batch: Batch, done: &HashSet<ExecutionId>) {
    for (_, events, answer) in batch.inserts {
        publish(bus, events);
        let _ = answer.send(Ok(()));
    }
    for (change, events, answer) in batch.transitions {
        let moved = done.contains(&change.id);
        if moved {
            publish(bus, events);
        }
        let _ = answer.send(Ok(moved));
    }
}

fn refuse(mut batch: Batch, error: sqlx::Error) {
    if let Some(chunk) = batch.outputs.pop() {
        tracing::error!(execution.id = %chunk.execution_id, "Output of {} could not be stored: {error}", chunk.execution_id);
    } else if let Some((_, _, answer)) = batch.inserts.pop() {
        let _ = answer.send(Err(error.into()));
    } else if let Some((_, _, answer)) = batch.transitions.pop() {
        let _ = answer.send(Err(error.into()));
    }
}
