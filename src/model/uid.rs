//! Uids: how permissions and clients name one thing of any kind, as `action:core:local`.

use super::trigger::parameters_hash;
use serde_json::{Map, Value};

/// What separates the parts.
const SEPARATOR: &str = ":";

/// A text that is no uid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid uid: {0}")]
pub struct BadUid(String);

/// The uid of the thing of this kind that these parts name.
pub fn uid(kind: &str, parts: &[&str]) -> String {
    std::iter::once(kind).chain(parts.iter().copied()).collect::<Vec<_>>().join(SEPARATOR)
}

/// The uid of a trigger. Triggers of a name are told apart by their parameters.
pub fn trigger_uid(pack: &str, name: &str, parameters: &Map<String, Value>) -> String {
    uid("trigger", &[pack, name, &parameters_hash(parameters)])
}

/// Kind and parts of a uid.
///
/// # Errors
/// It has one part only.
pub fn parse_uid(text: &str) -> Result<(&str, Vec<&str>), BadUid> {
    let (kind, parts) = text.split_once(SEPARATOR).ok_or_else(|| BadUid(text.to_owned()))?;
    Ok((kind, parts.split(SEPARATOR).collect()))
}
