//! Policies: limits and retries laid on an action.

use super::{PolicyId, PolicyTypeId};
use serde_json::{Map, Value};

/// A policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Identity.
    pub id: PolicyId,
    /// Pack ref.
    pub pack: String,
    /// Name, unique within the pack.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled policy is not asked.
    pub enabled: bool,
    /// Reference of the action; need not exist.
    pub resource_ref: String,
    /// Reference of the policy type. One policy of a type for each action.
    pub policy_type: String,
    /// What the type asks for, its defaults filled in.
    pub parameters: Map<String, Value>,
    /// Path of the metadata file relative to the pack, or empty.
    pub metadata_file: String,
}

impl Policy {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `policy:pack:name`.
    pub fn uid(&self) -> String {
        format!("policy:{}:{}", self.pack, self.name)
    }
}

/// What a policy can do.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyType {
    /// Identity.
    pub id: PolicyTypeId,
    /// Kind of what it is laid on: `action`.
    pub resource_type: String,
    /// Name; may have dots.
    pub name: String,
    /// For people.
    pub description: String,
    /// Always on.
    pub enabled: bool,
    /// Python module of StackStorm that held it; clients show it.
    pub module: String,
    /// Parameter schemas.
    pub parameters: Map<String, Value>,
}

impl PolicyType {
    /// `resource_type.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.resource_type, self.name)
    }

    /// `policy_type:resource_type:name`.
    pub fn uid(&self) -> String {
        format!("policy_type:{}:{}", self.resource_type, self.name)
    }
}
