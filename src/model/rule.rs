//! Rules: when an event of a trigger meets the criteria, an action runs.

use super::{RuleId, RuleTypeId};
use serde_json::{Map, Value};

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Identity.
    pub id: RuleId,
    /// Pack ref.
    pub pack: String,
    /// Name, unique within the pack.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled rule is not looked at.
    pub enabled: bool,
    /// Name of its rule type.
    pub rule_type: String,
    /// What the rule type asks for.
    pub type_parameters: Map<String, Value>,
    /// Reference of its trigger.
    pub trigger: String,
    /// Key → `{type, pattern, condition?}`, in the order written.
    pub criteria: Map<String, Value>,
    /// Reference of the action; need not exist.
    pub action: String,
    /// Templates of the action's parameters.
    pub action_parameters: Map<String, Value>,
    /// For people.
    pub action_description: Option<String>,
    /// `{user}`: who wrote it last; empty for rules of packs.
    pub context: Map<String, Value>,
    /// `[{name, value}]`.
    pub tags: Vec<Value>,
    /// Path of the metadata file relative to the pack, or empty.
    pub metadata_file: String,
}

impl Rule {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `rule:pack:name`.
    pub fn uid(&self) -> String {
        format!("rule:{}:{}", self.pack, self.name)
    }
}

/// How rules of a kind stand to the others.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleType {
    /// Identity.
    pub id: RuleTypeId,
    /// `standard` or `backstop`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Always on.
    pub enabled: bool,
    /// Parameter schemas.
    pub parameters: Map<String, Value>,
}
