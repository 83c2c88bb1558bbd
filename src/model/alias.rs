//! Action aliases: how people ask for an action in a chat.

use super::AliasId;
use serde_json::{Map, Value};

/// An action alias.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// Identity.
    pub id: AliasId,
    /// Pack ref.
    pub pack: String,
    /// Name, unique within the pack.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled alias is not matched.
    pub enabled: bool,
    /// Reference of the action; need not exist.
    pub action_ref: String,
    /// Texts, and objects `{display, representation, match_multiple}`.
    pub formats: Vec<Value>,
    /// `{enabled, format, extra, append_url}`, or empty.
    pub ack: Map<String, Value>,
    /// `{enabled, format, extra}`, or empty.
    pub result: Map<String, Value>,
    /// What adapters read.
    pub extra: Map<String, Value>,
    /// Parameters that nobody can give another value; templates.
    pub immutable_parameters: Map<String, Value>,
    /// Path of the metadata file relative to the pack, or empty.
    pub metadata_file: String,
}

impl Alias {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `action_alias:pack:name`.
    pub fn uid(&self) -> String {
        format!("action_alias:{}:{}", self.pack, self.name)
    }
}
