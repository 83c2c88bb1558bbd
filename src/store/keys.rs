//! The datastore. What has expired is absent for every reader, whether it was collected or not; `now` is the reader's.

use super::{Result, Tx};
use crate::model::{KeyName, KeyValue, KeyValueId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

struct Row {
    id: KeyValueId,
    owner: String,
    name: String,
    value: Vec<u8>,
    description: Option<String>,
    secret: bool,
    expires_at: Option<DateTime<Utc>>,
}

impl From<Row> for KeyValue {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            key: KeyName { owner: row.owner, name: row.name },
            value: text(row.value),
            description: row.description,
            secret: row.secret,
            expires_at: row.expires_at,
        }
    }
}

/// Only UTF-8 is ever written.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What a write found.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The id it has: its own from before, or the one proposed.
    pub id: KeyValueId,
    /// The entry before, if the key was there.
    pub before: Option<KeyValue>,
}

/// The entry of this key.
pub async fn find(db: impl PgExecutor<'_>, key: &KeyName, now: DateTime<Utc>) -> Result<Option<KeyValue>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", owner, name, value, description, secret, expires_at
           FROM key_values WHERE owner = $1 AND name = $2 AND (expires_at IS NULL OR expires_at > $3)"#,
        key.owner,
        key.name,
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(KeyValue::from))
}

/// The entries of these keys, in any order.
pub async fn find_many(
    db: impl PgExecutor<'_>,
    keys: &[KeyName],
    now: DateTime<Utc>,
) -> Result<Vec<KeyValue>> {
    let owners: Vec<String> = keys.iter().map(|key| key.owner.clone()).collect();
    let names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT kv.id AS "id: _", kv.owner, kv.name, kv.value, kv.description, kv.secret, kv.expires_at
           FROM unnest($1::text[], $2::text[]) AS wanted (owner, name)
           JOIN key_values kv ON kv.owner = wanted.owner AND kv.name = wanted.name
           WHERE kv.expires_at IS NULL OR kv.expires_at > $3"#,
        &owners,
        &names,
        now
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(KeyValue::from).collect())
}

/// The entries with these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[KeyValueId]) -> Result<Vec<KeyValue>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", owner, name, value, description, secret, expires_at
           FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place)
           JOIN key_values ON id = wanted_id ORDER BY place"#,
        ids as _
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(KeyValue::from).collect())
}

/// Writes an entry. One that is there keeps its id; one that has expired makes room for a new one. Of several writers at
/// a time each sees what the one before it wrote.
pub async fn put(tx: &mut Tx, entry: &KeyValue, now: DateTime<Utc>) -> Result<Written> {
    loop {
        if let Some(before) = lock(tx, &entry.key).await? {
            let before = (before.expires_at.is_none_or(|at| at > now)).then_some(before);
            let id = before.as_ref().map_or(entry.id, |before| before.id);
            sqlx::query!(
                "UPDATE key_values SET id = $3, value = $4, description = $5, secret = $6, expires_at = $7
                 WHERE owner = $1 AND name = $2",
                entry.key.owner,
                entry.key.name,
                id as _,
                entry.value.as_bytes(),
                entry.description,
                entry.secret,
                entry.expires_at,
            )
            .execute(tx.conn())
            .await?;
            return Ok(Written { id, before });
        }
        let made = sqlx::query!(
            "INSERT INTO key_values (id, owner, name, value, description, secret, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner, name) DO NOTHING",
            entry.id as _,
            entry.key.owner,
            entry.key.name,
            entry.value.as_bytes(),
            entry.description,
            entry.secret,
            entry.expires_at,
        )
        .execute(tx.conn())
        .await?;
        if made.rows_affected() > 0 {
            return Ok(Written { id: entry.id, before: None });
        }
        // Somebody else made it in between.
    }
}

/// The row of a key, which nobody else writes until the transaction ends.
async fn lock(tx: &mut Tx, key: &KeyName) -> Result<Option<KeyValue>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", owner, name, value, description, secret, expires_at
           FROM key_values WHERE owner = $1 AND name = $2 FOR UPDATE"#,
        key.owner,
        key.name
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(KeyValue::from))
}

/// Deletes an entry and returns it, if it was there.
pub async fn delete(tx: &mut Tx, key: &KeyName, now: DateTime<Utc>) -> Result<Option<KeyValue>> {
    let row = sqlx::query_as!(
        Row,
        r#"DELETE FROM key_values WHERE owner = $1 AND name = $2
           RETURNING id AS "id: _", owner, name, value, description, secret, expires_at"#,
        key.owner,
        key.name
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(KeyValue::from).filter(|entry| entry.expires_at.is_none_or(|at| at > now)))
}

/// Throws away at most `most` entries that expired before `now`; tells how many. Leaves those alone that somebody
/// writes at the moment.
pub async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>, most: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM key_values WHERE id IN (
             SELECT id FROM key_values WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        most
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// When the next entry expires.
pub async fn next_expiry(db: impl PgExecutor<'_>) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!("SELECT min(expires_at) FROM key_values").fetch_one(db).await?)
}

/// Whether any value is kept encrypted.
pub async fn has_secrets(db: impl PgExecutor<'_>) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM key_values WHERE secret) AS "has!""#)
        .fetch_one(db)
        .await?)
}
