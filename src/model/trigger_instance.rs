//! Trigger instances: what happened, once.

use super::{TraceId, TriggerInstanceId};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::{fmt, str::FromStr};

/// One occurrence of a trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerInstance {
    /// Identity.
    pub id: TriggerInstanceId,
    /// Reference of the trigger; it may be gone by now.
    pub trigger: String,
    /// What the event brings, nearly always an object.
    pub payload: Value,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// How far the rules engine is with it.
    pub status: TriggerInstanceStatus,
    /// Where it belongs.
    pub trace: TraceContext,
}

/// How far the rules engine is with a trigger instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerInstanceStatus {
    /// Nobody has looked yet.
    Pending,
    /// Somebody is looking.
    Processing,
    /// Every rule has had its say.
    Processed,
    /// The engine failed, not a rule.
    ProcessingFailed,
}

/// The trace that something belongs to: one that exists, or a new one of this tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// A trace that exists.
    pub id: Option<TraceId>,
    /// Free text.
    pub tag: Option<String>,
}

impl TraceContext {
    /// A new trace of this tag.
    pub fn tagged(tag: impl Into<String>) -> Self {
        Self { id: None, tag: Some(tag.into()) }
    }

    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.tag.is_none()
    }

    /// `{id_, trace_tag}` as contexts carry it; what is not known is null.
    pub fn to_fields(&self) -> Map<String, Value> {
        Map::from_iter([("id_".to_owned(), json!(self.id)), ("trace_tag".to_owned(), json!(self.tag))])
    }
}

impl TriggerInstanceStatus {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::ProcessingFailed => "processing_failed",
        }
    }
}

impl fmt::Display for TriggerInstanceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TriggerInstanceStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Pending, Self::Processing, Self::Processed, Self::ProcessingFailed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is no status of a trigger instance"))
    }
}
