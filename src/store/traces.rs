//! Traces: found by what belongs to them, for they have no rows of their own.
//!
//! An execution or a trigger instance without a trace begins one ([`TraceId::begun_by`]); what has no trace of its own
//! but a parent is in that of the first of its parents.

use super::Result;
use crate::model::{Component, ExecutionId, ObjectId, RuleId, Trace, TraceId, TriggerInstanceId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use std::collections::HashMap;

/// Which trace an execution belongs to.
#[derive(Clone, Debug)]
pub struct Belonging {
    /// The execution.
    pub execution: ExecutionId,
    /// Its trace.
    pub trace: TraceId,
    /// What the trace is called, as far as the execution or its parents know.
    pub tag: Option<String>,
    /// Somebody called it so.
    pub is_chosen: bool,
}

/// The traces of executions.
pub async fn of_executions(db: impl PgExecutor<'_>, ids: &[ExecutionId]) -> Result<Vec<Belonging>> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE up (execution, level, id, parent_id, trace_id) AS (
               SELECT id, 0, id, parent_id, trace_id FROM executions WHERE id = ANY ($1)
               UNION ALL
               SELECT up.execution, up.level + 1, p.id, p.parent_id, p.trace_id
               FROM up JOIN executions p ON p.id = up.parent_id WHERE up.trace_id IS NULL
           ), tops AS (
               SELECT DISTINCT ON (execution) execution, id, trace_id FROM up ORDER BY execution, level DESC
           )
           SELECT tops.execution AS "execution!: ExecutionId",
               coalesce(tops.trace_id, trace_begun_by(tops.id)) AS "trace!: TraceId",
               e.trace_tag AS chosen, e.context::text AS "context!",
               CASE WHEN tops.trace_id IS NULL THEN 'execution-' || encode(e.liveaction_id, 'hex') END AS made
           FROM tops JOIN executions e ON e.id = tops.id"#,
        ids as _
    )
    .fetch_all(db)
    .await?;
    let belonging = rows.into_iter().map(|row| Belonging {
        execution: row.execution,
        trace: row.trace,
        is_chosen: row.chosen.is_some(),
        tag: row.chosen.or_else(|| tag_in(&row.context)).or(row.made),
    });
    Ok(belonging.collect())
}

/// What a context, JSON text, calls the trace. PostgreSQL itself cannot look into JSON that holds a NUL anywhere.
fn tag_in(context: &str) -> Option<String> {
    let context: Value = serde_json::from_str(context).ok()?;
    context["trace_context"]["trace_tag"].as_str().filter(|tag| !tag.is_empty()).map(str::to_owned)
}

/// Columns as they come.
struct Part {
    trace: TraceId,
    id: Vec<u8>,
    reference: String,
    at: DateTime<Utc>,
    cause: Option<String>,
}

impl Part {
    fn caused_by(self, kind: &'static str) -> Component {
        Component {
            id: object_id(&self.id),
            reference: self.reference,
            at: self.at,
            cause: self.cause.map(|id| (kind, id)),
        }
    }
}

/// Whether there is such a trace.
pub async fn exists(db: impl PgExecutor<'_>, id: TraceId) -> Result<bool> {
    let begun_by = id.beginning().0;
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM executions WHERE id = $2 AND trace_id IS NULL AND parent_id IS NULL)
               OR EXISTS (SELECT FROM trigger_instances WHERE id = $2 AND trace_id IS NULL)
               OR EXISTS (SELECT FROM executions WHERE trace_id = $1)
               OR EXISTS (SELECT FROM trigger_instances WHERE trace_id = $1) AS "is!""#,
        id as _,
        begun_by.as_slice()
    );
    Ok(found.fetch_one(db).await?)
}

/// What begins the traces of this tag.
pub async fn begun_by_tagged(db: impl PgExecutor<'_>, tag: &str) -> Result<Vec<ObjectId>> {
    let named = |prefix: &str| tag.strip_prefix(prefix).and_then(|id| id.parse::<ObjectId>().ok());
    let live_action = named("execution-");
    // The second id of an execution is made with the first.
    let around = live_action.map(|id| {
        let second = chrono::TimeDelta::seconds(1);
        (ObjectId::lowest_at(id.timestamp() - second), ObjectId::lowest_at(id.timestamp() + second))
    });
    let rows = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM (
               SELECT id FROM executions WHERE trace_tag = $1 AND trace_id IS NULL AND parent_id IS NULL
               UNION ALL
               SELECT id FROM executions WHERE id BETWEEN $2 AND $3 AND liveaction_id = $4
                   AND trace_id IS NULL AND trace_tag IS NULL AND parent_id IS NULL
               UNION ALL
               SELECT id FROM trigger_instances WHERE trace_tag = $1 AND trace_id IS NULL
                   AND NOT starts_with(trace_tag, 'webhook-') AND NOT starts_with(trace_tag, 'st2.')
               UNION ALL
               SELECT id FROM trigger_instances WHERE $5 AND trace_tag = $1 AND trace_id IS NULL
                   AND (starts_with(trace_tag, 'webhook-') OR starts_with(trace_tag, 'st2.'))
               UNION ALL
               SELECT id FROM trigger_instances WHERE id = $6 AND trace_tag IS NULL AND trace_id IS NULL
           ) AS found"#,
        tag,
        around.map(|(from, _)| from.0.to_vec()),
        around.map(|(_, to)| to.0.to_vec()),
        live_action.map(|id| id.0.to_vec()),
        tag.starts_with("webhook-") || tag.starts_with("st2."),
        named("trigger_instance-").map(|id| id.0.to_vec()),
    );
    Ok(rows.fetch_all(db).await?.iter().map(|id: &Vec<u8>| object_id(id)).collect())
}

/// The trace of a trigger instance.
pub async fn of_trigger_instance(db: impl PgExecutor<'_>, id: TriggerInstanceId) -> Result<Option<TraceId>> {
    let found = sqlx::query_scalar!(
        r#"SELECT coalesce(trace_id, trace_begun_by(id)) AS "trace!: TraceId" FROM trigger_instances WHERE id = $1"#,
        id as _
    );
    Ok(found.fetch_optional(db).await?)
}

/// The traces that a rule is part of.
pub async fn of_rule(pool: &PgPool, id: RuleId) -> Result<Vec<TraceId>> {
    let reference =
        sqlx::query_scalar!("SELECT ref FROM rules WHERE id = $1", id as _).fetch_optional(pool).await?;
    // Found by its reference while it is there; what a deleted rule did is looked for everywhere.
    if let Some(reference) = reference {
        let rows = sqlx::query_scalar!(
            r#"SELECT DISTINCT coalesce(i.trace_id, trace_begun_by(i.id)) AS "trace!: TraceId"
               FROM rule_enforcements f JOIN trigger_instances i ON i.id = f.trigger_instance_id
               WHERE f.rule_ref = $1 AND f.rule_id = $2 AND f.number = 0"#,
            reference,
            id as _
        );
        return Ok(rows.fetch_all(pool).await?);
    }
    let rows = sqlx::query_scalar!(
        r#"SELECT DISTINCT coalesce(i.trace_id, trace_begun_by(i.id)) AS "trace!: TraceId"
           FROM rule_enforcements f JOIN trigger_instances i ON i.id = f.trigger_instance_id
           WHERE f.rule_id = $1 AND f.number = 0"#,
        id as _
    );
    Ok(rows.fetch_all(pool).await?)
}

/// Traces with their parts, in the order of `ids`.
pub async fn find_many(pool: &PgPool, ids: &[TraceId]) -> Result<Vec<Trace>> {
    let beginnings: Vec<Vec<u8>> = ids.iter().map(|id| id.beginning().0.to_vec()).collect();
    let executions = sqlx::query_as!(
        Part,
        r#"WITH RECURSIVE named (trace, id) AS (
               SELECT t.trace, e.id FROM unnest($1::bytea[]) AS t (trace) JOIN executions e ON e.trace_id = t.trace
               UNION ALL
               SELECT t.trace, e.id FROM unnest($1::bytea[], $2::bytea[]) AS t (trace, begun_by)
               JOIN executions e ON e.id = t.begun_by AND e.trace_id IS NULL
           ), parts (trace, id) AS (
               SELECT trace, id FROM named
               UNION ALL
               SELECT p.trace, c.id FROM parts p JOIN executions c ON c.parent_id = p.id AND c.trace_id IS NULL
           )
           SELECT p.trace AS "trace!: TraceId", e.id, e.action_ref AS reference,
               e.log_times[1] AS "at!",
               coalesce(encode(e.parent_id, 'hex'), e.context::text) AS cause
           FROM parts p JOIN executions e ON e.id = p.id ORDER BY e.id"#,
        ids as _,
        &beginnings as _,
    )
    .fetch_all(pool)
    .await?;
    let instances = sqlx::query_as!(
        Part,
        r#"SELECT t.trace AS "trace!: TraceId", i.id, i.trigger AS reference, i.occurred_at AS at,
               CASE WHEN i.trigger IN ('core.st2.generic.actiontrigger', 'core.st2.generic.notifytrigger')
                   THEN substring(i.payload::text FROM '"execution_id":"([0-9a-f]{24})"') END AS cause
           FROM (
               SELECT t.trace, m.id FROM unnest($1::bytea[]) AS t (trace)
               JOIN trigger_instances m ON m.trace_id = t.trace
               UNION ALL
               SELECT t.trace, m.id FROM unnest($1::bytea[], $2::bytea[]) AS t (trace, begun_by)
               JOIN trigger_instances m ON m.id = t.begun_by AND m.trace_id IS NULL
           ) AS t JOIN trigger_instances i ON i.id = t.id
           ORDER BY i.id"#,
        ids as _,
        &beginnings as _,
    )
    .fetch_all(pool)
    .await?;
    let (of, seen): (Vec<TraceId>, Vec<Vec<u8>>) =
        instances.iter().map(|part| (part.trace, part.id.clone())).unzip();
    let rules = sqlx::query_as!(
        Part,
        r#"SELECT t.trace AS "trace!: TraceId", f.rule_id AS id, f.rule_ref AS reference,
               f.enforced_at AS at, encode(f.trigger_instance_id, 'hex') AS cause
           FROM unnest($1::bytea[], $2::bytea[]) AS t (trace, id)
           JOIN rule_enforcements f ON f.trigger_instance_id = t.id AND f.number = 0 ORDER BY f.id"#,
        &of as _,
        &seen as _,
    )
    .fetch_all(pool)
    .await?;
    let tags = tags(pool, ids, &beginnings).await?;
    let mut traces: HashMap<TraceId, Trace> = HashMap::new();
    for (&id, tag) in ids.iter().zip(tags) {
        let empty = Trace { id, tag, trigger_instances: vec![], rules: vec![], executions: vec![] };
        traces.insert(id, empty);
    }
    for part in executions {
        let Some(trace) = traces.get_mut(&part.trace) else { continue };
        trace.executions.push(cause_of_execution(part));
    }
    for part in instances {
        let Some(trace) = traces.get_mut(&part.trace) else { continue };
        trace.trigger_instances.push(part.caused_by("action_execution"));
    }
    for part in rules {
        let Some(trace) = traces.get_mut(&part.trace) else { continue };
        trace.rules.push(part.caused_by("trigger_instance"));
    }
    Ok(ids.iter().filter_map(|id| traces.remove(id)).collect())
}

/// The cause is the id of a parent, or else the context, which may name a rule and a trigger instance.
fn cause_of_execution(part: Part) -> Component {
    let Part { cause, .. } = &part;
    let cause = cause.as_deref().and_then(|cause| {
        if !cause.starts_with('{') {
            return Some(("action_execution", cause.to_owned()));
        }
        let context: Value = serde_json::from_str(cause).ok()?;
        let id = |of: &str| context[of]["id"].as_str().map(str::to_owned);
        Some(("rule", format!("{}:{}", id("rule")?, id("trigger_instance")?)))
    });
    Component { cause, ..Part { cause: None, ..part }.caused_by("") }
}

/// What traces are called, in the order of `ids`. One whose beginning is gone is called as its members say.
async fn tags(pool: &PgPool, ids: &[TraceId], beginnings: &[Vec<u8>]) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        r#"SELECT coalesce(
               (SELECT coalesce(e.trace_tag, 'execution-' || encode(e.liveaction_id, 'hex')) FROM executions e
                WHERE e.id = t.begun_by AND e.trace_id IS NULL),
               (SELECT coalesce(i.trace_tag, 'trigger_instance-' || encode(i.id, 'hex')) FROM trigger_instances i
                WHERE i.id = t.begun_by AND i.trace_id IS NULL),
               (SELECT e.trace_tag FROM executions e WHERE e.trace_id = t.trace ORDER BY e.id LIMIT 1),
               '') AS "tag!"
           FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS t (trace, begun_by, place) ORDER BY place"#,
        ids as _,
        beginnings as _,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| row.tag).collect())
}

fn object_id(bytes: &[u8]) -> ObjectId {
    ObjectId(bytes.try_into().unwrap_or_default())
}
