//! Users. They come to be on first login and with their first API key; nothing deletes them over HTTP.

use super::{Result, Tx, actions::text};
use crate::model::{User, UserId};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

struct Row {
    id: UserId,
    name: String,
    is_service: bool,
    password_hash: Option<String>,
    nicknames: Json<Map<String, Value>>,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            is_service: row.is_service,
            password_hash: row.password_hash,
            nicknames: row.nicknames.0,
        }
    }
}

/// The user of that name.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> Result<Option<User>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", name, is_service, password_hash, nicknames AS "nicknames: _"
           FROM users WHERE name = $1"#,
        name
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(User::from))
}

/// Names of the users known as `nickname` to `origin`; more than one is an administrator's mistake.
pub async fn names_by_nickname(db: impl PgExecutor<'_>, origin: &str, nickname: &str) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        "SELECT name FROM users WHERE nicknames ->> $1 = $2 ORDER BY name LIMIT 2",
        origin,
        nickname
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Whether there is any user yet.
pub async fn exist(db: impl PgExecutor<'_>) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "any!""#).fetch_one(db).await?)
}

/// Makes sure the user exists.
pub async fn ensure(tx: &mut Tx, name: &str) -> Result<()> {
    sqlx::query!(
        "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        UserId::generate() as _,
        name
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Inserts a user or replaces everything of him but his id.
pub async fn upsert(tx: &mut Tx, user: &User) -> Result<()> {
    sqlx::query!(
        "INSERT INTO users (id, name, is_service, password_hash, nicknames) VALUES ($1, $2, $3, $4, $5::text::json)
         ON CONFLICT (name) DO UPDATE SET is_service = excluded.is_service,
             password_hash = excluded.password_hash, nicknames = excluded.nicknames",
        user.id as _,
        user.name,
        user.is_service,
        user.password_hash,
        text(&user.nicknames)
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets one transaction at a time past this point, for the first start. Reads go on meanwhile.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    sqlx::query!("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(tx.conn()).await?;
    Ok(())
}
