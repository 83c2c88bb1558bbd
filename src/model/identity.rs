//! Who calls: users, tokens and API keys.

use super::{ApiKeyId, TokenId, UserId};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A user known to the system.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Login name.
    pub name: String,
    /// May ask for tokens of other users.
    pub is_service: bool,
    /// Argon2 hash of the password, when this daemon keeps it.
    pub password_hash: Option<String>,
    /// Chat name by origin.
    pub nicknames: Map<String, Value>,
}

/// An access token; only its hash is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Identity.
    pub id: TokenId,
    /// Whose it is.
    pub user: String,
    /// When it ends.
    pub expiry: DateTime<Utc>,
    /// Made by the system for an action or a sensor.
    pub service: bool,
    /// What it was made for.
    pub metadata: Map<String, Value>,
}

/// An API key; only its hash is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Identity.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user: String,
    /// SHA-512 of salt and key, lower-case hex.
    pub key_hash: String,
    /// Free words of its owner.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// A disabled key is refused.
    pub enabled: bool,
}
