//! What the garbage collector asks of the database, beside what each table's own file offers.
//!
//! It works in small transactions. Where a table has to be locked whole (partitions come and go), it gives up rather
//! than let others queue up behind it.

use super::{Result, Tx};
use crate::model::ExecutionId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;

/// Number of the lock that one collector holds at a time, whichever node it runs on.
const LOCK: i64 = 0x7374_3267_6300;

/// Makes this transaction the only collecting one until its end. `false`: another node collects.
pub async fn try_alone(tx: &mut Tx) -> Result<bool> {
    let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, LOCK);
    Ok(alone.fetch_one(tx.conn()).await?)
}

/// Makes statements of this transaction fail that would have to wait for a lock longer than a second.
pub async fn be_impatient(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SET LOCAL lock_timeout = '1s'").execute(tx.conn()).await?;
    Ok(())
}

/// Removes up to `most` executions with later ids than `after` that began and ended before `before`, with their output,
/// their workflows and the keys of their requests. Answers their ids, oldest first.
pub async fn delete_executions(
    tx: &mut Tx,
    before: DateTime<Utc>,
    after: Option<ExecutionId>,
    most: i64,
) -> Result<Vec<ExecutionId>> {
    let begun_before = crate::model::ObjectId::lowest_at(before);
    let mut ids = sqlx::query_scalar!(
        r#"WITH gone AS (
               DELETE FROM executions WHERE id IN (
                   SELECT id FROM executions WHERE id > $1 AND id < $2 AND ended_at < $3
                   ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
               RETURNING id
           ), keys AS (
               DELETE FROM idempotency_keys WHERE execution_id IN (SELECT id FROM gone)
           ), output AS (
               DELETE FROM execution_output WHERE execution_id IN (SELECT id FROM gone)
           ), runs AS (
               DELETE FROM workflows WHERE execution_id IN (SELECT id FROM gone) RETURNING id
           ), pieces AS (
               DELETE FROM workflow_pieces WHERE workflow_id IN (SELECT id FROM runs)
           )
           SELECT id AS "id: ExecutionId" FROM gone"#,
        after.as_ref().map_or(&[][..], ExecutionId::as_bytes),
        &begun_before.0[..],
        before,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Orquesta workflows that run although nothing of them is at work: their last task ended before `before`, or they have
/// none and have run since then.
pub async fn idle_workflows(db: impl PgExecutor<'_>, before: DateTime<Utc>) -> Result<Vec<ExecutionId>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions AS flow
           WHERE ended_at IS NULL AND status = 'running' AND runner IN ('orquesta', 'orchestra') AND id < $1
             AND NOT EXISTS (
                 SELECT FROM executions WHERE parent_id = flow.id AND (ended_at IS NULL OR ended_at >= $2))
             AND (EXISTS (SELECT FROM executions WHERE parent_id = flow.id)
                  OR $2 > ALL (SELECT at FROM unnest(log_statuses, log_times) AS log (status, at)
                               WHERE log.status = 'running'))
           ORDER BY id"#,
        &crate::model::ObjectId::lowest_at(before).0[..],
        before
    );
    Ok(ids.fetch_all(db).await?)
}

/// Open questions that were asked since a moment.
pub async fn open_inquiries(db: impl PgExecutor<'_>, since: DateTime<Utc>) -> Result<Vec<ExecutionId>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions
           WHERE ended_at IS NULL AND status = 'pending' AND runner = 'inquirer' AND id >= $1 ORDER BY id"#,
        &crate::model::ObjectId::lowest_at(since).0[..]
    );
    Ok(ids.fetch_all(db).await?)
}

/// Questions that nobody has answered in the time they had: executions of the `inquirer` that are still pending and
/// began more whole minutes before `now` than their `ttl`.
pub async fn overdue_inquiries(db: impl PgExecutor<'_>, now: DateTime<Utc>) -> Result<Vec<ExecutionId>> {
    // The whole text: PostgreSQL takes no part out of a document that holds a NUL anywhere.
    let pending = sqlx::query!(
        r#"SELECT id AS "id: ExecutionId", result::text AS result FROM executions
           WHERE ended_at IS NULL AND status = 'pending' AND runner = 'inquirer' ORDER BY id"#
    )
    .fetch_all(db)
    .await?;
    let is_overdue = |id: ExecutionId, result: Option<&str>| {
        let question: Value = result.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let ttl = question["ttl"].as_f64().unwrap_or(0.0);
        ttl > 0.0 && (now - id.requested_at()).num_minutes() as f64 > ttl
    };
    Ok(pending
        .into_iter()
        .filter(|row| is_overdue(row.id, row.result.as_deref()))
        .map(|row| row.id)
        .collect())
}
