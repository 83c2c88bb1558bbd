//! What packs are configured with, and what they can be.

use crate::{
    model::{ConfigSchema, PackConfig},
    schema::secrets,
};
use serde_json::{Map, Value, json};

/// A configuration schema.
pub fn schema(schema: &ConfigSchema) -> Map<String, Value> {
    fields([("pack", json!(schema.pack)), ("attributes", json!(schema.attributes)), ("id", json!(schema.id))])
}

/// A configuration; with a schema given, what is secret by it is masked.
pub fn value(config: &PackConfig, mask_by: Option<&Map<String, Value>>) -> Map<String, Value> {
    let values = Value::Object(config.values.clone());
    let values = match mask_by {
        Some(schema) => secrets::mask(&values, &secrets::of(schema)),
        None => values,
    };
    fields([("pack", json!(config.pack)), ("values", values), ("id", json!(config.id))])
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
