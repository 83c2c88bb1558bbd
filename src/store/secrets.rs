//! Secrets of this installation, made once and shared by all its nodes.

use super::{Result, Tx};

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
