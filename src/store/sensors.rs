//! Sensors.

use super::{Result, Tx, actions::Upserts};
use crate::{
    bus::Event,
    model::{Sensor, SensorId},
};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Columns as they are kept.
struct SensorRow {
    id: SensorId,
    pack: String,
    name: String,
    description: Option<String>,
    artifact_uri: String,
    entry_point: String,
    enabled: bool,
    trigger_types: Vec<String>,
    poll_interval: Option<i32>,
    metadata_file: String,
    source_changed_at: DateTime<Utc>,
}

impl From<SensorRow> for Sensor {
    fn from(row: SensorRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            artifact_uri: row.artifact_uri,
            entry_point: row.entry_point,
            enabled: row.enabled,
            trigger_types: row.trigger_types,
            poll_interval: row.poll_interval,
            metadata_file: row.metadata_file,
            source_changed_at: row.source_changed_at,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            SensorRow,
            r#"SELECT id AS "id: SensorId", pack, name, description, artifact_uri, entry_point, enabled,
                trigger_types, poll_interval, metadata_file, source_changed_at
            FROM sensors "# + $rest
            $(, $argument)*
        )
    };
}

/// The sensor of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Sensor>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Sensor::from))
}

/// The sensor of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: SensorId) -> Result<Option<Sensor>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[SensorId]) -> Result<Vec<Sensor>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Sensor::from).collect())
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[Sensor]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/sensors_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| it.artifact_uri.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.entry_point.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| it.trigger_types.join("\n")).collect::<Vec<_>>() as _,
        &all().map(|it| it.poll_interval).collect::<Vec<_>>() as _,
        &all().map(|it| it.metadata_file.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.source_changed_at).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[SensorId]) -> Result<u64> {
    let deleted = sqlx::query!("DELETE FROM sensors WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}
