//! API keys. Only the answer to their creation ever shows one.

use super::timestamp;
use crate::model::ApiKey;
use crate::schema::secrets::MASK;
use serde_json::{Map, Value, json};

/// Every field clients may ask for.
pub const FIELDS: &[&str] = &["id", "uid", "user", "key_hash", "metadata", "created_at", "enabled"];

/// A key; masked, what identifies it is hidden.
pub fn value(key: &ApiKey, mask: bool) -> Map<String, Value> {
    let hash = if mask { MASK } else { key.key_hash.as_str() };
    let uid = if mask { MASK.to_owned() } else { uid(key) };
    fields([
        ("uid", json!(uid)),
        ("user", json!(key.user)),
        ("key_hash", json!(hash)),
        ("metadata", json!(key.metadata)),
        ("created_at", json!(timestamp::micros(key.created_at))),
        ("enabled", json!(key.enabled)),
        ("id", json!(key.id)),
    ])
}

/// The answer to its creation: with its text, or null when only the hash is known.
pub fn created(key: &ApiKey, text: Option<&str>) -> Map<String, Value> {
    fields([
        ("uid", json!(uid(key))),
        ("user", json!(key.user)),
        ("metadata", json!(key.metadata)),
        ("created_at", json!(timestamp::micros(key.created_at))),
        ("enabled", json!(key.enabled)),
        ("id", json!(key.id)),
        ("key", json!(text)),
    ])
}

/// `api_key:<hash>`.
pub fn uid(key: &ApiKey) -> String {
    format!("api_key:{}", key.key_hash)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
