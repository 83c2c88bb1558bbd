//! Sensors.

use super::{Result, Tx, actions::Upserts};
use crate::{
    bus::Event,
    model::{Sensor, SensorId, SensorReport},
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

/// How a sensor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorState {
    /// Its process starts, or its `setup()` has not returned yet.
    Starting,
    /// It watches.
    Running,
    /// It failed and rests before it is tried again.
    Failing,
    /// It ended by itself, without a failure: there is nothing more to watch.
    Finished,
}

impl SensorState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Failing => "failing",
            Self::Finished => "finished",
        }
    }
}

/// How a sensor is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorStatus {
    /// How it stands.
    pub state: SensorState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Its process.
    pub pid: Option<i32>,
    /// Failures in a row.
    pub failures: i32,
    /// What was wrong last.
    pub last_error: Option<String>,
    /// How its last process ended: exit code, or minus the signal.
    pub exit_code: Option<i32>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Events that were stored.
    pub sent: i64,
    /// Events that were refused.
    pub refused: i64,
    /// When the last one was stored.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// The last lines it printed or logged.
    pub log: Vec<String>,
}

/// Enabled sensors, by reference.
pub async fn enabled(db: impl PgExecutor<'_>) -> Result<Vec<Sensor>> {
    let rows = select!("WHERE enabled ORDER BY ref").fetch_all(db).await?;
    Ok(rows.into_iter().map(Sensor::from).collect())
}

/// Enables or disables a sensor.
pub async fn set_enabled(tx: &mut Tx, id: SensorId, enabled: bool) -> Result<()> {
    sqlx::query!("UPDATE sensors SET enabled = $2 WHERE id = $1", id as _, enabled)
        .execute(tx.conn())
        .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Takes the leases of these sensors that nobody holds, or whose holder's own lease (of so many seconds) has ended;
/// answers which are this holder's now.
pub async fn claim(
    db: impl PgExecutor<'_>,
    ids: &[SensorId],
    (node, epoch): (i32, i64),
    lease: f64,
) -> Result<Vec<SensorId>> {
    let rows = sqlx::query!(
        r#"INSERT INTO sensor_states AS old (sensor_id, node_id, node_epoch, state, since)
        SELECT id, $2, $3, 'starting', now() FROM unnest($1::bytea[]) AS wanted (id)
        WHERE EXISTS (SELECT FROM sensors WHERE sensors.id = wanted.id)
        ON CONFLICT (sensor_id) DO UPDATE SET node_id = excluded.node_id, node_epoch = excluded.node_epoch
        WHERE old.node_id IS NULL OR (old.node_id = $2 AND old.node_epoch <= $3)
            OR NOT EXISTS (SELECT FROM nodes WHERE nodes.id = old.node_id AND nodes.epoch = old.node_epoch
                AND nodes.active AND nodes.heartbeat_at >= now() - make_interval(secs => $4))
        RETURNING sensor_id AS "id: SensorId""#,
        ids as _,
        node,
        epoch,
        lease
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| row.id).collect())
}

/// Says how a sensor is doing; `false`: somebody else holds it now.
pub async fn report(
    db: impl PgExecutor<'_>,
    id: SensorId,
    (node, epoch): (i32, i64),
    status: &SensorStatus,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE sensor_states SET state = $4, since = $5, pid = $6, failures = $7, last_error = $8, exit_code = $9,
            retry_at = $10, log = $11, sent = $12, refused = $13, last_sent_at = $14
        WHERE sensor_id = $1 AND node_id = $2 AND node_epoch = $3",
        id as _,
        node,
        epoch,
        status.state.as_str(),
        status.since,
        status.pid,
        status.failures,
        status.last_error,
        status.exit_code,
        status.retry_at,
        &status.log,
        status.sent,
        status.refused,
        status.last_sent_at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives leases back; nothing is left to tell of sensors that run nowhere.
pub async fn release(db: impl PgExecutor<'_>, ids: &[SensorId], (node, epoch): (i32, i64)) -> Result<()> {
    sqlx::query!(
        "DELETE FROM sensor_states WHERE sensor_id = ANY($1) AND node_id = $2 AND node_epoch = $3",
        ids as _,
        node,
        epoch
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How a sensor is doing, if anybody runs it.
pub async fn find_report(db: impl PgExecutor<'_>, id: SensorId) -> Result<Option<SensorReport>> {
    Ok(sqlx::query_as!(
        SensorReport,
        r#"SELECT state, since, nodes.name AS "node?", sensor_states.pid, failures, last_error, exit_code, retry_at,
            sent, refused, last_sent_at, log
        FROM sensor_states LEFT JOIN nodes ON nodes.id = node_id WHERE sensor_id = $1"#,
        id as _
    )
    .fetch_optional(db)
    .await?)
}
