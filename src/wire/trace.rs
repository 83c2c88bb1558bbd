//! Traces as clients see them.

use super::timestamp;
use crate::model::{Component, Trace};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

/// Fields of a trace.
pub const FIELDS: &[&str] =
    &["id", "uid", "trace_tag", "start_timestamp", "trigger_instances", "rules", "action_executions"];

/// A trace.
pub fn fields(it: &Trace) -> Map<String, Value> {
    let fields = json!({
        "uid": uid(it),
        "trace_tag": it.tag,
        "trigger_instances": components(&it.trigger_instances),
        "rules": components(&it.rules),
        "action_executions": components(&it.executions),
        "start_timestamp": timestamp::micros(it.start()),
        "id": it.id,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// `trace:` and an MD5.
pub fn uid(it: &Trace) -> String {
    let hash = Md5::new().chain_update(&it.tag).chain_update(it.id.as_bytes()).finalize();
    format!("trace:{}", hex::encode(hash))
}

fn components(all: &[Component]) -> Vec<Value> {
    let cause = |it: &Component| match &it.cause {
        Some((kind, id)) => json!({"type": kind, "id": id}),
        None => json!({}),
    };
    let shown = all.iter().map(|it| {
        json!({
            "object_id": it.id.to_string(),
            "ref": it.reference,
            "updated_at": timestamp::micros(it.at),
            "caused_by": cause(it),
        })
    });
    shown.collect()
}
