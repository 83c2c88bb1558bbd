//! What packs can be configured with, and with what they are: one row of each per pack.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::Event,
    model::{ConfigId, ConfigSchema, ConfigSchemaId, PackConfig},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

/// Columns as they are kept.
struct ConfigSchemaRow {
    id: ConfigSchemaId,
    pack: String,
    attributes: Json<Map<String, Value>>,
}

impl From<ConfigSchemaRow> for ConfigSchema {
    fn from(row: ConfigSchemaRow) -> Self {
        Self { id: row.id, pack: row.pack, attributes: row.attributes.0 }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! schemas {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ConfigSchemaRow,
            r#"SELECT id AS "id: ConfigSchemaId", pack, attributes AS "attributes: Json<Map<String, Value>>"
            FROM config_schemas "# + $rest
            $(, $argument)*
        )
    };
}

/// Columns as they are kept.
struct PackConfigRow {
    id: ConfigId,
    pack: String,
    values: Json<Map<String, Value>>,
}

impl From<PackConfigRow> for PackConfig {
    fn from(row: PackConfigRow) -> Self {
        Self { id: row.id, pack: row.pack, values: row.values.0 }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! configs {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PackConfigRow,
            r#"SELECT id AS "id: ConfigId", pack, given AS "values: Json<Map<String, Value>>"
            FROM configs "# + $rest
            $(, $argument)*
        )
    };
}

/// The configuration schema of this pack, if there is one.
pub async fn find_schema(db: impl PgExecutor<'_>, pack: &str) -> Result<Option<ConfigSchema>> {
    let row = schemas!("WHERE pack = $1", pack).fetch_optional(db).await?;
    Ok(row.map(ConfigSchema::from))
}

/// The configuration schema of this id, if there is one.
pub async fn find_schema_by_id(db: impl PgExecutor<'_>, id: ConfigSchemaId) -> Result<Option<ConfigSchema>> {
    Ok(list_schema_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_schema_by_ids(
    db: impl PgExecutor<'_>,
    ids: &[ConfigSchemaId],
) -> Result<Vec<ConfigSchema>> {
    let rows = schemas!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(ConfigSchema::from).collect())
}

/// The configuration schemas of these packs, where there are any.
pub async fn schemas_of(db: impl PgExecutor<'_>, packs: &[&str]) -> Result<Vec<ConfigSchema>> {
    let rows = schemas!("WHERE pack = ANY($1)", packs as _);
    Ok(rows.fetch_all(db).await?.into_iter().map(ConfigSchema::from).collect())
}

/// Registers them, each pack once; those there keep their ids. Says how many are new or differ.
pub async fn upsert_schema(tx: &mut Tx, given: &[ConfigSchema]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/config_schemas_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.attributes)).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete_schema(tx: &mut Tx, ids: &[ConfigSchemaId]) -> Result<u64> {
    let deleted =
        sqlx::query!("DELETE FROM config_schemas WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// The configuration of this pack, if there is one.
pub async fn find(db: impl PgExecutor<'_>, pack: &str) -> Result<Option<PackConfig>> {
    let row = configs!("WHERE pack = $1", pack).fetch_optional(db).await?;
    Ok(row.map(PackConfig::from))
}

/// The configuration of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: ConfigId) -> Result<Option<PackConfig>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[ConfigId]) -> Result<Vec<PackConfig>> {
    let rows = configs!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(PackConfig::from).collect())
}

/// Registers them, each pack once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[PackConfig]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/configs_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.values)).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[ConfigId]) -> Result<u64> {
    let deleted = sqlx::query!("DELETE FROM configs WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// Removes what a pack can be configured with, and with what it is.
pub async fn delete_of_pack(tx: &mut Tx, pack: &str) -> Result<()> {
    sqlx::query!("DELETE FROM config_schemas WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM configs WHERE pack = $1", pack).execute(tx.conn()).await?;
    tx.emit(Event::Content);
    Ok(())
}
