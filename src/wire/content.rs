//! What packs bring besides actions, as clients see it: trigger types, triggers, sensors, rules, aliases, policies, and
//! the types of rules and policies.

use crate::model::{
    Alias, Policy, PolicyType, Rule, RuleType, Sensor, SensorReport, Trigger, TriggerType, time,
};
use serde_json::{Map, Value, json};

/// Fields of a trigger type.
pub const TRIGGER_TYPE_FIELDS: &[&str] = &[
    "id",
    "ref",
    "uid",
    "name",
    "pack",
    "description",
    "payload_schema",
    "parameters_schema",
    "tags",
    "metadata_file",
];

/// Fields of a sensor.
pub const SENSOR_FIELDS: &[&str] = &[
    "id",
    "ref",
    "uid",
    "name",
    "pack",
    "description",
    "artifact_uri",
    "entry_point",
    "enabled",
    "trigger_types",
    "poll_interval",
    "metadata_file",
];

/// Fields of a rule.
pub const RULE_FIELDS: &[&str] = &[
    "id",
    "ref",
    "uid",
    "name",
    "pack",
    "description",
    "type",
    "trigger",
    "criteria",
    "action",
    "enabled",
    "context",
    "tags",
    "metadata_file",
];

/// Fields of an action alias.
pub const ALIAS_FIELDS: &[&str] = &[
    "id",
    "ref",
    "uid",
    "name",
    "pack",
    "description",
    "enabled",
    "action_ref",
    "formats",
    "ack",
    "result",
    "extra",
    "immutable_parameters",
    "metadata_file",
];

/// Fields of a policy.
pub const POLICY_FIELDS: &[&str] = &[
    "id",
    "uid",
    "ref",
    "name",
    "pack",
    "description",
    "enabled",
    "resource_ref",
    "policy_type",
    "parameters",
    "metadata_file",
];

/// Fields of a policy type.
pub const POLICY_TYPE_FIELDS: &[&str] =
    &["id", "uid", "ref", "name", "resource_type", "description", "enabled", "module", "parameters"];

/// What is absent stays absent.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut fields) => {
            fields.retain(|_, value| !value.is_null());
            fields
        }
        _ => Map::new(),
    }
}

/// A trigger type.
pub fn trigger_type(it: &TriggerType) -> Map<String, Value> {
    object(json!({
        "description": it.description, "tags": it.tags, "uid": it.uid(), "metadata_file": it.metadata_file,
        "ref": it.reference(), "name": it.name, "pack": it.pack, "payload_schema": it.payload_schema,
        "parameters_schema": it.parameters_schema, "id": it.id,
    }))
}

/// A trigger.
pub fn trigger(it: &Trigger) -> Map<String, Value> {
    object(json!({
        "uid": it.uid(), "ref": it.reference(), "name": it.name, "pack": it.pack, "type": it.trigger_type,
        "parameters": it.parameters, "description": it.description, "id": it.id,
    }))
}

/// A sensor.
pub fn sensor(it: &Sensor) -> Map<String, Value> {
    object(json!({
        "description": it.description, "uid": it.uid(), "metadata_file": it.metadata_file, "name": it.name,
        "ref": it.reference(), "pack": it.pack, "artifact_uri": it.artifact_uri, "entry_point": it.entry_point,
        "trigger_types": it.trigger_types, "poll_interval": it.poll_interval, "enabled": it.enabled, "id": it.id,
    }))
}

/// How the process of a sensor is doing.
pub fn sensor_process(it: &SensorReport) -> Map<String, Value> {
    object(json!({
        "state": it.state, "since": time::iso(it.since), "node": it.node, "pid": it.pid,
        "failures": it.failures, "last_error": it.last_error, "exit_code": it.exit_code,
        "retry_at": it.retry_at.map(time::iso), "sent": it.sent, "refused": it.refused,
        "last_sent_at": it.last_sent_at.map(time::iso), "log": it.log,
    }))
}

/// A rule. Its trigger is shown with type and parameters, or by its reference alone if it is gone.
pub fn rule(it: &Rule, trigger: Option<&Trigger>) -> Map<String, Value> {
    let trigger = match trigger {
        Some(trigger) => json!({
            "type": trigger.trigger_type, "parameters": trigger.parameters, "ref": trigger.reference(),
        }),
        None => json!(it.trigger),
    };
    let mut action = Map::from_iter([
        ("ref".to_owned(), json!(it.action)),
        ("parameters".to_owned(), Value::Object(it.action_parameters.clone())),
    ]);
    if let Some(description) = &it.action_description {
        action.insert("description".to_owned(), json!(description));
    }
    object(json!({
        "tags": it.tags, "uid": it.uid(), "metadata_file": it.metadata_file, "name": it.name,
        "ref": it.reference(), "description": it.description, "pack": it.pack,
        "type": {"ref": it.rule_type, "parameters": it.type_parameters}, "trigger": trigger,
        "criteria": it.criteria, "action": action, "context": it.context, "enabled": it.enabled, "id": it.id,
    }))
}

/// A rule type.
pub fn rule_type(it: &RuleType) -> Map<String, Value> {
    object(json!({
        "name": it.name, "description": it.description, "enabled": it.enabled, "parameters": it.parameters,
        "id": it.id,
    }))
}

/// An action alias.
pub fn alias(it: &Alias) -> Map<String, Value> {
    object(json!({
        "uid": it.uid(), "metadata_file": it.metadata_file, "name": it.name, "ref": it.reference(),
        "description": it.description, "pack": it.pack, "enabled": it.enabled, "action_ref": it.action_ref,
        "formats": it.formats, "ack": it.ack, "result": it.result, "extra": it.extra,
        "immutable_parameters": it.immutable_parameters, "id": it.id,
    }))
}

/// A policy.
pub fn policy(it: &Policy) -> Map<String, Value> {
    object(json!({
        "uid": it.uid(), "metadata_file": it.metadata_file, "name": it.name, "ref": it.reference(),
        "description": it.description, "pack": it.pack, "enabled": it.enabled, "resource_ref": it.resource_ref,
        "policy_type": it.policy_type, "parameters": it.parameters, "id": it.id,
    }))
}

/// A policy type.
pub fn policy_type(it: &PolicyType) -> Map<String, Value> {
    object(json!({
        "name": it.name, "description": it.description, "uid": it.uid(), "ref": it.reference(),
        "resource_type": it.resource_type, "enabled": it.enabled, "module": it.module,
        "parameters": it.parameters, "id": it.id,
    }))
}
