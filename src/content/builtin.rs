//! What the program registers of its own besides runner types: trigger types, rule types, policy types. One
//! embedded YAML file each.

use super::{document::Document, trigger};
use crate::model::{PolicyType, PolicyTypeId, RuleType, RuleTypeId, TriggerType};
use anyhow::{Context, anyhow};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The pack of our trigger types.
const PACK: &str = "core";

const TRIGGER_TYPES: &str = include_str!("builtin/trigger_types.yaml");
const RULE_TYPES: &str = include_str!("builtin/rule_types.yaml");
const POLICY_TYPES: &str = include_str!("builtin/policy_types.yaml");

/// The trigger types, each with a new id.
///
/// # Errors
/// Our own file is broken; says where.
pub fn trigger_types() -> anyhow::Result<Vec<TriggerType>> {
    let items = items(TRIGGER_TYPES).context("trigger_types.yaml")?;
    items
        .into_iter()
        .map(|item| {
            let name = item.get("name").map(Value::to_string).unwrap_or_default();
            trigger::validate_type(&Value::Object(item.clone())).context(name)?;
            Ok(trigger::type_from_fields(&item, PACK, None))
        })
        .collect()
}

/// The rule types, each with a new id.
///
/// # Errors
/// Our own file is broken; says where.
pub fn rule_types() -> anyhow::Result<Vec<RuleType>> {
    let items = items(RULE_TYPES).context("rule_types.yaml")?;
    items
        .into_iter()
        .map(|mut item| {
            Ok(RuleType {
                id: RuleTypeId::generate(),
                name: text(&mut item, "name")?,
                description: text(&mut item, "description")?,
                enabled: true,
                parameters: Map::new(),
            })
        })
        .collect()
}

/// The policy types, each with a new id.
///
/// # Errors
/// Our own file is broken; says where.
pub fn policy_types() -> anyhow::Result<Vec<PolicyType>> {
    let items = items(POLICY_TYPES).context("policy_types.yaml")?;
    items
        .into_iter()
        .map(|mut item| {
            Ok(PolicyType {
                id: PolicyTypeId::generate(),
                resource_type: text(&mut item, "resource_type")?,
                name: text(&mut item, "name")?,
                description: text(&mut item, "description")?,
                enabled: true,
                module: text(&mut item, "module")?,
                parameters: match item.remove("parameters") {
                    Some(Value::Object(parameters)) => parameters,
                    _ => Map::new(),
                },
            })
        })
        .collect()
}

/// Changes when one of them does.
pub(super) fn fingerprint() -> Vec<u8> {
    let mut hash = Sha256::new();
    for text in [TRIGGER_TYPES, RULE_TYPES, POLICY_TYPES] {
        hash.update(text);
    }
    hash.finalize().to_vec()
}

fn items(text: &str) -> anyhow::Result<Vec<Map<String, Value>>> {
    let mut document = Document::yaml(text.to_owned()).map_err(|error| anyhow!("{error}"))?;
    let Value::Array(items) = document.value.take() else { return Err(anyhow!("is no list")) };
    let object = |item| match item {
        Value::Object(fields) => Ok(fields),
        other => Err(anyhow!("{other} is no mapping")),
    };
    items.into_iter().map(object).collect()
}

fn text(fields: &mut Map<String, Value>, key: &str) -> anyhow::Result<String> {
    match fields.remove(key) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(anyhow!("{} has no text `{key}`", Value::Object(fields.clone()))),
    }
}
