//! Trigger types and triggers.

use super::{
    Result, Tx,
    actions::{Upserts, text},
};
use crate::{
    bus::Event,
    model::{Trigger, TriggerId, TriggerType, TriggerTypeId, parameters_hash},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};
use std::collections::{BTreeMap, HashMap};

/// Columns as they are kept.
struct TriggerTypeRow {
    id: TriggerTypeId,
    pack: String,
    name: String,
    description: Option<String>,
    payload_schema: Json<Map<String, Value>>,
    parameters_schema: Json<Map<String, Value>>,
    tags: Json<Vec<Value>>,
    metadata_file: Option<String>,
}

impl From<TriggerTypeRow> for TriggerType {
    fn from(row: TriggerTypeRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            description: row.description,
            payload_schema: row.payload_schema.0,
            parameters_schema: row.parameters_schema.0,
            tags: row.tags.0,
            metadata_file: row.metadata_file,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! types {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            TriggerTypeRow,
            r#"SELECT id AS "id: TriggerTypeId", pack, name, description,
                payload_schema AS "payload_schema: Json<Map<String, Value>>",
                parameters_schema AS "parameters_schema: Json<Map<String, Value>>",
                tags AS "tags: Json<Vec<Value>>", metadata_file
            FROM trigger_types "# + $rest
            $(, $argument)*
        )
    };
}

/// The trigger type of this reference (`pack.name`), if there is one.
pub async fn find_type(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<TriggerType>> {
    let row = types!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(TriggerType::from))
}

/// The trigger type of this id, if there is one.
pub async fn find_type_by_id(db: impl PgExecutor<'_>, id: TriggerTypeId) -> Result<Option<TriggerType>> {
    Ok(list_type_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_type_by_ids(db: impl PgExecutor<'_>, ids: &[TriggerTypeId]) -> Result<Vec<TriggerType>> {
    let rows = types!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(TriggerType::from).collect())
}

/// Registers them, each reference once; those there keep their ids. Says how many are new or differ.
pub async fn upsert_type(tx: &mut Tx, given: &[TriggerType]) -> Result<Upserts> {
    if given.is_empty() {
        return Ok(Upserts::default());
    }
    let all = || given.iter();
    let rows = sqlx::query_file_scalar!(
        "src/store/sql/trigger_types_upsert.sql",
        &all().map(|it| it.id).collect::<Vec<_>>() as _,
        &all().map(|it| it.pack.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.name.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.description.as_deref()).collect::<Vec<_>>() as _,
        &all().map(|it| text(&it.payload_schema)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.parameters_schema)).collect::<Vec<_>>(),
        &all().map(|it| text(&it.tags)).collect::<Vec<_>>(),
        &all().map(|it| it.metadata_file.as_deref()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(Upserts::told(tx, &rows))
}

/// Removes those of these ids; says how many there were.
pub async fn delete_type(tx: &mut Tx, ids: &[TriggerTypeId]) -> Result<u64> {
    let deleted =
        sqlx::query!("DELETE FROM trigger_types WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// Columns as they are kept.
struct TriggerRow {
    id: TriggerId,
    pack: String,
    name: String,
    trigger_type: String,
    parameters: Json<Map<String, Value>>,
    description: Option<String>,
    for_rules: bool,
}

impl From<TriggerRow> for Trigger {
    fn from(row: TriggerRow) -> Self {
        Self {
            id: row.id,
            pack: row.pack,
            name: row.name,
            trigger_type: row.trigger_type,
            parameters: row.parameters.0,
            description: row.description,
            for_rules: row.for_rules,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! triggers {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            TriggerRow,
            r#"SELECT id AS "id: TriggerId", pack, name, type AS trigger_type,
                parameters AS "parameters: Json<Map<String, Value>>", description, for_rules
            FROM triggers "# + $rest
            $(, $argument)*
        )
    };
}

/// The trigger of this reference (`pack.name`), if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Trigger>> {
    let row = triggers!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Trigger::from))
}

/// The trigger of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: TriggerId) -> Result<Option<Trigger>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[TriggerId]) -> Result<Vec<Trigger>> {
    let rows = triggers!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Trigger::from).collect())
}

/// Those of these references that exist, in no order.
pub async fn list_by_refs(db: impl PgExecutor<'_>, references: &[String]) -> Result<Vec<Trigger>> {
    let rows = triggers!("WHERE ref = ANY($1)", references).fetch_all(db).await?;
    Ok(rows.into_iter().map(Trigger::from).collect())
}

/// All triggers, by reference.
pub async fn all(db: impl PgExecutor<'_>) -> Result<Vec<Trigger>> {
    let rows = triggers!("ORDER BY ref").fetch_all(db).await?;
    Ok(rows.into_iter().map(Trigger::from).collect())
}

/// All triggers of these types, in the order they were made.
pub async fn list_of_types(db: impl PgExecutor<'_>, types: &[String]) -> Result<Vec<Trigger>> {
    let rows = triggers!("WHERE type = ANY($1) ORDER BY id", types).fetch_all(db).await?;
    Ok(rows.into_iter().map(Trigger::from).collect())
}

/// Trigger types by reference, with the schema of their parameters.
pub async fn parameter_schemas(db: impl PgExecutor<'_>) -> Result<HashMap<String, Map<String, Value>>> {
    let rows = sqlx::query!(
        r#"SELECT ref, parameters_schema AS "schema: Json<Map<String, Value>>" FROM trigger_types"#
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.r#ref, row.schema.0)).collect())
}

/// Makes the triggers that trigger types without parameters have of their own.
pub async fn make_shadows(tx: &mut Tx, types: &[TriggerType]) -> Result<()> {
    let plain = || types.iter().filter(|kind| kind.parameters_schema.is_empty());
    if plain().next().is_none() {
        return Ok(());
    }
    let made = sqlx::query!(
        "INSERT INTO triggers (id, pack, name, type, parameters, parameters_hash, for_rules)
        SELECT id, pack, name, pack || '.' || name, '{}', $4, false
        FROM unnest($1::bytea[], $2::text[], $3::text[]) AS new (id, pack, name)
        ON CONFLICT (ref) DO NOTHING",
        &plain().map(|_| TriggerId::generate()).collect::<Vec<_>>() as _,
        &plain().map(|kind| kind.pack.as_str()).collect::<Vec<_>>() as _,
        &plain().map(|kind| kind.name.as_str()).collect::<Vec<_>>() as _,
        parameters_hash(&Map::new()),
    )
    .execute(tx.conn())
    .await?;
    if made.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(())
}

/// References of the triggers that rules wait for: each a type and its parameters. Those with parameters are made if
/// they are missing, unless somebody made one by hand: who sends events under its name wants to reach the rules. Of a
/// type without, it is the type's own trigger, whether that is there or not.
///
/// The triggers stay locked until the transaction ends, so that [`drop_unused`] elsewhere sees the rules.
pub async fn for_rules(tx: &mut Tx, wanted: &[(String, Map<String, Value>)]) -> Result<Vec<String>> {
    let mut missing: BTreeMap<(&str, String), &Map<String, Value>> = BTreeMap::new();
    for (kind, parameters) in wanted.iter().filter(|(_, parameters)| !parameters.is_empty()) {
        missing.insert((kind, parameters_hash(parameters)), parameters);
    }
    let mut known: HashMap<(String, String), String> = HashMap::new();
    if !missing.is_empty() {
        let kinds: Vec<&str> = missing.keys().map(|(kind, _)| *kind).collect();
        let hashes: Vec<&str> = missing.keys().map(|(_, hash)| hash.as_str()).collect();
        for (kind, hash, reference) in made_by_hand(tx, &kinds, &hashes).await? {
            missing.retain(|(its_kind, its_hash), _| (*its_kind, its_hash.as_str()) != (&*kind, &*hash));
            known.insert((kind, hash), reference);
        }
    }
    if !missing.is_empty() {
        // In one order everywhere, so that two transactions cannot wait for each other.
        let rows = sqlx::query!(
            r#"INSERT INTO triggers AS old (id, pack, name, type, parameters, parameters_hash, for_rules)
            SELECT id, split_part(type, '.', 1), name, type, parameters, hash, true
            FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[]::json[], $5::text[])
                AS new (id, name, type, parameters, hash)
            ON CONFLICT (type, parameters_hash) WHERE for_rules DO UPDATE SET for_rules = true
            RETURNING type AS kind, parameters_hash, ref AS reference, (xmax = 0) AS "inserted!""#,
            &missing.iter().map(|_| TriggerId::generate()).collect::<Vec<_>>() as _,
            &missing.iter().map(|_| uuid::Uuid::new_v4().to_string()).collect::<Vec<_>>(),
            &missing.keys().map(|(kind, _)| *kind).collect::<Vec<_>>() as _,
            &missing.values().map(|parameters| text(parameters)).collect::<Vec<_>>(),
            &missing.keys().map(|(_, hash)| hash.as_str()).collect::<Vec<_>>() as _,
        )
        .fetch_all(tx.conn())
        .await?;
        for row in rows {
            if row.inserted {
                tx.emit(Event::Content);
            }
            known.insert((row.kind, row.parameters_hash), row.reference);
        }
    }
    let reference = |(kind, parameters): &(String, Map<String, Value>)| {
        if parameters.is_empty() {
            return kind.clone();
        }
        known.get(&(kind.clone(), parameters_hash(parameters))).cloned().unwrap_or_default()
    };
    Ok(wanted.iter().map(reference).collect())
}

/// The oldest triggers that were made by hand of these types and parameters, where none was made for rules.
async fn made_by_hand(tx: &mut Tx, kinds: &[&str], hashes: &[&str]) -> Result<Vec<(String, String, String)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (type, parameters_hash) type AS kind, parameters_hash, ref AS reference, for_rules
            FROM triggers JOIN unnest($1::text[], $2::text[]) AS wanted (type, parameters_hash)
                USING (type, parameters_hash)
            ORDER BY type, parameters_hash, for_rules DESC, id",
        kinds as _,
        hashes as _,
    )
    .fetch_all(tx.conn())
    .await?;
    let by_hand = rows.into_iter().filter(|row| !row.for_rules);
    Ok(by_hand.map(|row| (row.kind, row.parameters_hash, row.reference)).collect())
}

/// Removes those of these triggers that were made for rules and that no rule waits for any more.
pub async fn drop_unused(tx: &mut Tx, references: &[String]) -> Result<u64> {
    if references.is_empty() {
        return Ok(0);
    }
    // First the locks, then a look of its own: a rule that was being made meanwhile is seen.
    sqlx::query!(
        "SELECT FROM triggers WHERE ref = ANY($1) AND for_rules ORDER BY ref FOR UPDATE",
        references
    )
    .fetch_all(tx.conn())
    .await?;
    let deleted = sqlx::query!(
        "DELETE FROM triggers WHERE ref = ANY($1) AND for_rules
            AND NOT EXISTS (SELECT FROM rules WHERE rules.trigger = triggers.ref)",
        references
    )
    .execute(tx.conn())
    .await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}

/// Makes a trigger type.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its reference is taken.
pub async fn insert_type(tx: &mut Tx, it: &TriggerType) -> Result<()> {
    sqlx::query!(
        "INSERT INTO trigger_types (id, pack, name, description, payload_schema, parameters_schema, tags, metadata_file)
         VALUES ($1, $2, $3, $4, $5::text::json, $6::text::json, $7::text::json, $8)",
        it.id as _,
        it.pack,
        it.name,
        it.description,
        text(&it.payload_schema),
        text(&it.parameters_schema),
        text(&it.tags),
        it.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Replaces the trigger type of the same id. `false`: it is gone.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its new reference is taken.
pub async fn update_type(tx: &mut Tx, it: &TriggerType) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE trigger_types SET pack = $2, name = $3, description = $4, payload_schema = $5::text::json,
             parameters_schema = $6::text::json, tags = $7::text::json, metadata_file = $8
         WHERE id = $1",
        it.id as _,
        it.pack,
        it.name,
        it.description,
        text(&it.payload_schema),
        text(&it.parameters_schema),
        text(&it.tags),
        it.metadata_file,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(done.rows_affected() > 0)
}

/// Makes a trigger.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its reference is taken.
pub async fn insert(tx: &mut Tx, it: &Trigger) -> Result<()> {
    sqlx::query!(
        "INSERT INTO triggers (id, pack, name, type, parameters, parameters_hash, description, for_rules)
         VALUES ($1, $2, $3, $4, $5::text::json, $6, $7, $8)",
        it.id as _,
        it.pack,
        it.name,
        it.trigger_type,
        text(&it.parameters),
        parameters_hash(&it.parameters),
        it.description,
        it.for_rules,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Replaces the trigger of the same id. `false`: it is gone.
///
/// # Errors
/// [`Error::Duplicate`](super::Error::Duplicate): its new reference is taken.
pub async fn update(tx: &mut Tx, it: &Trigger) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE triggers SET pack = $2, name = $3, type = $4, parameters = $5::text::json, parameters_hash = $6,
             description = $7
         WHERE id = $1",
        it.id as _,
        it.pack,
        it.name,
        it.trigger_type,
        text(&it.parameters),
        parameters_hash(&it.parameters),
        it.description,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(done.rows_affected() > 0)
}

/// Removes triggers, whoever waits for them; says how many there were.
pub async fn delete(tx: &mut Tx, ids: &[TriggerId]) -> Result<u64> {
    let deleted =
        sqlx::query!("DELETE FROM triggers WHERE id = ANY($1)", ids as _).execute(tx.conn()).await?;
    if deleted.rows_affected() > 0 {
        tx.emit(Event::Content);
    }
    Ok(deleted.rows_affected())
}
