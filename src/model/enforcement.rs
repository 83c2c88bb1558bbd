//! Rule enforcements: what a rule made of an event.

use super::{EnforcementId, ExecutionId, RuleId, TriggerInstanceId};
use chrono::{DateTime, Utc};

/// An execution that a rule asked for, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// Identity.
    pub id: EnforcementId,
    /// The event.
    pub trigger_instance: TriggerInstanceId,
    /// The rule; it may be gone by now.
    pub rule: RuleId,
    /// Its reference.
    pub rule_ref: String,
    /// Which of those of this rule and event: 0 for the enforcement, others for criteria that could not be compared.
    pub number: i32,
    /// What was asked for.
    pub execution: Option<ExecutionId>,
    /// Why nothing was asked for.
    pub failure_reason: Option<String>,
    /// When.
    pub enforced_at: DateTime<Utc>,
}

impl Enforcement {
    /// The word on the wire and in the database.
    pub fn status(&self) -> &'static str {
        if self.failure_reason.is_none() { "succeeded" } else { "failed" }
    }

    /// `rule:pack:name`.
    pub fn rule_uid(&self) -> String {
        format!("rule:{}", self.rule_ref.replacen('.', ":", 1))
    }
}
