//! Inquiries: what is asked, of whom, and until when. Unlike elsewhere, a field without a value is shown as null.

use crate::model::ExecutionId;
use serde_json::{Map, Value, json};

/// The parts of a question, in the order they are shown.
const PARTS: [&str; 5] = ["route", "ttl", "users", "roles", "schema"];

/// An inquiry; `part` tells the parts of its question.
pub fn value<'a>(id: ExecutionId, part: impl Fn(&str) -> &'a Value) -> Map<String, Value> {
    let parts = PARTS.into_iter().map(|name| (name.to_owned(), part(name).clone()));
    std::iter::once(("id".to_owned(), json!(id))).chain(parts).collect()
}
