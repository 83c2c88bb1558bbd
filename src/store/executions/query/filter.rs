//! Conditions on executions, and orders of them, as SQL.
//!
//! What callers filter by is open-ended, so these statements are put together at run time; every value is bound.
//! JSON is compared as text, since stored text and needle come from the same writer. PostgreSQL cannot look into JSON
//! that holds a NUL character anywhere, so those are replaced for the look.

use crate::model::{ExecutionId, ExecutionStatus, LiveActionId, ObjectId, Origin};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder};

/// How far apart the two ids of one execution can have been made.
const SAME_REQUEST: TimeDelta = TimeDelta::minutes(1);

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// It is one of these.
    Ids(Vec<ExecutionId>),
    /// It has this id or a later one.
    From(ExecutionId),
    /// It has an earlier id.
    Below(ExecutionId),
    /// This column holds this text.
    Is(Column, String),
    /// This column holds nothing.
    IsNull(Column),
    /// It was asked for by this execution.
    Parent(ExecutionId),
    /// It has this second id.
    Liveaction(LiveActionId),
    /// It asked for this execution.
    HasChild(ExecutionId),
    /// It had this status at some time.
    Had(String),
    /// What a path leads to is this text, or a number or truth value written so.
    Json(Document, Vec<String>, String),
    /// A path leads nowhere.
    NoJson(Document, Vec<String>),
    /// Nothing is like this.
    Never,
}

/// Columns of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// `pack.name` of the action.
    ActionRef,
    /// Name of the runner type.
    Runner,
    /// Status.
    Status,
    /// The user it runs for.
    User,
    /// Parent execution.
    Parent,
}

/// JSON that paths go into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Document {
    /// Parameters.
    Parameters,
    /// Context.
    Context,
    /// What started it: `rule`, `trigger`, `trigger_type`, `trigger_instance`, and ids of its workflow.
    Origin,
    /// Snapshot of the action.
    Action,
    /// Snapshot of the runner type.
    Runner,
}

/// What to sort by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// The id, which is the start time.
    Id,
    /// A column.
    Column(Column),
    /// The second id.
    Liveaction,
    /// What a path leads to.
    Json(Document, Vec<String>),
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Largest first.
    pub descending: bool,
}

impl Condition {
    /// Started later than `at`.
    pub fn after(at: DateTime<Utc>) -> Self {
        Self::From(first_id(at + TimeDelta::microseconds(1)))
    }

    /// Started before `at`.
    pub fn before(at: DateTime<Utc>) -> Self {
        Self::Below(first_id(at))
    }

    /// Started between two moments, or at one of them.
    pub fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> [Self; 2] {
        [Self::From(first_id(from)), Self::Below(first_id(to + TimeDelta::microseconds(1)))]
    }

    pub(super) fn push(&self, sql: &mut QueryBuilder<'_, Postgres>) {
        match self {
            Self::Ids(ids) => {
                let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
                sql.push("e.id = ANY (").push_bind(ids).push(")");
            }
            Self::From(id) => drop(sql.push("e.id >= ").push_bind(*id)),
            Self::Below(id) => drop(sql.push("e.id < ").push_bind(*id)),
            Self::Is(column, text) => {
                sql.push(column.sql()).push(" = ").push_bind(text.clone());
                let status = text.parse::<ExecutionStatus>();
                if *column == Column::Status && status.is_ok_and(|status| !status.is_completed()) {
                    // What is alive has an index of its own, small however long the history is.
                    sql.push(" AND e.ended_at IS NULL");
                }
            }
            Self::IsNull(column) => drop(sql.push(column.sql()).push(" IS NULL")),
            Self::Parent(id) => drop(sql.push("e.parent_id = ").push_bind(*id)),
            Self::Liveaction(id) => {
                // Not indexed, but made within the same request: the neighbourhood of the id is enough to search.
                let at = id.0.timestamp();
                sql.push("e.liveaction_id = ").push_bind(*id);
                sql.push(" AND e.id >= ").push_bind(first_id(at - SAME_REQUEST));
                sql.push(" AND e.id < ").push_bind(first_id(at + SAME_REQUEST));
            }
            Self::HasChild(id) => {
                sql.push("e.id = (SELECT c.parent_id FROM executions c WHERE c.id = ")
                    .push_bind(*id)
                    .push(")");
            }
            Self::Had(status) => drop(sql.push_bind(status.clone()).push(" = ANY (e.log_statuses)")),
            Self::Json(document, path, value) => {
                let quoted = serde_json::Value::from(value.as_str()).to_string();
                document.wrap(sql, path, |sql, source| {
                    push_json(sql, source, path);
                    sql.push("::text IN (").push_bind(quoted.clone());
                    sql.push(", ").push_bind(value.clone()).push(")");
                });
            }
            Self::NoJson(document, path) => document.wrap(sql, path, |sql, source| {
                push_json(sql, source, path);
                sql.push(" IS NULL");
            }),
            Self::Never => drop(sql.push("false")),
        }
    }
}

impl Column {
    fn sql(self) -> &'static str {
        match self {
            Self::ActionRef => "e.action_ref",
            Self::Runner => "e.runner",
            Self::Status => "e.status",
            Self::User => "e.user_name",
            Self::Parent => "e.parent_id",
        }
    }
}

/// Names a JSON expression that PostgreSQL can look into.
macro_rules! searchable {
    ($json:literal) => {
        concat!(
            "CASE WHEN strpos(",
            $json,
            "::text, '\\u0000') = 0 THEN ",
            $json,
            " ELSE replace(",
            $json,
            "::text, '\\u0000', '\\ufffd')::json END"
        )
    };
}

const OWN_ORIGIN: &str = concat!("(", searchable!("e.extras"), ") -> 'origin'");
const SHARED_ORIGIN: &str = searchable!("o.facts");
/// The event of a rule as executions show it, where the table of events is `t`.
const EVENT: &str = concat!(
    "json_build_object('trigger_instance', json_build_object('trigger', t.trigger, 'occurrence_time', ",
    "to_char(t.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"000Z\"'), ",
    "'status', 'processing', 'id', encode(t.id, 'hex'), 'payload', ",
    searchable!("t.payload"),
    "))"
);
const OF_EVENT: &str = " FROM trigger_instances t WHERE t.id = e.trigger_instance_id";
/// Its id alone, for which nothing has to be looked up: what executions are nearly always filtered by.
const EVENT_ID: &str =
    "json_build_object('trigger_instance', json_build_object('id', encode(e.trigger_instance_id, 'hex')))";

impl Document {
    fn sql(self) -> &'static str {
        match self {
            Self::Parameters => searchable!("e.parameters"),
            Self::Context => searchable!("e.context"),
            Self::Origin => OWN_ORIGIN,
            Self::Action => searchable!("s.action"),
            Self::Runner => searchable!("s.runner"),
        }
    }

    /// Where a path into it leads to what many executions share, if they do.
    fn is_shared(self, path: &[String]) -> bool {
        self == Self::Origin && path.first().is_none_or(|name| name != Origin::EVENT)
    }

    /// Where a path into it leads to what is stored with an event, if it came of one.
    fn is_event(self, path: &[String]) -> bool {
        self == Self::Origin && !self.is_shared(path)
    }

    /// What shows the part of an event that a path leads to, and where that is taken from.
    fn event(path: &[String]) -> (&'static str, &'static str) {
        if path.get(1).is_some_and(|name| name == "id") { (EVENT_ID, "") } else { (EVENT, OF_EVENT) }
    }

    /// What is shared is stored few times: it is searched first, then the executions that have it.
    fn wrap(
        self,
        sql: &mut QueryBuilder<'_, Postgres>,
        path: &[String],
        condition: impl Fn(&mut QueryBuilder<'_, Postgres>, &'static str),
    ) {
        match self {
            Self::Action | Self::Runner => {
                sql.push("e.snapshot_id IN (SELECT s.id FROM action_snapshots s WHERE ");
                condition(sql, self.sql());
                sql.push(")");
            }
            Self::Origin if self.is_shared(path) => {
                sql.push("CASE WHEN e.origin_id IS NULL THEN ");
                condition(sql, OWN_ORIGIN);
                sql.push(" ELSE e.origin_id IN (SELECT o.id FROM origins o WHERE ");
                condition(sql, SHARED_ORIGIN);
                sql.push(") END");
            }
            Self::Origin => {
                let (event, from) = Self::event(path);
                sql.push("CASE WHEN e.trigger_instance_id IS NULL THEN ");
                condition(sql, OWN_ORIGIN);
                sql.push(" ELSE (SELECT ");
                condition(sql, event);
                sql.push(from).push(") END");
            }
            Self::Parameters | Self::Context => condition(sql, self.sql()),
        }
    }

    /// What a path leads to.
    fn push(self, sql: &mut QueryBuilder<'_, Postgres>, path: &[String]) {
        if self.is_shared(path) {
            sql.push("CASE WHEN e.origin_id IS NULL THEN ");
            push_json(sql, OWN_ORIGIN, path);
            sql.push("::text ELSE (SELECT ");
            push_json(sql, SHARED_ORIGIN, path);
            sql.push("::text FROM origins o WHERE o.id = e.origin_id) END");
        } else if self.is_event(path) {
            let (event, from) = Self::event(path);
            sql.push("CASE WHEN e.trigger_instance_id IS NULL THEN ");
            push_json(sql, OWN_ORIGIN, path);
            sql.push("::text ELSE (SELECT ");
            push_json(sql, event, path);
            sql.push("::text").push(from).push(") END");
        } else {
            push_json(sql, self.sql(), path);
            sql.push("::text");
        }
    }
}

fn push_json(sql: &mut QueryBuilder<'_, Postgres>, source: &str, path: &[String]) {
    sql.push("((").push(source).push(") #> ").push_bind(path.to_vec()).push(")");
}

/// Appends `WHERE …`.
pub(super) fn push_where<'c>(
    sql: &mut QueryBuilder<'_, Postgres>,
    conditions: impl IntoIterator<Item = &'c Condition>,
) {
    sql.push(" WHERE true");
    for condition in conditions {
        sql.push(" AND ");
        condition.push(sql);
    }
}

/// Appends `ORDER BY …`. What compares equal stays in the order it was asked for.
pub(super) fn push_order(sql: &mut QueryBuilder<'_, Postgres>, order: &[Sort]) {
    sql.push(" ORDER BY ");
    for sort in order {
        // StackStorm's database sorts by bytes, and what is missing first.
        match &sort.key {
            SortKey::Id => {
                // Ids differ, so nothing after them matters; and they are never missing: saying where missing
                // ones go would keep the index from being used.
                sql.push(if sort.descending { "e.id DESC" } else { "e.id" });
                return;
            }
            SortKey::Liveaction => drop(sql.push("e.liveaction_id")),
            SortKey::Column(Column::Parent) => drop(sql.push("e.parent_id")),
            SortKey::Column(column) => drop(sql.push(column.sql()).push(" COLLATE \"C\"")),
            SortKey::Json(document, path) => {
                sql.push("(");
                document.push(sql, path);
                sql.push(") COLLATE \"C\"");
            }
        }
        sql.push(if sort.descending { " DESC NULLS LAST, " } else { " NULLS FIRST, " });
    }
    sql.push("e.id");
}

fn first_id(at: DateTime<Utc>) -> ExecutionId {
    ExecutionId(ObjectId::lowest_at(at))
}
