//! Snapshots of actions and their runner types: stored once per version of the pair.

use sqlx::PgExecutor;

/// The id of the snapshot with this content, stored if it is new.
pub async fn intern(db: impl PgExecutor<'_>, hash: &[u8], action: &str, runner: &str) -> super::Result<i64> {
    // The no-op update makes an existing row answer too.
    Ok(sqlx::query_scalar!(
        "INSERT INTO action_snapshots (hash, action, runner) VALUES ($1, $2::text::json, $3::text::json)
         ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash RETURNING id",
        hash,
        action,
        runner
    )
    .fetch_one(db)
    .await?)
}
