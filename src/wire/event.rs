//! Events and what rules made of them, as clients see them.

use super::timestamp;
use crate::model::{Enforcement, TriggerInstance, TriggerInstanceId, TriggerInstanceStatus};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

/// Fields of a trigger instance.
pub const TRIGGER_INSTANCE_FIELDS: &[&str] = &["id", "trigger", "payload", "occurrence_time", "status"];

/// Fields of a rule enforcement.
pub const ENFORCEMENT_FIELDS: &[&str] = &[
    "id",
    "uid",
    "trigger_instance_id",
    "execution_id",
    "failure_reason",
    "rule",
    "enforced_at",
    "status",
    "tags",
];

/// A trigger instance as an execution of a rule shows what it came of; its payload is not copied.
#[derive(Clone, Debug, Serialize)]
pub struct ShownInstance<'a> {
    /// Reference of its trigger.
    pub trigger: &'a str,
    /// When.
    pub occurrence_time: String,
    /// How far the rules were.
    pub status: &'static str,
    /// Its id.
    pub id: TriggerInstanceId,
    /// What it brings.
    pub payload: &'a RawValue,
}

impl<'a> ShownInstance<'a> {
    /// As StackStorm noted it: when the rules were about to have their say.
    pub fn taken_up(
        id: TriggerInstanceId,
        trigger: &'a str,
        occurred_at: DateTime<Utc>,
        payload: &'a RawValue,
    ) -> Self {
        let occurrence_time = timestamp::millis(occurred_at);
        Self { trigger, occurrence_time, status: TriggerInstanceStatus::Processing.as_str(), id, payload }
    }
}

/// A trigger instance.
pub fn trigger_instance(it: &TriggerInstance) -> Map<String, Value> {
    Map::from_iter([
        ("trigger".to_owned(), json!(it.trigger)),
        ("occurrence_time".to_owned(), json!(timestamp::millis(it.occurred_at))),
        ("status".to_owned(), json!(it.status.as_str())),
        ("id".to_owned(), json!(it.id)),
        ("payload".to_owned(), it.payload.clone()),
    ])
}

/// A rule enforcement. What it does not have is left out.
pub fn enforcement(it: &Enforcement) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("trigger_instance_id".to_owned(), json!(it.trigger_instance));
    if let Some(execution) = it.execution {
        fields.insert("execution_id".to_owned(), json!(execution));
    }
    if let Some(reason) = &it.failure_reason {
        fields.insert("failure_reason".to_owned(), json!(reason));
    }
    fields.insert("rule".to_owned(), json!({"ref": it.rule_ref, "id": it.rule, "uid": it.rule_uid()}));
    fields.insert("enforced_at".to_owned(), json!(timestamp::micros(it.enforced_at)));
    fields.insert("status".to_owned(), json!(it.status()));
    fields.insert("id".to_owned(), json!(it.id));
    fields
}
