//! Access tokens, as their creation answers them.

use super::timestamp;
use crate::model::Token;
use serde_json::{Value, json};

/// A token with its text.
pub fn value(token: &Token, text: &str) -> Value {
    json!({
        "user": token.user,
        "token": text,
        "expiry": timestamp::micros(token.expiry),
        "metadata": token.metadata,
        "service": token.service,
        "id": token.id,
    })
}
