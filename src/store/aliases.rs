//! Action aliases.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::Event,
    model::{Alias, AliasId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

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

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[Alias]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
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
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[AliasId]) -> Result<u64> {
    let deleted = sqlx::query!("DELETE FROM aliases WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}
