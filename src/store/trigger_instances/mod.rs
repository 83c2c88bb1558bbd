//! Trigger instances. The writer of them is [`Writer`]; what joins a transaction of its caller is here.
//!
//! Which of them wait for the rules is in a small table beside theirs: a row of what happened is written once.

#[cfg(test)]
mod tests;
mod writer;

pub use writer::Writer;

use super::{Result, Tx};
use crate::{
    bus::Event,
    model::{TraceContext, TraceId, TriggerInstance, TriggerInstanceId, TriggerInstanceStatus},
};
use chrono::{DateTime, Utc};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use sqlx::{PgConnection, PgExecutor, types::Json};
use std::{collections::HashSet, sync::Arc};

/// How far the rules are with an event, as lists filter by it; the same expression as in `select!`, which takes no
/// constants.
pub const STATUS: &str =
    "CASE WHEN EXISTS (SELECT FROM waiting_events WHERE trigger_instance_id = id) THEN 'pending'
    WHEN failed THEN 'processing_failed' ELSE 'processed' END";

/// Those that wait, as a table to list: few, however many there have been.
pub const WAITING: &str =
    "trigger_instances JOIN waiting_events AS waiting ON waiting.trigger_instance_id = id";

/// A new trigger instance.
#[derive(Clone, Debug)]
pub struct New {
    /// The row but for its payload.
    pub head: Arc<TriggerInstance>,
    /// Its payload.
    pub payload: Arc<RawValue>,
    /// What its source names it by, if it must come once.
    pub once: Option<String>,
}

impl New {
    /// One that comes once, if its source names it.
    pub fn of(mut instance: TriggerInstance, once: Option<String>) -> Self {
        let payload = text(&instance.payload.take());
        Self { head: Arc::new(instance), payload, once }
    }
}

/// A payload as JSON text.
pub fn text(payload: &Value) -> Arc<RawValue> {
    to_raw_value(payload).expect("a JSON value can be written").into()
}

/// Columns as they are kept.
struct Row {
    id: TriggerInstanceId,
    trigger: String,
    payload: Json<Value>,
    occurred_at: DateTime<Utc>,
    status: String,
    trace_id: Option<TraceId>,
    trace_tag: Option<String>,
}

impl TryFrom<Row> for TriggerInstance {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.id,
            trigger: row.trigger,
            payload: row.payload.0,
            occurred_at: row.occurred_at,
            status: row.status.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))?,
            trace: TraceContext { id: row.trace_id, tag: row.trace_tag },
        })
    }
}

fn all(rows: Vec<Row>) -> Result<Vec<TriggerInstance>> {
    Ok(rows.into_iter().map(TriggerInstance::try_from).collect::<sqlx::Result<_>>()?)
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id: TriggerInstanceId", trigger, payload AS "payload: Json<Value>", occurred_at,
                CASE WHEN EXISTS (SELECT FROM waiting_events WHERE trigger_instance_id = id) THEN 'pending'
                     WHEN failed THEN 'processing_failed' ELSE 'processed' END AS "status!",
                trace_id AS "trace_id: TraceId", trace_tag
            FROM trigger_instances "# + $rest
            $(, $argument)*
        )
    };
}

/// Stores new ones in a transaction of the caller; the rules engine hears of them when that commits. Answers those
/// that are new: of those that must come once, one that was stored before is not.
pub async fn insert(tx: &mut Tx, new: &[New]) -> Result<HashSet<TriggerInstanceId>> {
    let stored = insert_all(tx.conn(), new.iter()).await?;
    if !stored.is_empty() {
        tx.emit(Event::Dispatched);
    }
    Ok(stored)
}

/// The statement behind both doors, and the cheaper one for events of which none can have been stored before: that no row
/// is in the way is looked up for each.
async fn insert_all(
    connection: &mut PgConnection,
    new: impl Iterator<Item = &New>,
) -> sqlx::Result<HashSet<TriggerInstanceId>> {
    let new: Vec<&New> = new.collect();
    let heads = || new.iter().map(|new| &*new.head);
    let ids: Vec<_> = heads().map(|it| it.id.as_bytes()).collect();
    let triggers: Vec<_> = heads().map(|it| it.trigger.as_str()).collect();
    let payloads: Vec<_> = new.iter().map(|new| new.payload.get()).collect();
    let times: Vec<_> = heads().map(|it| it.occurred_at).collect();
    let traces: Vec<_> = heads().map(|it| it.trace.id.map(|id| id.as_bytes().to_vec())).collect();
    let tags: Vec<_> = heads().map(|it| it.trace.tag.as_deref()).collect();
    if new.iter().all(|new| new.once.is_none()) {
        sqlx::query!(
            "WITH stored AS (
                 INSERT INTO trigger_instances (id, trigger, payload, occurred_at, trace_id, trace_tag)
                 SELECT id, trigger, payload::json, occurred_at, trace_id, trace_tag
                 FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[], $6::text[])
                     AS t (id, trigger, payload, occurred_at, trace_id, trace_tag)
             )
             INSERT INTO waiting_events (trigger_instance_id) SELECT unnest($1::bytea[])",
            &ids as _,
            &triggers as _,
            &payloads as _,
            &times,
            &traces as _,
            &tags as _,
        )
        .execute(connection)
        .await?;
        return Ok(heads().map(|it| it.id).collect());
    }
    let rows = sqlx::query_scalar!(
        r#"WITH stored AS (
               INSERT INTO trigger_instances (id, trigger, payload, occurred_at, trace_id, trace_tag, once)
               SELECT id, trigger, payload::json, occurred_at, trace_id, trace_tag, once
               FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[], $6::text[], $7::text[])
                   AS t (id, trigger, payload, occurred_at, trace_id, trace_tag, once)
               ON CONFLICT DO NOTHING
               RETURNING id
           )
           INSERT INTO waiting_events (trigger_instance_id) SELECT id FROM stored
           RETURNING trigger_instance_id AS "id: TriggerInstanceId""#,
        &ids as _,
        &triggers as _,
        &payloads as _,
        &times,
        &traces as _,
        &tags as _,
        &new.iter().map(|new| new.once.as_deref()).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Removes rows whose senders were refused although their commit may have gone through, unless rules had their say.
async fn remove(connection: &mut PgConnection, ids: &[TriggerInstanceId]) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH unseen AS (
             DELETE FROM waiting_events WHERE trigger_instance_id = ANY ($1) RETURNING trigger_instance_id AS id
         )
         DELETE FROM trigger_instances USING unseen WHERE trigger_instances.id = unseen.id",
        ids as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The rules are done with these, or the engine failed. Answers which of them still waited: of the others somebody else
/// has written what followed.
pub async fn finish(
    tx: &mut Tx,
    done: &[(TriggerInstanceId, TriggerInstanceStatus)],
) -> Result<HashSet<TriggerInstanceId>> {
    // Looked up in the order of the index, whoever asks and in which order: nobody waits in a circle.
    let rows = sqlx::query_scalar!(
        r#"DELETE FROM waiting_events WHERE trigger_instance_id = ANY ($1)
           RETURNING trigger_instance_id AS "id: TriggerInstanceId""#,
        &done.iter().map(|(id, _)| id.as_bytes()).collect::<Vec<_>>() as _,
    )
    .fetch_all(tx.conn())
    .await?;
    let ours: HashSet<TriggerInstanceId> = rows.into_iter().collect();
    let failed: Vec<&[u8]> = done
        .iter()
        .filter(|(id, status)| *status == TriggerInstanceStatus::ProcessingFailed && ours.contains(id))
        .map(|(id, _)| id.as_bytes())
        .collect();
    if !failed.is_empty() {
        sqlx::query!("UPDATE trigger_instances SET failed = true WHERE id = ANY ($1)", &failed as _)
            .execute(tx.conn())
            .await?;
    }
    Ok(ours)
}

/// Waits until nobody else writes about these, and keeps it so until the transaction ends.
pub async fn lock(tx: &mut Tx, ids: &HashSet<TriggerInstanceId>) -> Result<()> {
    let ids: Vec<_> = ids.iter().map(TriggerInstanceId::as_bytes).collect();
    sqlx::query!(
        "SELECT trigger_instance_id FROM waiting_events WHERE trigger_instance_id = ANY ($1)
         ORDER BY trigger_instance_id FOR UPDATE",
        &ids as _
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(())
}

/// The trigger instance of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: TriggerInstanceId) -> Result<Option<TriggerInstance>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[TriggerInstanceId]) -> Result<Vec<TriggerInstance>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    all(rows.fetch_all(db).await?)
}

/// Up to `most` that wait and were made after `after` and before `before`, oldest first; those that somebody is writing
/// about at the moment are left out, and the others are locked until the transaction ends.
pub async fn claim(
    tx: &mut Tx,
    after: Option<TriggerInstanceId>,
    before: TriggerInstanceId,
    most: i64,
) -> Result<Vec<TriggerInstance>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT trigger_instance_id AS "id: TriggerInstanceId" FROM waiting_events
           WHERE trigger_instance_id > $1 AND trigger_instance_id <= $2
           ORDER BY trigger_instance_id LIMIT $3 FOR UPDATE SKIP LOCKED"#,
        after.as_ref().map_or(&[][..], |id| id.as_bytes()),
        before as _,
        most
    )
    .fetch_all(tx.conn())
    .await?;
    list_by_ids(tx.conn(), &ids).await
}
