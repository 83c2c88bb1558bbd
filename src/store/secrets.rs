//! Secrets of this installation, made once and shared by all its nodes.

use super::{Result, Tx};
use sqlx::PgExecutor;

/// The secret called `name`; `fresh` becomes it if there was none. Every caller gets the same answer.
pub async fn find_or_insert(tx: &mut Tx, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    // The update changes nothing; it makes the row come back whoever was first.
    let value = sqlx::query_scalar!(
        "INSERT INTO installation_secrets (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = installation_secrets.value RETURNING value",
        name,
        fresh
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(value)
}

/// The secret called `name`, if there is one.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> Result<Option<Vec<u8>>> {
    let value = sqlx::query_scalar!("SELECT value FROM installation_secrets WHERE name = $1", name);
    Ok(value.fetch_optional(db).await?)
}

/// Keeps `value` as the secret called `name`, whatever was there before.
pub async fn set(tx: &mut Tx, name: &str, value: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO installation_secrets (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
