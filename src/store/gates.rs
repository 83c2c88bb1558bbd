//! Gates of limited actions: who waits at them, and who was let through.
//!
//! Everything but [`all`] is for a transaction that holds the gate's lock ([`lock`]).
//!
//! Whether an execution has ended is asked of its status here. Asked of `ended_at`, PostgreSQL may think the index of all
//! that are alive the shortest way to a few of them, and goes through all of it, each time, while a crowd waits.

use super::{Result, Tx};
use crate::model::ExecutionId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use std::collections::BTreeMap;

/// A gate there is, or should be.
#[derive(Clone, Debug)]
pub struct Known {
    /// The action.
    pub action_ref: String,
    /// The limits applied last; `None`: there is no gate yet.
    pub applied: Option<String>,
}

/// An execution of a limited action that has not ended and does not wait at the gate.
#[derive(Debug)]
pub struct Member {
    /// Which.
    pub id: ExecutionId,
    /// Its parameters, JSON text.
    pub parameters: String,
    /// It waits in the queue.
    pub is_queued: bool,
    /// It was let through.
    pub was_admitted: bool,
}

/// An execution that nobody at the gate has looked at.
#[derive(Debug)]
pub struct Newcomer {
    /// Which.
    pub id: ExecutionId,
    /// Its parameters, JSON text.
    pub parameters: String,
}

/// One who waits in line.
#[derive(Debug)]
pub struct Waiting {
    /// Which.
    pub id: ExecutionId,
    /// What it is counted by.
    pub key: String,
}

/// Gates, and actions that need one: those with a limit, and those at whose gate somebody came when it was just taken
/// away.
pub async fn all(db: impl PgExecutor<'_>) -> Result<Vec<Known>> {
    Ok(sqlx::query_as!(
        Known,
        r#"SELECT coalesce(g.action_ref, p.resource_ref) AS "action_ref!", g.limits AS "applied?"
           FROM policy_gates g
           FULL JOIN (
               SELECT DISTINCT resource_ref FROM policies
               WHERE enabled AND policy_type IN ('action.concurrency', 'action.concurrency.attr')
               UNION SELECT action_ref FROM policy_waiting WHERE key IS NULL
           ) p ON p.resource_ref = g.action_ref"#
    )
    .fetch_all(db)
    .await?)
}

/// Locks the gate of an action, made if need be; answers the limits applied last.
pub async fn lock(tx: &mut Tx, action_ref: &str) -> Result<String> {
    loop {
        sqlx::query!(
            "INSERT INTO policy_gates (action_ref, limits) VALUES ($1, '') ON CONFLICT DO NOTHING",
            action_ref
        )
        .execute(tx.conn())
        .await?;
        // Lines grow from nothing to many thousands: rows are found by index, whatever the planner remembers of them.
        let locked = sqlx::query!(
            r#"SELECT limits, set_config('enable_seqscan', 'off', true) AS setting
               FROM policy_gates WHERE action_ref = $1 FOR UPDATE"#,
            action_ref
        )
        .fetch_optional(tx.conn())
        .await?;
        // Another closed it while we waited for the lock.
        if let Some(locked) = locked {
            return Ok(locked.limits);
        }
    }
}

/// Notes which limits are in force.
pub async fn apply(tx: &mut Tx, action_ref: &str, limits: &str) -> Result<()> {
    sqlx::query!("UPDATE policy_gates SET limits = $2 WHERE action_ref = $1", action_ref, limits)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes away a gate at which nobody waits.
pub async fn close(tx: &mut Tx, action_ref: &str) -> Result<()> {
    sqlx::query!(
        "WITH slots AS (DELETE FROM policy_slots WHERE action_ref = $1)
         DELETE FROM policy_gates WHERE action_ref = $1",
        action_ref
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Executions of the action that have not ended and do not wait here; their rows are locked.
pub async fn members(tx: &mut Tx, action_ref: &str) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT e.id AS "id: ExecutionId", e.parameters::text AS "parameters!",
               e.queue_no IS NOT NULL AS "is_queued!",
               EXISTS (SELECT FROM policy_slots s WHERE s.execution_id = e.id) AS "was_admitted!"
           FROM executions e
           WHERE e.action_ref = $1 AND e.ended_at IS NULL
             AND NOT EXISTS (SELECT FROM policy_waiting w WHERE w.execution_id = e.id)
           FOR UPDATE OF e"#,
        action_ref
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Begins anew: nobody holds a slot, and all who wait here are newcomers again.
pub async fn reset(tx: &mut Tx, action_ref: &str) -> Result<()> {
    sqlx::query!("DELETE FROM policy_slots WHERE action_ref = $1", action_ref).execute(tx.conn()).await?;
    sqlx::query!(
        "UPDATE policy_waiting SET key = NULL WHERE action_ref = $1 AND key IS NOT NULL",
        action_ref
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes in those that came past the gate: `held` hold a slot from now on, `waiting` are taken from the queue to the
/// gate.
pub async fn adopt(
    tx: &mut Tx,
    action_ref: &str,
    held: &[(ExecutionId, String)],
    waiting: &[ExecutionId],
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO policy_slots (execution_id, action_ref, key)
         SELECT id, $1, key FROM unnest($2::bytea[], $3::text[]) AS t (id, key)",
        action_ref,
        &held.iter().map(|(id, _)| *id).collect::<Vec<_>>() as _,
        &held.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>() as _,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "WITH queued AS (SELECT id, due_at, queue_no FROM executions WHERE id = ANY ($2)),
         taken AS (UPDATE executions e SET queue_no = NULL FROM queued WHERE e.id = queued.id)
         INSERT INTO policy_waiting (execution_id, action_ref, due_at, number)
         SELECT id, $1, due_at, queue_no FROM queued",
        action_ref,
        waiting as _
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Strikes those that have ended; answers their keys.
pub async fn free(tx: &mut Tx, action_ref: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "DELETE FROM policy_slots s WHERE s.action_ref = $1
           AND NOT EXISTS (SELECT FROM executions e WHERE e.id = s.execution_id
               AND e.status NOT IN ('succeeded', 'failed', 'timeout', 'abandoned', 'canceled'))
         RETURNING s.key",
        action_ref
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Newcomers that are due, in the order they came; `most` at most.
pub async fn newcomers(
    tx: &mut Tx,
    action_ref: &str,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Newcomer>> {
    Ok(sqlx::query_as!(
        Newcomer,
        r#"SELECT e.id AS "id: ExecutionId", e.parameters::text AS "parameters!"
           FROM policy_waiting w JOIN executions e ON e.id = w.execution_id
           WHERE w.action_ref = $1 AND w.key IS NULL AND w.due_at <= $2
           ORDER BY w.due_at, w.number LIMIT $3"#,
        action_ref,
        now,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Puts newcomers in line.
pub async fn line_up(tx: &mut Tx, newcomers: &[(ExecutionId, String)]) -> Result<()> {
    sqlx::query!(
        "UPDATE policy_waiting w SET key = t.key FROM unnest($1::bytea[], $2::text[]) AS t (id, key)
         WHERE w.execution_id = t.id",
        &newcomers.iter().map(|(id, _)| *id).collect::<Vec<_>>() as _,
        &newcomers.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>() as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keys of those that were let through and take up room.
pub async fn held(tx: &mut Tx, action_ref: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT s.key FROM policy_slots s JOIN executions e ON e.id = s.execution_id
         WHERE s.action_ref = $1
           AND e.status IN ('requested', 'scheduled', 'delayed', 'running', 'canceling', 'resuming')",
        action_ref
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The keys of all who wait in line. Takes as long as there are keys, not as there are who wait.
pub async fn keys(tx: &mut Tx, action_ref: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE keys AS (
               (SELECT key FROM policy_waiting WHERE action_ref = $1 AND key IS NOT NULL ORDER BY key LIMIT 1)
               UNION ALL
               SELECT (SELECT w.key FROM policy_waiting w WHERE w.action_ref = $1 AND w.key > keys.key
                       ORDER BY w.key LIMIT 1)
               FROM keys WHERE keys.key IS NOT NULL
           )
           SELECT key AS "key!" FROM keys WHERE key IS NOT NULL"#,
        action_ref
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The first in line for each of these keys, as many as there is room, all of them in the order they came; `most` at
/// most.
pub async fn heads(
    tx: &mut Tx,
    action_ref: &str,
    keys: &[String],
    rooms: &[i64],
    most: i64,
) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        r#"SELECT first.execution_id AS "id: ExecutionId", k.key AS "key!"
           FROM unnest($2::text[], $3::bigint[]) AS k (key, room)
           CROSS JOIN LATERAL (
               SELECT w.execution_id, w.due_at, w.number FROM policy_waiting w
               WHERE w.action_ref = $1 AND w.key = k.key
               ORDER BY w.due_at, w.number LIMIT k.room
           ) first
           ORDER BY first.due_at, first.number LIMIT $4"#,
        action_ref,
        keys,
        rooms,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Lets these through: they are in the queue from now on, where they would have been without a gate.
pub async fn admit(
    tx: &mut Tx,
    action_ref: &str,
    passing: &BTreeMap<ExecutionId, String>,
    are_counted: bool,
) -> Result<()> {
    sqlx::query!(
        "WITH passing AS (
             DELETE FROM policy_waiting w USING unnest($2::bytea[], $3::text[]) AS t (id, key)
             WHERE w.execution_id = t.id RETURNING w.execution_id, w.due_at, w.number, t.key
         ), slots AS (
             INSERT INTO policy_slots (execution_id, action_ref, key)
             SELECT execution_id, $1, key FROM passing WHERE $4
         )
         UPDATE executions e SET queue_no = p.number, due_at = p.due_at
         FROM passing p WHERE e.id = p.execution_id
             AND e.status NOT IN ('succeeded', 'failed', 'timeout', 'abandoned', 'canceled')",
        action_ref,
        &passing.keys().copied().collect::<Vec<_>>() as _,
        &passing.values().map(String::as_str).collect::<Vec<_>>() as _,
        are_counted,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marks those delayed that are not yet; answers them.
pub async fn delay(tx: &mut Tx, ids: &[ExecutionId], now: DateTime<Utc>) -> Result<Vec<ExecutionId>> {
    let rows = sqlx::query!(
        r#"UPDATE executions SET status = 'delayed', log_statuses = array_append(log_statuses, 'delayed'),
               log_times = array_append(log_times, $2::timestamptz)
           WHERE id = ANY ($1) AND status = 'requested' RETURNING id AS "id: ExecutionId""#,
        ids as _,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Cancels those for which there is no room; answers them. Their result is empty, as if a runner had seen them.
pub async fn cancel(tx: &mut Tx, ids: &[ExecutionId], now: DateTime<Utc>) -> Result<Vec<ExecutionId>> {
    let rows = sqlx::query!(
        r#"UPDATE executions SET status = 'canceled', ended_at = $2, result = '{}', result_bytes = 2,
               log_statuses = log_statuses || ARRAY['canceling', 'canceled'],
               log_times = log_times || ARRAY[$2, $2]::timestamptz[]
           WHERE id = ANY ($1) AND status IN ('requested', 'delayed') RETURNING id AS "id: ExecutionId""#,
        ids as _,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// When the next newcomer is due.
pub async fn next_due(tx: &mut Tx, action_ref: &str) -> Result<Option<DateTime<Utc>>> {
    let due = sqlx::query_scalar!(
        "SELECT w.due_at FROM policy_waiting w JOIN executions e ON e.id = w.execution_id
         WHERE w.action_ref = $1 AND w.key IS NULL ORDER BY w.due_at, w.number LIMIT 1",
        action_ref
    );
    Ok(due.fetch_optional(tx.conn()).await?)
}
