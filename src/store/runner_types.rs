//! Runner types: the registered descriptions of runners. Their rows come from the program; only `enabled` is the
//! administrator's.

use super::{Result, Tx, actions::text};
use crate::{
    bus::Event,
    model::{RunnerType, RunnerTypeId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

/// Columns as they are kept.
pub(super) struct RunnerTypeRow {
    pub(super) id: RunnerTypeId,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) enabled: bool,
    pub(super) runner_package: String,
    pub(super) runner_module: String,
    pub(super) runner_parameters: Json<Map<String, Value>>,
    pub(super) output_key: Option<String>,
    pub(super) output_schema: Json<Value>,
}

impl From<RunnerTypeRow> for RunnerType {
    fn from(row: RunnerTypeRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            runner_package: row.runner_package,
            runner_module: row.runner_module,
            runner_parameters: row.runner_parameters.0,
            output_key: row.output_key,
            output_schema: row.output_schema.0,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            RunnerTypeRow,
            r#"SELECT id AS "id: RunnerTypeId", name, description, enabled, runner_package, runner_module,
                runner_parameters AS "runner_parameters: Json<Map<String, Value>>",
                output_key,
                output_schema AS "output_schema: Json<Value>"
            FROM runner_types "# + $rest
            $(, $argument)*
        )
    };
}

/// The runner type of this name, if there is one.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> Result<Option<RunnerType>> {
    let row = select!("WHERE name = $1", name).fetch_optional(db).await?;
    Ok(row.map(RunnerType::from))
}

/// The runner type of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: RunnerTypeId) -> Result<Option<RunnerType>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// The runner types of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[RunnerTypeId]) -> Result<Vec<RunnerType>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(RunnerType::from).collect())
}

/// Every runner type, by name.
pub async fn all(db: impl PgExecutor<'_>) -> Result<Vec<RunnerType>> {
    let rows = select!("ORDER BY name").fetch_all(db).await?;
    Ok(rows.into_iter().map(RunnerType::from).collect())
}

/// Registers runner types. Those there keep their ids, and stay disabled if somebody disabled them.
pub async fn upsert(tx: &mut Tx, types: &[RunnerType]) -> Result<()> {
    let all = || types.iter();
    sqlx::query_file!(
        "src/store/sql/runner_types_upsert.sql",
        &all().map(|t| t.id).collect::<Vec<_>>() as _,
        &all().map(|t| t.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|t| t.description.as_str()).collect::<Vec<_>>() as _,
        &all().map(|t| t.enabled).collect::<Vec<_>>(),
        &all().map(|t| t.runner_package.as_str()).collect::<Vec<_>>() as _,
        &all().map(|t| t.runner_module.as_str()).collect::<Vec<_>>() as _,
        &all().map(|t| text(&t.runner_parameters)).collect::<Vec<_>>(),
        &all().map(|t| t.output_key.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|t| text(&t.output_schema)).collect::<Vec<_>>(),
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Enables or disables a runner type. `false`: there is none of this id.
pub async fn set_enabled(tx: &mut Tx, id: RunnerTypeId, enabled: bool) -> Result<bool> {
    let updated = sqlx::query!("UPDATE runner_types SET enabled = $2 WHERE id = $1", id as _, enabled)
        .execute(tx.conn())
        .await?;
    tx.emit(Event::Content);
    Ok(updated.rows_affected() > 0)
}
