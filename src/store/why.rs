//! What is asked about one execution to tell its story.

use super::Result;
use crate::model::{ExecutionId, ExecutionStatus, LiveActionId};
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

/// Who waits where.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// It waits at the gate of its action.
    pub at_gate: bool,
    /// It waits in the queue.
    pub in_queue: bool,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// How many are before it, there.
    pub before: i64,
}

/// Another execution, in a word.
#[derive(Clone, Debug)]
pub struct Other {
    /// Which.
    pub id: ExecutionId,
    /// Its action.
    pub action_ref: String,
    /// Where it stands.
    pub status: ExecutionStatus,
}

/// Where it waits, if it does.
pub async fn waiting(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<Waiting> {
    let row = sqlx::query!(
        r#"SELECT w.execution_id IS NOT NULL AS "at_gate!", e.queue_no IS NOT NULL AS "in_queue!",
               coalesce(w.due_at, e.due_at) AS due_at,
               CASE
                   WHEN w.execution_id IS NOT NULL THEN (SELECT count(*) FROM policy_waiting o
                       WHERE o.action_ref = w.action_ref AND o.key = w.key
                         AND (o.due_at, o.number) < (w.due_at, w.number))
                   WHEN e.queue_no IS NOT NULL THEN (SELECT count(*) FROM executions o
                       WHERE o.queue_no IS NOT NULL AND (o.due_at, o.queue_no) < (e.due_at, e.queue_no))
                   ELSE 0
               END AS "before!"
           FROM executions e LEFT JOIN policy_waiting w ON w.execution_id = e.id
           WHERE e.id = $1 AND e.ended_at IS NULL AND e.node_id IS NULL"#,
        id as _
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map_or_else(Waiting::default, |row| Waiting {
        at_gate: row.at_gate,
        in_queue: row.in_queue,
        due_at: row.due_at,
        before: row.before,
    }))
}

/// Those that were let through a gate and take up its room; `most` at most.
pub async fn holding(db: impl PgExecutor<'_>, action_ref: &str, most: i64) -> Result<Vec<Other>> {
    Ok(sqlx::query_as!(
        Other,
        r#"SELECT e.id AS "id: ExecutionId", e.action_ref, e.status AS "status: ExecutionStatus"
           FROM policy_slots s JOIN executions e ON e.id = s.execution_id
           WHERE s.action_ref = $1 AND e.ended_at IS NULL AND e.status NOT IN ('pending', 'pausing', 'paused')
           ORDER BY e.id LIMIT $2"#,
        action_ref,
        most
    )
    .fetch_all(db)
    .await?)
}

/// Those of its children that have not ended, and then those that have failed; `most` at most.
pub async fn children(db: impl PgExecutor<'_>, id: ExecutionId, most: i64) -> Result<Vec<ExecutionId>> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions
           WHERE parent_id = $1 AND (ended_at IS NULL OR status IN ('failed', 'timeout', 'abandoned'))
           ORDER BY ended_at IS NOT NULL, id LIMIT $2"#,
        id as _,
        most
    )
    .fetch_all(db)
    .await?)
}

/// The execution of this second id.
pub async fn by_live_action(db: impl PgExecutor<'_>, id: LiveActionId) -> Result<Option<Other>> {
    use crate::model::ObjectId;
    let second = chrono::TimeDelta::seconds(1);
    let at = id.0.timestamp();
    let (from, to) = (ObjectId::lowest_at(at - second), ObjectId::lowest_at(at + second));
    // The second id is made with the first.
    Ok(sqlx::query_as!(
        Other,
        r#"SELECT id AS "id: ExecutionId", action_ref, status AS "status: ExecutionStatus"
           FROM executions WHERE id BETWEEN $1 AND $2 AND liveaction_id = $3"#,
        from.0.as_slice(),
        to.0.as_slice(),
        id.as_bytes()
    )
    .fetch_optional(db)
    .await?)
}

/// The next attempt after this one. Looks at the thousand executions of the action that followed.
pub async fn next_attempt(
    pool: &PgPool,
    action_ref: &str,
    of: ExecutionId,
    live_action: LiveActionId,
) -> Result<Option<Other>> {
    let needle = format!("\"retried_liveaction_id\":\"{live_action}\"");
    Ok(sqlx::query_as!(
        Other,
        r#"SELECT id AS "id: ExecutionId", action_ref, status AS "status: ExecutionStatus" FROM (
               SELECT id, action_ref, status, context FROM executions
               WHERE action_ref = $1 AND id > $2 ORDER BY id LIMIT 1000
           ) AS followed WHERE strpos(context::text, $3) > 0 ORDER BY id LIMIT 1"#,
        action_ref,
        of as _,
        needle
    )
    .fetch_optional(pool)
    .await?)
}

/// The enforcement that asked for it: its id and its rule's reference.
pub async fn enforcement(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<Option<(String, String)>> {
    let row = sqlx::query!(
        r#"SELECT encode(id, 'hex') AS "id!", rule_ref FROM rule_enforcements WHERE execution_id = $1 ORDER BY id LIMIT 1"#,
        id as _
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.rule_ref)))
}

/// Whether something that follows from its end is still to be done.
pub async fn is_followed(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM execution_ends WHERE execution_id = $1) AS "is!""#,
        id as _
    );
    Ok(found.fetch_one(db).await?)
}
