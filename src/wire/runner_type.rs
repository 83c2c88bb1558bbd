//! Runner types.

use super::snapshot;
use crate::model::RunnerType;
use serde_json::{Map, Value};

/// Every field clients may ask for.
pub const FIELDS: &[&str] = &[
    "id",
    "uid",
    "name",
    "description",
    "enabled",
    "runner_package",
    "runner_module",
    "query_module",
    "runner_parameters",
    "output_key",
    "output_schema",
];

/// A runner type as clients see it.
pub fn value(runner: &RunnerType) -> Map<String, Value> {
    match snapshot::runner_value(runner) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
