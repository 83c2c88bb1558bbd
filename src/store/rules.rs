//! Rules and rule types.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::Event,
    model::{Rule, RuleId, RuleType, RuleTypeId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};

/// Columns as they are kept.
struct RuleRow {
    id: RuleId,
    pack: String,
    name: String,
    description: Option<String>,
    enabled: bool,
    rule_type: String,
    type_parameters: Json<Map<String, Value>>,
    trigger: String,
    criteria: Json<Map<String, Value>>,
    action: String,
    action_parameters: Json<Map<String, Value>>,
    action_description: Option<String>,
    context: Json<Map<String, Value>>,
    tags: Json<Vec<Value>>,
    metadata_file: String,
}

impl From<RuleRow> for Rule {
    fn from(row: RuleRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            rule_type: row.rule_type,
            type_parameters: row.type_parameters.0,
            trigger: row.trigger,
            criteria: row.criteria.0,
            action: row.action,
            action_parameters: row.action_parameters.0,
            action_description: row.action_description,
            context: row.context.0,
            tags: row.tags.0,
            metadata_file: row.metadata_file,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            RuleRow,
            r#"SELECT id AS "id: RuleId", pack, name, description, enabled, type AS rule_type,
                type_parameters AS "type_parameters: Json<Map<String, Value>>", trigger,
                criteria AS "criteria: Json<Map<String, Value>>", action,
                action_parameters AS "action_parameters: Json<Map<String, Value>>", action_description,
                context AS "context: Json<Map<String, Value>>", tags AS "tags: Json<Vec<Value>>",
                metadata_file
            FROM rules "# + $rest
            $(, $argument)*
        )
    };
}

/// Columns as they are kept.
struct RuleTypeRow {
    id: RuleTypeId,
    name: String,
    description: String,
    enabled: bool,
    parameters: Json<Map<String, Value>>,
}

impl From<RuleTypeRow> for RuleType {
    fn from(row: RuleTypeRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            parameters: row.parameters.0,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! types {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            RuleTypeRow,
            r#"SELECT id AS "id: RuleTypeId", name, description, enabled,
                parameters AS "parameters: Json<Map<String, Value>>"
            FROM rule_types "# + $rest
            $(, $argument)*
        )
    };
}

/// The rule of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Rule>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Rule::from))
}

/// The rule of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: RuleId) -> Result<Option<Rule>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[RuleId]) -> Result<Vec<Rule>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Rule::from).collect())
}

/// The enabled rules that wait for one of these triggers, in the order they were made.
pub async fn list_enabled_for(db: impl PgExecutor<'_>, triggers: &[String]) -> Result<Vec<Rule>> {
    let rows = select!("WHERE trigger = ANY($1) AND enabled ORDER BY id", triggers).fetch_all(db).await?;
    Ok(rows.into_iter().map(Rule::from).collect())
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[Rule]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/rules_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| it.rule_type.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.type_parameters)).collect::<Vec<_>>(),
        &all().map(|it| it.trigger.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.criteria)).collect::<Vec<_>>(),
        &all().map(|it| it.action.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.action_parameters)).collect::<Vec<_>>(),
        &all().map(|it| it.action_description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.context)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.tags)).collect::<Vec<_>>(),
        &all().map(|it| it.metadata_file.as_str()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Makes a rule.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its reference is taken.
pub async fn insert(tx: &mut Tx, it: &Rule) -> Result<()> {
    sqlx::query!(
        "INSERT INTO rules (id, pack, name, description, enabled, type, type_parameters, trigger, criteria, action,
             action_parameters, action_description, context, tags, metadata_file)
         VALUES ($1, $2, $3, $4, $5, $6, $7::text::json, $8, $9::text::json, $10, $11::text::json, $12,
             $13::text::json, $14::text::json, $15)",
        it.id as _,
        it.pack,
        it.name,
        it.description,
        it.enabled,
        it.rule_type,
        text(&it.type_parameters),
        it.trigger,
        text(&it.criteria),
        it.action,
        text(&it.action_parameters),
        it.action_description,
        text(&it.context),
        text(&it.tags),
        it.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Replaces the rule of the same id. `false`: it is gone.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its new reference is taken.
pub async fn update(tx: &mut Tx, it: &Rule) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE rules SET pack = $2, name = $3, description = $4, enabled = $5, type = $6,
             type_parameters = $7::text::json, trigger = $8, criteria = $9::text::json, action = $10,
             action_parameters = $11::text::json, action_description = $12, context = $13::text::json,
             tags = $14::text::json, metadata_file = $15
         WHERE id = $1",
        it.id as _,
        it.pack,
        it.name,
        it.description,
        it.enabled,
        it.rule_type,
        text(&it.type_parameters),
        it.trigger,
        text(&it.criteria),
        it.action,
        text(&it.action_parameters),
        it.action_description,
        text(&it.context),
        text(&it.tags),
        it.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(done.rows_affected() > 0)
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[RuleId]) -> Result<u64> {
    let deleted = sqlx::query!("DELETE FROM rules WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// The rule type of this name, if there is one.
pub async fn find_type(db: impl PgExecutor<'_>, name: &str) -> Result<Option<RuleType>> {
    let row = types!("WHERE name = $1", name).fetch_optional(db).await?;
    Ok(row.map(RuleType::from))
}

/// The rule type of this id, if there is one.
pub async fn find_type_by_id(db: impl PgExecutor<'_>, id: RuleTypeId) -> Result<Option<RuleType>> {
    Ok(list_type_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_type_by_ids(db: impl PgExecutor<'_>, ids: &[RuleTypeId]) -> Result<Vec<RuleType>> {
    let rows = types!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(RuleType::from).collect())
}

/// Registers them, each name once; those there keep their ids. Says how many are new or differ.
pub async fn upsert_type(tx: &mut Tx, given: &[RuleType]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/rule_types_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| text(&it.parameters)).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// References of the triggers these rules wait for.
pub async fn triggers_of(db: impl PgExecutor<'_>, references: &[String]) -> Result<Vec<String>> {
    let rows = sqlx::query_scalar!("SELECT DISTINCT trigger FROM rules WHERE ref = ANY($1)", references);
    Ok(rows.fetch_all(db).await?)
}

/// The rule types, in the order they were made.
pub async fn all_types(db: impl PgExecutor<'_>) -> Result<Vec<RuleType>> {
    let rows = types!("ORDER BY id").fetch_all(db).await?;
    Ok(rows.into_iter().map(RuleType::from).collect())
}
