//! Notes of ends from which something follows. The schema makes them; see the migration of policies.

use super::{Result, Tx};
use crate::model::ExecutionId;
use sqlx::PgExecutor;

/// Who wants to hear of ends.
#[derive(Debug)]
pub struct Interest {
    /// An enabled rule is on their trigger.
    pub is_listened_to: bool,
    /// Actions with a retry policy.
    pub retried: Vec<String>,
}

/// Who wants to hear of ends, where `trigger` is the event of an end.
pub async fn interest(db: impl PgExecutor<'_>, trigger: &str) -> Result<Interest> {
    Ok(sqlx::query_as!(
        Interest,
        r#"SELECT EXISTS (SELECT FROM rules WHERE trigger = $1 AND enabled) AS "is_listened_to!",
               ARRAY(SELECT resource_ref FROM policies WHERE enabled AND policy_type = 'action.retry') AS "retried!""#,
        trigger
    )
    .fetch_one(db)
    .await?)
}

/// Whether there are notes.
pub async fn are_any(db: impl PgExecutor<'_>) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM execution_ends) AS "are_any!""#)
        .fetch_one(db)
        .await?)
}

/// Takes the oldest notes, `most` at most; those that another node is just taking are passed over.
pub async fn take(tx: &mut Tx, most: i64) -> Result<Vec<ExecutionId>> {
    let rows = sqlx::query!(
        r#"DELETE FROM execution_ends WHERE execution_id = ANY (ARRAY(
               SELECT execution_id FROM execution_ends ORDER BY execution_id LIMIT $1 FOR UPDATE SKIP LOCKED
           ))
           RETURNING execution_id AS "id: ExecutionId""#,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    let mut ids: Vec<ExecutionId> = rows.into_iter().map(|row| row.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Strikes notes that cannot be followed.
pub async fn strike(db: impl PgExecutor<'_>, ids: &[ExecutionId]) -> Result<()> {
    sqlx::query!("DELETE FROM execution_ends WHERE execution_id = ANY ($1)", ids as _).execute(db).await?;
    Ok(())
}
