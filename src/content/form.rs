//! What metadata files of all kinds have in common: a form they must have, and faults with a place.

use crate::schema::{self, Options, Step, Validator};
use serde_json::{Map, Value, json};

/// A fault of metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong, in StackStorm's words where it has any.
    pub message: String,
    /// Which part of the metadata.
    pub path: Vec<Step>,
}

impl Error {
    /// A fault of the part at `path`.
    pub(super) fn new<const N: usize>(message: impl Into<String>, path: [&str; N]) -> Self {
        Self { message: message.into(), path: path.map(|key| Step::Key(key.to_owned())).to_vec() }
    }

    /// The same fault, of a part of the part at `key`.
    pub(super) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, Step::Key(key.to_owned()));
        self
    }
}

impl From<schema::Error> for Error {
    fn from(error: schema::Error) -> Self {
        Self { message: error.message, path: error.path }
    }
}

/// Checks against one of our own forms, filling in its defaults.
pub(super) fn validator(form: Value) -> Validator {
    let options = Options { use_default: true, allow_default_none: true, explain: false };
    Validator::new(form, options).expect("our own schema is one")
}

/// The form of an object that has these properties and no others.
pub(super) fn closed(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// A text that may be left out.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// A text that must be there.
pub(super) fn required_text() -> Value {
    json!({"type": "string", "required": true})
}

/// An object of any kind.
pub(super) fn object() -> Value {
    json!({"type": "object"})
}

/// `[{name, value}]`.
pub(super) fn tags() -> Value {
    json!({"type": "array", "items": {"type": "object"}})
}

/// Fields of metadata that has its form: what is missing or null is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn text(self, key: &str) -> Option<String> {
        self.0.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    pub(super) fn map(self, key: &str) -> Map<String, Value> {
        self.object(key).map(|fields| fields.0.clone()).unwrap_or_default()
    }

    pub(super) fn object(self, key: &str) -> Option<Fields<'a>> {
        self.0.get(key).and_then(Value::as_object).map(Fields)
    }

    pub(super) fn list(self, key: &str) -> Vec<Value> {
        self.0.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Tags, each with a name and a value and nothing else.
    pub(super) fn tags(self) -> Vec<Value> {
        let part = |tag: &Value, key: &str| tag.get(key).cloned().unwrap_or_else(|| json!(""));
        self.list("tags")
            .iter()
            .map(|tag| json!({"name": part(tag, "name"), "value": part(tag, "value")}))
            .collect()
    }

    pub(super) fn flag(self, key: &str, default: bool) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(default)
    }
}
