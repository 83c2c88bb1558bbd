//! Policies and policy types.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::Event,
    model::{Policy, PolicyId, PolicyType, PolicyTypeId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};
use std::collections::HashMap;

/// Columns as they are kept.
struct PolicyRow {
    id: PolicyId,
    pack: String,
    name: String,
    description: Option<String>,
    enabled: bool,
    resource_ref: String,
    policy_type: String,
    parameters: Json<Map<String, Value>>,
    metadata_file: String,
}

impl From<PolicyRow> for Policy {
    fn from(row: PolicyRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            resource_ref: row.resource_ref,
            policy_type: row.policy_type,
            parameters: row.parameters.0,
            metadata_file: row.metadata_file,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PolicyRow,
            r#"SELECT id AS "id: PolicyId", pack, name, description, enabled, resource_ref, policy_type,
                parameters AS "parameters: Json<Map<String, Value>>", metadata_file
            FROM policies "# + $rest
            $(, $argument)*
        )
    };
}

/// Columns as they are kept.
struct PolicyTypeRow {
    id: PolicyTypeId,
    resource_type: String,
    name: String,
    description: String,
    enabled: bool,
    module: String,
    parameters: Json<Map<String, Value>>,
}

impl From<PolicyTypeRow> for PolicyType {
    fn from(row: PolicyTypeRow) -> Self {
        Self {
            id: row.id,
            resource_type: row.resource_type,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            module: row.module,
            parameters: row.parameters.0,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! types {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PolicyTypeRow,
            r#"SELECT id AS "id: PolicyTypeId", resource_type, name, description, enabled, module,
                parameters AS "parameters: Json<Map<String, Value>>"
            FROM policy_types "# + $rest
            $(, $argument)*
        )
    };
}

/// The policy of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Policy>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Policy::from))
}

/// The policy of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: PolicyId) -> Result<Option<Policy>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[PolicyId]) -> Result<Vec<Policy>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Policy::from).collect())
}

/// The enabled policies of an action, in the order they were made.
pub async fn of_action(db: impl PgExecutor<'_>, action_ref: &str) -> Result<Vec<Policy>> {
    let rows = select!("WHERE resource_ref = $1 AND enabled ORDER BY id", action_ref);
    Ok(rows.fetch_all(db).await?.into_iter().map(Policy::from).collect())
}

/// All enabled policies that limit the number of executions, in the order they were made.
pub async fn limiting(db: impl PgExecutor<'_>) -> Result<Vec<Policy>> {
    let rows = select!(
        "WHERE enabled AND policy_type IN ('action.concurrency', 'action.concurrency.attr') ORDER BY id"
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Policy::from).collect())
}

/// Stores a new one.
pub async fn insert(tx: &mut Tx, new: &Policy) -> Result<()> {
    sqlx::query!(
        "INSERT INTO policies (id, pack, name, description, enabled, resource_ref, policy_type, parameters,
             metadata_file)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9)",
        new.id as _,
        new.pack,
        new.name,
        new.description,
        new.enabled,
        new.resource_ref,
        new.policy_type,
        text(&new.parameters),
        new.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    check_places(tx).await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Changes everything but the id. `false`: there is none of this id.
pub async fn update(tx: &mut Tx, policy: &Policy) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE policies SET pack = $2, name = $3, description = $4, enabled = $5, resource_ref = $6,
             policy_type = $7, parameters = $8::text::json, metadata_file = $9
         WHERE id = $1",
        policy.id as _,
        policy.pack,
        policy.name,
        policy.description,
        policy.enabled,
        policy.resource_ref,
        policy.policy_type,
        text(&policy.parameters),
        policy.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    check_places(tx).await?;
    tx.emit(Event::Content);
    Ok(done.rows_affected() > 0)
}

/// Two policies at one place are noticed now instead of at the commit.
async fn check_places(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SET CONSTRAINTS policies_policy_type_resource_ref_key IMMEDIATE")
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert(tx: &mut Tx, given: &[Policy]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/policies_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| it.resource_ref.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.policy_type.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.parameters)).collect::<Vec<_>>(),
        &all().map(|it| it.metadata_file.as_str()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[PolicyId]) -> Result<u64> {
    let deleted =
        sqlx::query!("DELETE FROM policies WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// The policy type of this reference (`pack.name`), if there is one.
pub async fn find_type(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<PolicyType>> {
    let row = types!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(PolicyType::from))
}

/// The policy type of this id, if there is one.
pub async fn find_type_by_id(db: impl PgExecutor<'_>, id: PolicyTypeId) -> Result<Option<PolicyType>> {
    Ok(list_type_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_type_by_ids(db: impl PgExecutor<'_>, ids: &[PolicyTypeId]) -> Result<Vec<PolicyType>> {
    let rows = types!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(PolicyType::from).collect())
}

/// All policy types.
pub async fn all_types(db: impl PgExecutor<'_>) -> Result<Vec<PolicyType>> {
    let rows = types!("ORDER BY resource_type, name");
    Ok(rows.fetch_all(db).await?.into_iter().map(PolicyType::from).collect())
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert_type(tx: &mut Tx, given: &[PolicyType]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/policy_types_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.resource_type.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.enabled).collect::<Vec<_>>(),
        &all().map(|it| it.module.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.parameters)).collect::<Vec<_>>(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Every policy by its place: its type and its action.
pub async fn places(db: impl PgExecutor<'_>) -> Result<HashMap<(String, String), String>> {
    let rows = sqlx::query!("SELECT policy_type, resource_ref, ref AS reference FROM policies")
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.policy_type, row.resource_ref), row.reference)).collect())
}
