//! Entries of the datastore. A secret is shown as its ciphertext, unless it was decrypted before it came here.

use super::timestamp;
use crate::model::{KeyValue, Scope};
use serde_json::{Map, Value, json};

/// An entry. `plain` is its value when it was decrypted.
pub fn value(entry: &KeyValue, plain: Option<&str>) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("uid", json!(entry.key.uid()));
    put("scope", json!(entry.key.scope().as_str()));
    put("name", json!(entry.key.name));
    if let Some(description) = &entry.description {
        put("description", json!(description));
    }
    put("value", json!(plain.unwrap_or(&entry.value)));
    put("secret", json!(entry.secret));
    if let Some(at) = entry.expires_at {
        put("expire_timestamp", json!(timestamp::millis(at)));
    }
    put("id", json!(entry.id));
    if entry.key.scope() == Scope::User {
        put("user", json!(entry.key.owner));
    }
    put("encrypted", json!(entry.secret && plain.is_none()));
    fields
}
