//! Action aliases.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::{AliasEvent, Change, Event},
    model::{Alias, AliasId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};
use std::sync::{Arc, OnceLock};

/// Columns as they are kept.
struct AliasRow {
    id: AliasId,
    pack: String,
    name: String,
    description: Option<String>,
    enabled: bool,
    action_ref: String,
    formats: Json<Vec<Value>>,
    ack: Json<Map<String, Value>>,
    result: Json<Map<String, Value>>,
    extra: Json<Map<String, Value>>,
    immutable_parameters: Json<Map<String, Value>>,
    metadata_file: String,
}

impl From<AliasRow> for Alias {
    fn from(row: AliasRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            action_ref: row.action_ref,
            formats: row.formats.0,
            ack: row.ack.0,
            result: row.result.0,
            extra: row.extra.0,
            immutable_parameters: row.immutable_parameters.0,
            metadata_file: row.metadata_file,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            AliasRow,
            r#"SELECT id AS "id: AliasId", pack, name, description, enabled, action_ref,
                formats AS "formats: Json<Vec<Value>>", ack AS "ack: Json<Map<String, Value>>",
                result AS "result: Json<Map<String, Value>>",
                extra AS "extra: Json<Map<String, Value>>",
                immutable_parameters AS "immutable_parameters: Json<Map<String, Value>>", metadata_file
            FROM aliases "# + $rest
            $(, $argument)*
        )
    };
}

/// The alias of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Alias>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Alias::from))
}

/// The alias of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: AliasId) -> Result<Option<Alias>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[AliasId]) -> Result<Vec<Alias>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Alias::from).collect())
}

/// Those that are switched on, by pack and name.
pub async fn enabled(db: impl PgExecutor<'_>) -> Result<Vec<Alias>> {
    let rows = select!("WHERE enabled ORDER BY pack, name").fetch_all(db).await?;
    Ok(rows.into_iter().map(Alias::from).collect())
}

/// Those of this name, whatever their pack; the oldest first.
pub async fn named(db: impl PgExecutor<'_>, name: &str) -> Result<Vec<Alias>> {
    let rows = select!("WHERE name = $1 ORDER BY id", name).fetch_all(db).await?;
    Ok(rows.into_iter().map(Alias::from).collect())
}

/// Stores a new alias.
///
/// # Errors
/// [`super::Error::Duplicate`] if there is one of this reference.
pub async fn insert(tx: &mut Tx, alias: &Alias) -> Result<()> {
    sqlx::query!(
        "INSERT INTO aliases (id, pack, name, description, enabled, action_ref, formats, ack, result, extra,
            immutable_parameters, metadata_file)
        VALUES ($1, $2, $3, $4, $5, $6, $7::text::json, $8::text::json, $9::text::json, $10::text::json,
            $11::text::json, $12)",
        alias.id as _,
        alias.pack,
        alias.name,
        alias.description,
        alias.enabled,
        alias.action_ref,
        text(&alias.formats),
        text(&alias.ack),
        text(&alias.result),
        text(&alias.extra),
        text(&alias.immutable_parameters),
        alias.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tell(tx, Change::Create, alias.clone());
    Ok(())
}

/// Replaces everything of the alias of this id. `false`: there is none.
///
/// # Errors
/// [`super::Error::Duplicate`] if its new reference is taken by another.
pub async fn update(tx: &mut Tx, alias: &Alias) -> Result<bool> {
    let updated = sqlx::query!(
        "UPDATE aliases SET pack = $2, name = $3, description = $4, enabled = $5, action_ref = $6,
            formats = $7::text::json, ack = $8::text::json, result = $9::text::json, extra = $10::text::json,
            immutable_parameters = $11::text::json, metadata_file = $12
        WHERE id = $1",
        alias.id as _,
        alias.pack,
        alias.name,
        alias.description,
        alias.enabled,
        alias.action_ref,
        text(&alias.formats),
        text(&alias.ack),
        text(&alias.result),
        text(&alias.extra),
        text(&alias.immutable_parameters),
        alias.metadata_file,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    if updated > 0 {
        tell(tx, Change::Update, alias.clone());
    }
    Ok(updated > 0)
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[Alias]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file!(
        "src/store/sql/aliases_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| it.action_ref.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.formats)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.ack)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.result)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.extra)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.immutable_parameters)).collect::<Vec<_>>(),
        &all().map(|it| it.metadata_file.as_str()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    for row in &rows {
        if let Some(alias) = all().find(|it| it.pack == row.pack && it.name == row.name) {
            let change = if row.inserted { Change::Create } else { Change::Update };
            tell(tx, change, Alias { id: row.id, ..alias.clone() });
        }
    }
    let inserted: Vec<bool> = rows.iter().map(|row| row.inserted).collect();
    Ok(Upserts::told(tx, &inserted))
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[AliasId]) -> Result<u64> {
    let there = list_by_ids(&mut *tx.conn(), ids).await?;
    let deleted = sqlx::query!("DELETE FROM aliases WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    for alias in there {
        tell(tx, Change::Delete, alias);
    }
    Ok(deleted.rows_affected())
}

/// Tells those who follow the stream of an alias, and those who keep what was made of content that it is stale.
fn tell(tx: &mut Tx, change: Change, alias: Alias) {
    tx.emit(Event::Alias(Arc::new(AliasEvent { change, alias, frame: OnceLock::new() })));
    tx.emit(Event::Content);
}
