//! What an action answered: a value, or JSON text that nobody needed to take apart.

use serde::{Serialize, Serializer};
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

/// The result of an action.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A value made here.
    Value(Value),
    /// JSON as the action wrote it: large results are read and written as they are.
    Text(Arc<RawValue>),
}

impl Answer {
    /// As JSON text.
    pub fn into_text(self) -> Arc<RawValue> {
        match self {
            Self::Value(value) => {
                let raw = serde_json::value::to_raw_value(&value);
                Arc::from(raw.unwrap_or_default())
            }
            Self::Text(text) => text,
        }
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Box<RawValue>> for Answer {
    fn from(text: Box<RawValue>) -> Self {
        Self::Text(text.into())
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let value = |answer: &Self| match answer {
            Self::Value(value) => Some(value.clone()),
            Self::Text(text) => serde_json::from_str(text.get()).ok(),
        };
        value(self) == value(other)
    }
}
