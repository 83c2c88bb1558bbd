//! What is collected, a function for each kind.

use crate::{
    clock,
    engine::{Engine, execution::control, inquiry},
    model::ExecutionId,
    service::Stop,
    store::{Result, Store, collector, keys, outputs, tokens},
};
use chrono::{DateTime, Utc};
use std::time::Instant;

/// Executions of one transaction. Their results may be large.
const EXECUTIONS_AT_ONCE: i64 = 200;

/// Keys of one transaction.
const KEYS_AT_ONCE: i64 = 1000;

/// Days ahead that have a partition: more than a node is ever away.
const DAYS_AHEAD: u64 = 3;

/// Removes executions that began and ended before a moment, their output with them.
pub(super) async fn executions(engine: &Engine, before: DateTime<Utc>, stop: &Stop) -> Result<u64> {
    let store = engine.store();
    let (mut removed, mut last): (u64, Option<ExecutionId>) = (0, None);
    while !stop.is_requested() {
        let begun = Instant::now();
        let mut tx = store.begin().await?;
        if !collector::try_alone(&mut tx).await? {
            break;
        }
        let ids = collector::delete_executions(&mut tx, before, last, EXECUTIONS_AT_ONCE).await?;
        tx.commit().await?;
        let Some(newest) = ids.last() else { break };
        last = Some(*newest);
        removed += ids.len() as u64;
        // Lists must not count what is gone.
        store.history().forget();
        if (ids.len() as i64) < EXECUTIONS_AT_ONCE {
            break;
        }
        // Half of the time belongs to others.
        clock::sleep(begun.elapsed()).await;
    }
    Ok(removed)
}

/// Announces open questions that a crash kept from it.
pub(super) async fn unannounced(engine: &Engine, now: DateTime<Utc>) -> Result<u64> {
    inquiry::announce_open(engine, now).await?;
    Ok(0)
}

/// Ends questions that nobody has answered in time.
pub(super) async fn inquiries(engine: &Engine, now: DateTime<Utc>) -> Result<u64> {
    let mut ended = 0;
    for id in collector::overdue_inquiries(engine.store().pool(), now).await? {
        match inquiry::time_out(engine, id).await {
            Ok(()) => ended += 1,
            // It was answered just now.
            Err(error) => tracing::info!("Inquiry {id} is left as it is: {error}"),
        }
    }
    Ok(ended)
}

/// Cancels workflows in which nothing has been at work since a moment.
pub(super) async fn idle_workflows(engine: &Engine, before: DateTime<Utc>) -> Result<u64> {
    let mut canceled = 0;
    for id in collector::idle_workflows(engine.store().pool(), before).await? {
        tracing::warn!(execution.id = %id, "Workflow {id} is canceled: nothing of it has been at work since {before}");
        match control::cancel_for(engine, id, None).await {
            Ok(_) => canceled += 1,
            // It has moved on just now.
            Err(error) => tracing::info!("Workflow {id} is left as it is: {error}"),
        }
    }
    Ok(canceled)
}

/// Drops the output of days before that of a moment.
pub(super) async fn output(store: &Store, before: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.begin().await?;
    if !collector::try_alone(&mut tx).await? {
        return Ok(0);
    }
    collector::be_impatient(&mut tx).await?;
    let dropped = outputs::drop_before(&mut tx, before.date_naive()).await?;
    tx.commit().await?;
    Ok(dropped as u64)
}

/// Makes the partitions for the output of the next days.
pub(super) async fn partitions(store: &Store, now: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.begin().await?;
    if !collector::try_alone(&mut tx).await? {
        return Ok(0);
    }
    collector::be_impatient(&mut tx).await?;
    outputs::ensure_partitions(&mut tx, now.date_naive(), DAYS_AHEAD).await?;
    tx.commit().await?;
    Ok(0)
}

/// Removes tokens that expired before a moment.
pub(super) async fn tokens(store: &Store, before: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.begin().await?;
    let removed = tokens::delete_expired(&mut tx, before).await?;
    tx.commit().await?;
    Ok(removed)
}

/// Removes keys that have expired.
pub(super) async fn keys(store: &Store, now: DateTime<Utc>, stop: &Stop) -> Result<u64> {
    let mut removed = 0;
    while !stop.is_requested() {
        let mut tx = store.begin().await?;
        let batch = keys::delete_expired(&mut tx, now, KEYS_AT_ONCE).await?;
        tx.commit().await?;
        removed += batch;
        if (batch as i64) < KEYS_AT_ONCE {
            break;
        }
    }
    Ok(removed)
}
