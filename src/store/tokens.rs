//! Tokens people asked for, by the hash of their text.

use super::{Result, Tx, actions::text};
use crate::model::{ExecutionId, Token, TokenId};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

/// Keeps a token under the SHA-256 of its text.
pub async fn insert(tx: &mut Tx, token: &Token, hash: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO tokens (id, hash, user_name, expires_at, service, metadata)
         VALUES ($1, $2, $3, $4, $5, $6::text::json)",
        token.id as _,
        hash,
        token.user,
        token.expiry,
        token.service,
        text(&token.metadata)
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The token whose text has this SHA-256.
pub async fn find_by_hash(db: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<Token>> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: TokenId", user_name, expires_at, service,
                  metadata AS "metadata: Json<Map<String, Value>>"
           FROM tokens WHERE hash = $1"#,
        hash
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Token {
        id: row.id,
        user: row.user_name,
        expiry: row.expires_at,
        service: row.service,
        metadata: row.metadata.0,
    }))
}

/// Throws away what expired before `moment`; tells how many.
pub async fn delete_expired(tx: &mut Tx, moment: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM tokens WHERE expires_at < $1", moment).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

/// Whether the execution a token was made for has not ended.
pub async fn execution_runs(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<bool> {
    let runs = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM executions WHERE id = $1 AND ended_at IS NULL) AS "runs!""#,
        id as _
    )
    .fetch_one(db)
    .await?;
    Ok(runs)
}
