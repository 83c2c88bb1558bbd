//! The table of executions: how rows begin, change and are taken by nodes. Reading them is [`query`].

pub mod query;

use super::{
    ledger::{Insert, Transition},
    outputs::{OutputChunk, array_text},
};
use crate::model::{Execution, ExecutionId, ExecutionStatus, Origin, TraceId, trace_tag};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{PgConnection, PgExecutor};
use std::collections::HashSet;

/// Stores new executions, and the keys under which retried requests find them. None of them may be stored already: to
/// look that up for each would cost a fifth of the statement.
pub(super) async fn insert_all(
    connection: &mut PgConnection,
    rows: impl Iterator<Item = &Insert>,
) -> sqlx::Result<()> {
    let rows: Vec<&Insert> = rows.collect();
    let keyed: Vec<_> =
        rows.iter().filter_map(|row| Some((row.execution.as_ref(), row.idempotency.as_ref()?))).collect();
    let gated: Vec<_> = rows
        .iter()
        .filter(|row| row.gated)
        .filter_map(|row| Some((row.execution.as_ref(), row.due?)))
        .collect();
    let all = || rows.iter().map(|row| row.execution.as_ref());
    sqlx::query_file!(
        "src/store/sql/executions_insert.sql",
        &all().map(|e| e.id.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|e| e.liveaction_id.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|e| e.snapshot.id).collect::<Vec<_>>(),
        &all().map(Execution::action_ref).collect::<Vec<_>>(),
        &all().map(|e| e.snapshot.runner.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|e| e.status.as_str()).collect::<Vec<_>>() as _,
        &all().map(Execution::user).collect::<Vec<_>>() as _,
        &all().map(|e| json_text(&e.parameters)).collect::<Vec<_>>(),
        &all().map(|e| json_text(&e.context)).collect::<Vec<_>>(),
        &all().map(extras_text).collect::<Vec<_>>() as _,
        &all().map(|e| e.delay_ms).collect::<Vec<_>>(),
        &all().map(|e| e.parent.map(|id| id.as_bytes().to_vec())).collect::<Vec<_>>() as _,
        &all().map(|e| words(e.log.iter().map(|entry| entry.status))).collect::<Vec<_>>(),
        &all().map(Execution::start).collect::<Vec<_>>(),
        &all().map(|e| e.end).collect::<Vec<_>>() as _,
        &all().map(|e| e.result.as_ref().map(|raw| raw.get())).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.due).collect::<Vec<_>>() as _,
        &all().map(|e| e.holder.map(|(node, _)| node)).collect::<Vec<_>>() as _,
        &all().map(|e| e.holder.map(|(_, epoch)| epoch)).collect::<Vec<_>>() as _,
        &keyed.iter().map(|(e, _)| e.user().unwrap_or_default()).collect::<Vec<_>>() as _,
        &keyed.iter().map(|(_, (key, _))| key.as_str()).collect::<Vec<_>>() as _,
        &keyed.iter().map(|(e, _)| e.id.as_bytes()).collect::<Vec<_>>() as _,
        &keyed.iter().map(|(_, (_, hash))| hash.as_slice()).collect::<Vec<_>>() as _,
        &rows
            .iter()
            .map(|row| row.trace.or_else(|| TraceId::named_in(&row.execution.context)))
            .collect::<Vec<_>>() as _,
        &all().map(|e| trace_tag(&e.context)).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| follow_up(row)).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.gated).collect::<Vec<_>>(),
        &all().map(|e| e.origin.shared().map(|shared| shared.id)).collect::<Vec<_>>() as _,
        &gated.iter().map(|(e, _)| e.id.as_bytes()).collect::<Vec<_>>() as _,
        &gated.iter().map(|(e, _)| e.action_ref()).collect::<Vec<_>>(),
        &gated.iter().map(|(_, due)| *due).collect::<Vec<_>>(),
        &all().map(|e| e.origin.event().map(|event| event.id.as_bytes())).collect::<Vec<_>>() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Those of these that are not stored. Of a transaction whose fate is in doubt this can be told once it has ended.
pub(super) async fn missing<'a>(
    connection: &mut PgConnection,
    rows: impl Iterator<Item = &'a Insert>,
) -> sqlx::Result<Vec<&'a Insert>> {
    let rows: Vec<&Insert> = rows.collect();
    let ids: Vec<_> = rows.iter().map(|row| row.execution.id.as_bytes()).collect();
    let stored = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions WHERE id = ANY ($1)"#,
        &ids as _
    )
    .fetch_all(connection)
    .await?;
    let stored: HashSet<ExecutionId> = stored.into_iter().collect();
    Ok(rows.into_iter().filter(|row| !stored.contains(&row.execution.id)).collect())
}

/// Stores new executions in a transaction of the caller.
pub async fn insert(tx: &mut super::Tx, rows: &[Insert]) -> super::Result<()> {
    Ok(insert_all(tx.conn(), rows.iter()).await?)
}

/// Stores output and makes guarded changes; answers which executions changed.
pub(super) async fn advance(
    connection: &mut PgConnection,
    changes: impl Iterator<Item = &Transition>,
    chunks: &[OutputChunk],
) -> sqlx::Result<HashSet<ExecutionId>> {
    let all: Vec<&Transition> = changes.collect();
    let chunks = || chunks.iter();
    let rows = sqlx::query_file!(
        "src/store/sql/executions_advance.sql",
        &all.iter().map(|c| c.id.as_bytes()).collect::<Vec<_>>() as _,
        &all.iter().map(|c| words(c.from.iter().copied())).collect::<Vec<_>>(),
        &all.iter().map(|c| c.to.last().map(|s| s.as_str())).collect::<Vec<_>>() as _,
        &all.iter().map(|c| words(c.to.iter().copied())).collect::<Vec<_>>(),
        &all.iter().map(|c| c.at).collect::<Vec<_>>(),
        &all.iter().map(|c| c.ended().then_some(c.at)).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.result.as_ref().map(|raw| raw.get())).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.context.as_deref()).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.holder.map(|(node, _)| node)).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.holder.map(|(_, epoch)| epoch)).collect::<Vec<_>>() as _,
        &chunks().map(|c| c.execution_id.as_bytes()).collect::<Vec<_>>() as _,
        &chunks().map(|c| c.byte_from).collect::<Vec<_>>(),
        &chunks().map(OutputChunk::day).collect::<Vec<_>>(),
        &chunks().map(|c| c.line_from).collect::<Vec<_>>(),
        &chunks().map(|c| c.data.as_slice()).collect::<Vec<_>>() as _,
        // SQL knows no arrays of arrays of different lengths: the inner ones travel as text.
        &chunks().map(|c| array_text(&c.line_ends)).collect::<Vec<_>>(),
        &chunks().map(|c| c.line_kinds.as_slice()).collect::<Vec<_>>() as _,
        &chunks().map(|c| array_text(&c.line_stamps)).collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Which of these changes stand in their rows already: asked when the commit's answer was lost with a connection.
pub(super) async fn already_done(
    connection: &mut PgConnection,
    changes: impl Iterator<Item = &Transition>,
) -> sqlx::Result<Vec<ExecutionId>> {
    let all: Vec<&Transition> = changes.filter(|change| !change.to.is_empty()).collect();
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id: ExecutionId" FROM executions e
           JOIN unnest($1::bytea[], $2::text[], $3::timestamptz[]) AS t (id, status, at) ON e.id = t.id
           WHERE e.status = t.status AND e.log_times[cardinality(e.log_times)] = t.at"#,
        &all.iter().map(|c| c.id.as_bytes()).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.to.last().map(|s| s.as_str())).collect::<Vec<_>>() as _,
        &all.iter().map(|c| c.at).collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Removes rows whose requests were refused although their commit may have gone through.
pub(super) async fn remove(connection: &mut PgConnection, ids: &[ExecutionId]) -> sqlx::Result<()> {
    let ids: Vec<&[u8]> = ids.iter().map(ExecutionId::as_bytes).collect();
    sqlx::query!("DELETE FROM idempotency_keys WHERE execution_id = ANY ($1)", &ids as _)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM policy_waiting WHERE execution_id = ANY ($1)", &ids as _)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM executions WHERE id = ANY ($1)", &ids as _).execute(connection).await?;
    Ok(())
}

/// Takes up to `limit` due rows for a node and marks them running; answers their ids, oldest first.
pub async fn claim(
    db: impl PgExecutor<'_>,
    limit: usize,
    now: DateTime<Utc>,
    holder: (i32, i64),
) -> super::Result<Vec<ExecutionId>> {
    let rows = sqlx::query_file!(
        "src/store/sql/executions_claim.sql",
        i64::try_from(limit).unwrap_or(i64::MAX),
        now,
        holder.0,
        holder.1
    )
    .fetch_all(db)
    .await?;
    let mut ids: Vec<ExecutionId> = rows.into_iter().map(|row| row.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// What this node took with claims of these moments and what has not ended: asked when answers to claims were lost.
/// Executions that ran from the moment they were requested are not taken by a claim, whatever the moment.
pub async fn claimed_at(
    db: impl PgExecutor<'_>,
    moments: &[DateTime<Utc>],
    holder: (i32, i64),
) -> super::Result<Vec<ExecutionId>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: ExecutionId" FROM executions
           WHERE ended_at IS NULL AND node_id = $2 AND node_epoch = $3
             AND log_times && $1 AND NOT log_times[1] = ANY ($1)
           ORDER BY id"#,
        moments,
        holder.0,
        holder.1
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// When the next waiting row is due; `None` when nothing waits.
pub async fn next_due(db: impl PgExecutor<'_>) -> super::Result<Option<DateTime<Utc>>> {
    let due = sqlx::query_scalar!(
        "SELECT due_at FROM executions WHERE queue_no IS NOT NULL ORDER BY due_at, queue_no LIMIT 1"
    )
    .fetch_optional(db)
    .await?;
    Ok(due.flatten())
}

/// Settles what lost nodes held, but for the runners of `workflows`; answers which executions changed. `lease` in
/// seconds.
pub async fn settle_lost(
    db: impl PgExecutor<'_>,
    workflows: &[&str],
    lease: f64,
    now: DateTime<Utc>,
) -> super::Result<Vec<ExecutionId>> {
    let workflows: Vec<String> = workflows.iter().map(|&name| name.to_owned()).collect();
    let rows = sqlx::query_file!("src/store/sql/executions_of_lost_nodes.sql", lease, now, &workflows)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Executions that this node holds and somebody asked to cancel, to pause or to go on.
pub async fn asked(db: impl PgExecutor<'_>, holder: (i32, i64)) -> super::Result<Vec<ExecutionId>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: ExecutionId" FROM executions
           WHERE ended_at IS NULL AND status IN ('canceling', 'pausing', 'resuming')
             AND node_id = $1 AND node_epoch = $2"#,
        holder.0,
        holder.1
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The execution that an earlier request with this key made, and the hash of that request.
pub async fn find_by_idempotency_key(
    db: impl PgExecutor<'_>,
    user: &str,
    key: &str,
) -> super::Result<Option<(ExecutionId, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"SELECT execution_id AS "execution_id: ExecutionId", request_hash
           FROM idempotency_keys WHERE user_name = $1 AND key = $2"#,
        user,
        key
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.execution_id, row.request_hash)))
}

/// Whether something follows from its end, as far as that is known beforehand.
fn follow_up(row: &Insert) -> Option<bool> {
    if !row.execution.notify.is_empty() {
        return Some(true);
    }
    row.quiet.then_some(false)
}

fn json_text(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}

/// What few executions have, in one column; facts that are shared are in `origins`, and an event is with the events.
fn extras_text(execution: &Execution) -> Option<String> {
    let Execution { notify, callback, origin, .. } = execution;
    let origin = &origin.own();
    if notify.is_empty() && callback.is_empty() && origin.is_empty() {
        return None;
    }
    let extras = Extras { notify, callback, origin };
    Some(serde_json::to_string(&extras).unwrap_or_else(|_| "{}".to_owned()))
}

/// What few executions have, as it is kept.
#[derive(serde::Serialize)]
struct Extras<'a> {
    #[serde(skip_serializing_if = "Map::is_empty")]
    notify: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    callback: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Origin::is_empty")]
    origin: &'a Origin,
}

/// Statuses as SQL splits them again; arrays of arrays cannot be passed.
fn words(statuses: impl Iterator<Item = ExecutionStatus>) -> String {
    let words: Vec<&str> = statuses.map(ExecutionStatus::as_str).collect();
    words.join(",")
}
