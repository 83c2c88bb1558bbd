//! Trigger types and triggers: the kinds of events, and each kind with parameters.

use super::{TriggerId, TriggerTypeId};
use crate::pytext;
use md5::{Digest, Md5};
use serde_json::{Map, Value};

/// A kind of event: what a rule can wait for.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerType {
    /// Identity.
    pub id: TriggerTypeId,
    /// Pack ref.
    pub pack: String,
    /// Name, unique within the pack; may have dots.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// JSON schema of what an event brings, or empty.
    pub payload_schema: Map<String, Value>,
    /// JSON schema of what a rule has to say, or empty: then there is one trigger of this type, of the same name.
    pub parameters_schema: Map<String, Value>,
    /// `[{name, value}]`.
    pub tags: Vec<Value>,
    /// Path of the metadata file relative to the pack; `None` for those of the program and of the API.
    pub metadata_file: Option<String>,
}

impl TriggerType {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `trigger_type:pack:name`.
    pub fn uid(&self) -> String {
        super::uid("trigger_type", &[&self.pack, &self.name])
    }
}

/// A trigger type with concrete parameters: what events and rules meet in.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Identity.
    pub id: TriggerId,
    /// Pack ref, the type's for those made for rules.
    pub pack: String,
    /// Name, unique within the pack: the type's if that takes no parameters, else a UUID.
    pub name: String,
    /// Reference of its type.
    pub trigger_type: String,
    /// What the type's schema asks for.
    pub parameters: Map<String, Value>,
    /// For people.
    pub description: Option<String>,
    /// Made for rules, and gone with the last of them.
    pub for_rules: bool,
}

impl Trigger {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `trigger:pack:name:hash of the parameters`.
    pub fn uid(&self) -> String {
        super::trigger_uid(&self.pack, &self.name, &self.parameters)
    }
}

/// MD5, in hex, of parameters as Python writes them with sorted keys: equal for equal parameters.
pub fn parameters_hash(parameters: &Map<String, Value>) -> String {
    let mut sorted = Value::Object(parameters.clone());
    sorted.sort_all_objects();
    hex::encode(Md5::digest(pytext::json_dumps(&sorted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hashes_are_stackstorms() {
        for (parameters, hash) in [
            (json!({}), "99914b932bd37a50b983c5e7c90ae93b"),
            (json!({"url": "x"}), "3e6e2093c39c7e1ea9d8658ce4199b24"),
            (json!({"b": 1, "a": 2}), "5e4d14d82c320bafb2f1286fe486d1f8"),
        ] {
            assert_eq!(parameters_hash(parameters.as_object().unwrap()), hash, "{parameters}");
        }
        let nested = json!({"a": {"z": 1, "y": [null, true, 1.5, "ž"]}});
        assert!(parameters_hash(nested.as_object().unwrap()).starts_with("2f65e5b491aac083bdeb4533eaf60cdd"));
    }
}
