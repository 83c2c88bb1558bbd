//! Actions: what can be run.
//!
//! Looking one up for an execution is [`find_runnable`]: one statement for the action and its runner type. Its
//! callers keep the answer until [`Event::Content`] tells them that content changed.

use super::{Result, Tx, runner_types::RunnerTypeRow};
use crate::{
    bus::Event,
    model::{Action, ActionId, NewAction, RunnerType, RunnerTypeId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

/// The names of an action's tags, for the conditions of a [`super::listing::Listing`].
pub const TAG_NAMES: &str = "ARRAY(SELECT tag ->> 'name' FROM json_array_elements(tags) AS tag)";

/// What registering did to the rows; those that were there just so are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upserts {
    /// New ones.
    pub inserted: usize,
    /// Those that were there and differed.
    pub updated: usize,
}

impl Upserts {
    /// Counts what an upsert returned, and tells everybody if it is anything.
    pub(super) fn told(tx: &mut Tx, inserted: &[bool]) -> Self {
        let new = inserted.iter().filter(|inserted| **inserted).count();
        if !inserted.is_empty() {
            tx.emit(Event::Content);
        }
        Self { inserted: new, updated: inserted.len() - new }
    }
}

impl std::ops::AddAssign for Upserts {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
    }
}

/// Columns as they are kept.
struct ActionRow {
    id: ActionId,
    pack: String,
    name: String,
    description: Option<String>,
    enabled: bool,
    runner_type: String,
    entry_point: String,
    parameters: Json<Map<String, Value>>,
    output_schema: Json<Value>,
    tags: Json<Vec<Value>>,
    notify: Json<Map<String, Value>>,
    metadata_file: String,
}

impl From<ActionRow> for Action {
    fn from(row: ActionRow) -> Self {
        let spec = NewAction {
            pack: row.pack,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            runner_type: row.runner_type,
            entry_point: row.entry_point,
            parameters: row.parameters.0,
            output_schema: row.output_schema.0,
            tags: row.tags.0,
            notify: row.notify.0,
            metadata_file: row.metadata_file,
        };
        Self { id: row.id, spec }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ActionRow,
            r#"SELECT id AS "id: ActionId", pack, name, description, enabled, runner_type, entry_point,
                parameters AS "parameters: Json<Map<String, Value>>",
                output_schema AS "output_schema: Json<Value>",
                tags AS "tags: Json<Vec<Value>>",
                notify AS "notify: Json<Map<String, Value>>",
                metadata_file
            FROM actions "# + $rest
            $(, $argument)*
        )
    };
}

/// The action of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Action>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Action::from))
}

/// The action of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: ActionId) -> Result<Option<Action>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// An action and the runner type that runs it, if there is such an action.
pub async fn find_runnable(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<(Action, RunnerType)>> {
    let row = sqlx::query_file!("src/store/sql/action_runnable.sql", reference).fetch_optional(db).await?;
    Ok(row.map(|row| {
        let action = ActionRow {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            runner_type: row.runner_type,
            entry_point: row.entry_point,
            parameters: row.parameters,
            output_schema: row.output_schema,
            tags: row.tags,
            notify: row.notify,
            metadata_file: row.metadata_file,
        };
        let runner = RunnerTypeRow {
            id: row.runner_id,
            name: action.runner_type.clone(),
            description: row.runner_description,
            enabled: row.runner_enabled,
            runner_package: row.runner_package,
            runner_module: row.runner_module,
            runner_parameters: row.runner_parameters,
            output_key: row.runner_output_key,
            output_schema: row.runner_output_schema,
        };
        (action.into(), runner.into())
    }))
}

/// The actions of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[ActionId]) -> Result<Vec<Action>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Action::from).collect())
}

/// Stores a new action.
///
/// # Errors
/// [`super::Error::Duplicate`] if there is one of this reference.
pub async fn insert(tx: &mut Tx, spec: NewAction) -> Result<Action> {
    let action = Action { id: ActionId::generate(), spec };
    let spec = &action.spec;
    sqlx::query!(
        "INSERT INTO actions (id, pack, name, description, enabled, runner_type, entry_point,
            parameters, output_schema, tags, notify, metadata_file)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9::text::json, $10::text::json, $11::text::json,
            $12)",
        action.id as _,
        spec.pack,
        spec.name,
        spec.description,
        spec.enabled,
        spec.runner_type,
        spec.entry_point,
        text(&spec.parameters),
        text(&spec.output_schema),
        text(&spec.tags),
        text(&spec.notify),
        spec.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(action)
}

/// Replaces everything of an action but its id. `false`: there is none of this id.
///
/// # Errors
/// [`super::Error::Duplicate`] if its new reference is taken by another.
pub async fn update(tx: &mut Tx, id: ActionId, spec: &NewAction) -> Result<bool> {
    let updated = sqlx::query!(
        "UPDATE actions SET pack = $2, name = $3, description = $4, enabled = $5, runner_type = $6,
            entry_point = $7, parameters = $8::text::json, output_schema = $9::text::json, tags = $10::text::json,
            notify = $11::text::json, metadata_file = $12
        WHERE id = $1",
        id as _,
        spec.pack,
        spec.name,
        spec.description,
        spec.enabled,
        spec.runner_type,
        spec.entry_point,
        text(&spec.parameters),
        text(&spec.output_schema),
        text(&spec.tags),
        text(&spec.notify),
        spec.metadata_file,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    tx.emit(Event::Content);
    Ok(updated > 0)
}

/// Registers any number of actions in one statement: new ones are inserted, those there keep their ids.
///
/// No reference may occur twice among them.
pub async fn upsert(tx: &mut Tx, specs: &[NewAction]) -> Result<Upserts> {
    let all = || specs.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/actions_upsert.sql",
        &all().map(|_| ActionId::generate()).collect::<Vec<_>>() as _,
        &all().map(|a| a.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|a| a.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|a| a.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|a| a.enabled).collect::<Vec<_>>(),
        &all().map(|a| a.runner_type.as_str()).collect::<Vec<_>>() as _,
        &all().map(|a| a.entry_point.as_str()).collect::<Vec<_>>() as _,
        &all().map(|a| text(&a.parameters)).collect::<Vec<_>>(),
        &all().map(|a| text(&a.output_schema)).collect::<Vec<_>>(),
        &all().map(|a| text(&a.tags)).collect::<Vec<_>>(),
        &all().map(|a| text(&a.notify)).collect::<Vec<_>>(),
        &all().map(|a| a.metadata_file.as_str()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes an action. `false`: there is none of this id.
pub async fn delete(tx: &mut Tx, id: ActionId) -> Result<bool> {
    let deleted = sqlx::query!("DELETE FROM actions WHERE id = $1", id as _).execute(tx.conn()).await?;
    tx.emit(Event::Content);
    Ok(deleted.rows_affected() > 0)
}

/// Removes all actions of a pack; says how many.
pub async fn delete_of_pack(tx: &mut Tx, pack: &str) -> Result<u64> {
    let deleted = sqlx::query!("DELETE FROM actions WHERE pack = $1", pack).execute(tx.conn()).await?;
    tx.emit(Event::Content);
    Ok(deleted.rows_affected())
}

/// JSON travels as text: as a value of its own it would be `jsonb` on the way, which sorts the keys.
pub(super) fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("JSON values can be written")
}
