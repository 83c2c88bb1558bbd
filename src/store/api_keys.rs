//! API keys, by id or by the hash of their text.

use super::{Result, Tx, actions::text};
use crate::model::{ApiKey, ApiKeyId};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

struct Row {
    id: ApiKeyId,
    key_hash: String,
    user_name: String,
    metadata: Json<Map<String, Value>>,
    created_at: DateTime<Utc>,
    enabled: bool,
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user: row.user_name,
            key_hash: row.key_hash,
            metadata: row.metadata.0,
            created_at: row.created_at,
            enabled: row.enabled,
        }
    }
}

/// The key with this hash.
pub async fn find_by_hash(db: impl PgExecutor<'_>, key_hash: &str) -> Result<Option<ApiKey>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", key_hash, user_name, metadata AS "metadata: _", created_at, enabled
           FROM api_keys WHERE key_hash = $1"#,
        key_hash
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(ApiKey::from))
}

/// The key with this id.
pub async fn find(db: impl PgExecutor<'_>, id: ApiKeyId) -> Result<Option<ApiKey>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// The keys with these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", key_hash, user_name, metadata AS "metadata: _", created_at, enabled
           FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place)
           JOIN api_keys ON id = wanted_id ORDER BY place"#,
        ids as _
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// Keeps a new key.
pub async fn insert(tx: &mut Tx, key: &ApiKey) -> Result<()> {
    sqlx::query!(
        "INSERT INTO api_keys (id, key_hash, user_name, metadata, created_at, enabled)
         VALUES ($1, $2, $3, $4::text::json, $5, $6)",
        key.id as _,
        key.key_hash,
        key.user,
        text(&key.metadata),
        key.created_at,
        key.enabled
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Changes what may change of a key: its user, metadata, and whether it opens.
pub async fn update(tx: &mut Tx, key: &ApiKey) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET user_name = $2, metadata = $3::text::json, enabled = $4 WHERE id = $1",
        key.id as _,
        key.user,
        text(&key.metadata),
        key.enabled
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deletes a key.
pub async fn delete(tx: &mut Tx, id: ApiKeyId) -> Result<()> {
    sqlx::query!("DELETE FROM api_keys WHERE id = $1", id as _).execute(tx.conn()).await?;
    Ok(())
}
