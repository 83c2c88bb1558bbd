//! Reading executions: by id, in pages, with their descendants.
//!
//! Which rows make a page is one question ([`list()`]), what is in them another ([`find_rows`]): the first looks at
//! ids only, the second reads no result that nobody shows.

mod children;
mod facets;
mod filter;
mod history;
mod list;
mod snapshot_cache;

pub use children::{Depth, descendants};
pub use facets::Facets;
pub use filter::{Column, Condition, Document, Sort, SortKey};
pub use history::History;
pub use list::{Page, Query, list};

use crate::{
    model::{
        EventFact, Execution, ExecutionId, ExecutionStatus, LiveActionId, LogEntry, Origin, RunnerInfo,
        SharedFacts, Snapshot, TriggerInstanceId,
    },
    store::{Error, Result},
    wire::event::ShownInstance,
};
use chrono::{DateTime, Utc};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};
use sqlx::{PgExecutor, PgPool};
use std::{collections::HashMap, sync::Arc};

/// How much of executions to read. What is left out is as if there were none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// What it was given: parameters, context, what started it, whom it tells. May be large.
    pub inputs: bool,
    /// The ids of its children. May be many.
    pub children: bool,
    /// Results of up to this size, in bytes.
    pub results: Option<usize>,
}

impl Extent {
    /// Everything.
    pub const WHOLE: Self = Self { inputs: true, children: true, results: Some(usize::MAX) };
    /// All but results.
    pub const NO_RESULT: Self = Self { results: None, ..Self::WHOLE };
    /// Only how far it is: enough for those who ask again and again.
    pub const STATE: Self = Self { inputs: false, children: false, results: None };
}

/// An execution as read, parts of it perhaps left in the database.
#[derive(Clone, Debug)]
pub struct Row {
    /// The execution; what was not asked for is empty in it.
    pub execution: Arc<Execution>,
    /// Size of the result in the database.
    pub result_bytes: usize,
}

/// Executions with their results, in the order of `ids`; unknown ids are passed over.
pub async fn find_many(pool: &PgPool, ids: &[ExecutionId]) -> Result<Vec<Arc<Execution>>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(find_rows(pool, ids, Extent::WHOLE).await?.into_iter().map(|row| row.execution).collect())
}

/// One execution with its result.
pub async fn find(pool: &PgPool, id: ExecutionId) -> Result<Option<Row>> {
    Ok(find_rows(pool, &[id], Extent::WHOLE).await?.pop())
}

/// Whether there is an execution with this id.
pub async fn exists(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<bool> {
    let found =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM executions WHERE id = $1) AS "is!""#, id as _);
    Ok(found.fetch_one(db).await?)
}

/// The status of an execution.
pub async fn status(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<Option<ExecutionStatus>> {
    let status = sqlx::query_scalar!(
        r#"SELECT status AS "status: ExecutionStatus" FROM executions WHERE id = $1"#,
        id as _
    );
    Ok(status.fetch_optional(db).await?)
}

/// The newest execution.
pub async fn last(db: impl PgExecutor<'_>) -> Result<Option<ExecutionId>> {
    let newest =
        sqlx::query_scalar!(r#"SELECT id AS "id: ExecutionId" FROM executions ORDER BY id DESC LIMIT 1"#);
    Ok(newest.fetch_optional(db).await?)
}

/// Executions, each with the process that ran it: with results up to a size of $2 bytes (`result_bytes` tells their size
/// all the same), with their inputs if $3, with their children if $4. PostgreSQL does not unpack what is not shown. The
/// nodes are not joined: to plan another join takes longer than to look.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Stored,
            r#"SELECT
                e.id              AS "id: ExecutionId",
                e.liveaction_id   AS "liveaction_id: LiveActionId",
                e.snapshot_id,
                s.hash            AS snapshot_hash,
                e.status          AS "status: ExecutionStatus",
                CASE WHEN $3 THEN e.parameters::text ELSE '{}' END AS "parameters!",
                CASE WHEN $3 THEN e.context::text ELSE '{}' END AS "context!",
                CASE WHEN $3 THEN e.extras::text END AS extras,
                CASE WHEN $3 THEN e.origin_id END AS origin_id,
                CASE WHEN $3 THEN (SELECT o.facts::text FROM origins o WHERE o.id = e.origin_id) END AS facts,
                e.trigger_instance_id AS "trigger_instance_id: TriggerInstanceId",
                CASE WHEN $3 THEN (SELECT json_build_object('trigger', t.trigger, 'occurred_at', t.occurred_at,
                        'payload', t.payload)::text
                    FROM trigger_instances t WHERE t.id = e.trigger_instance_id) END AS event,
                e.delay_ms,
                e.parent_id       AS "parent_id: ExecutionId",
                CASE WHEN $4 THEN ARRAY(SELECT c.id FROM executions c WHERE c.parent_id = e.id ORDER BY c.id)
                    ELSE '{}' END AS "children!: Vec<ExecutionId>",
                e.log_statuses    AS "log_statuses: Vec<ExecutionStatus>",
                e.log_times,
                e.ended_at,
                CASE WHEN e.result_bytes <= $2 THEN e.result::text END AS result,
                e.result_bytes,
                e.node_id,
                e.node_epoch,
                (SELECT n.hostname FROM nodes n WHERE n.id = e.node_id) AS hostname,
                (SELECT n.pid FROM nodes n WHERE n.id = e.node_id)      AS pid
            FROM executions e
            JOIN action_snapshots s ON s.id = e.snapshot_id
            "# + $rest
            $(, $argument)*
        )
    };
}

/// Executions in the order of `ids`; unknown ids are passed over.
pub async fn find_rows(pool: &PgPool, ids: &[ExecutionId], extent: Extent) -> Result<Vec<Row>> {
    let Extent { inputs, children, results } = extent;
    // Also an empty result has no negative size.
    let largest = results.map_or(-1, |largest| i32::try_from(largest).unwrap_or(i32::MAX));
    let found = if let [id] = ids {
        // PostgreSQL keeps the plan of this one; for an array it plans anew each time, and that takes longer than the look.
        select!("WHERE e.id = $1", id as _, largest, inputs, children).fetch_all(pool).await?
    } else {
        let wanted: Vec<&[u8]> = ids.iter().map(ExecutionId::as_bytes).collect();
        select!("WHERE e.id = ANY ($1)", &wanted as _, largest, inputs, children).fetch_all(pool).await?
    };
    let versions = found.iter().map(|row| (row.snapshot_id, row.snapshot_hash.as_slice()));
    let snapshots = snapshot_cache::find_many(pool, versions).await?;
    let mut rows: HashMap<ExecutionId, Row> = HashMap::with_capacity(found.len());
    for stored in found {
        let snapshot = snapshots.get(&stored.snapshot_id).cloned();
        let snapshot = snapshot.ok_or_else(|| broken("an execution without its snapshot"))?;
        rows.insert(stored.id, stored.into_row(snapshot)?);
    }
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}

/// What the database holds that it should not be able to hold.
fn broken(what: &'static str) -> Error {
    Error::Sql(sqlx::Error::Decode(what.into()))
}

/// A row as it comes.
struct Stored {
    id: ExecutionId,
    liveaction_id: LiveActionId,
    snapshot_id: i64,
    snapshot_hash: Vec<u8>,
    status: ExecutionStatus,
    parameters: String,
    context: String,
    extras: Option<String>,
    origin_id: Option<i64>,
    facts: Option<String>,
    trigger_instance_id: Option<TriggerInstanceId>,
    event: Option<String>,
    delay_ms: i64,
    parent_id: Option<ExecutionId>,
    children: Vec<ExecutionId>,
    log_statuses: Vec<ExecutionStatus>,
    log_times: Vec<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    result: Option<String>,
    result_bytes: i32,
    node_id: Option<i32>,
    node_epoch: Option<i64>,
    hostname: Option<String>,
    pid: Option<i32>,
}

impl Stored {
    fn into_row(self, snapshot: Arc<Snapshot>) -> Result<Row> {
        let extras = self.extras.as_deref().map_or_else(|| Ok(Extras::default()), object)?;
        let mut origin = extras.origin;
        if let Some((id, facts)) = self.origin_id.zip(self.facts) {
            let shared = SharedFacts::parse(id, &facts).map_err(|_| broken("not a JSON object"))?;
            origin = origin.with_shared(Arc::new(shared));
        }
        if let Some((id, event)) = self.trigger_instance_id.zip(self.event) {
            let event: StoredEvent = object(&event)?;
            let shown = ShownInstance::taken_up(id, &event.trigger, event.occurred_at, &event.payload);
            let shown = to_raw_value(&shown).expect("whatever we show is JSON").into();
            origin = origin.with_event(EventFact { id, shown });
        }
        let log = self.log_statuses.into_iter().zip(self.log_times);
        let result = self.result.map(RawValue::from_string).transpose().map_err(|_| broken("no JSON"))?;
        let execution = Execution {
            id: self.id,
            liveaction_id: self.liveaction_id,
            status: self.status,
            snapshot,
            parameters: Arc::new(object(&self.parameters)?),
            context: Arc::new(object(&self.context)?),
            notify: Arc::new(extras.notify),
            callback: Arc::new(extras.callback),
            origin,
            delay_ms: self.delay_ms,
            parent: self.parent_id,
            children: self.children,
            runner_info: self
                .hostname
                .zip(self.pid)
                .map(|(hostname, pid)| RunnerInfo { hostname: hostname.into(), pid }),
            result: result.map(Arc::from),
            end: self.ended_at,
            log: log.map(|(status, timestamp)| LogEntry { timestamp, status }).collect(),
            holder: self.node_id.zip(self.node_epoch),
        };
        Ok(Row { execution: Arc::new(execution), result_bytes: self.result_bytes.max(0) as usize })
    }
}

/// What few executions have, as it is kept.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Extras {
    notify: Map<String, Value>,
    callback: Map<String, Value>,
    origin: Origin,
}

/// The event of a rule, as it comes with an execution.
#[derive(serde::Deserialize)]
struct StoredEvent {
    trigger: String,
    occurred_at: DateTime<Utc>,
    payload: Box<RawValue>,
}

fn object<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| broken("not a JSON object"))
}

#[cfg(test)]
mod tests;
