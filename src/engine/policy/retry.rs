//! Retries: whether an execution that ended is requested again, and how.

use crate::model::{Execution, ExecutionStatus, Policy};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Another attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    /// How long it rests first.
    pub delay: Duration,
    /// Its context: that of the execution it repeats, with which attempt it is.
    pub context: Map<String, Value>,
}

/// What the retry policy among `policies` says about an execution that has ended. What a workflow asked for is the
/// business of the workflow.
pub fn again(policies: &[Policy], ended: &Execution) -> Option<Again> {
    let is_child =
        ended.context.get("parent").is_some_and(|parent| !parent.is_null() && *parent != json!({}));
    if is_child {
        return None;
    }
    let policy = policies.iter().find(|policy| policy.enabled && policy.policy_type == "action.retry")?;
    let parameter = |name: &str| policy.parameters.get(name);
    let retried = match parameter("retry_on").and_then(Value::as_str)? {
        "failure" => ExecutionStatus::Failed,
        "timeout" => ExecutionStatus::Timeout,
        _ => return None,
    };
    let attempt = attempts(ended) + 1;
    let most = parameter("max_retry_count").and_then(Value::as_i64).unwrap_or(2);
    if ended.status != retried || attempt > most {
        return None;
    }
    let mut context = Map::clone(&ended.context);
    let retry = json!({
        "applied_policy": policy.reference(),
        "retry_count": attempt,
        "retried_liveaction_id": ended.liveaction_id,
    });
    context.insert("policies".to_owned(), json!({"retry": retry}));
    let seconds = parameter("delay").and_then(Value::as_f64).unwrap_or(0.0);
    Some(Again { delay: Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)), context })
}

/// How often it was retried already.
fn attempts(ended: &Execution) -> i64 {
    let policies = ended.context.get("policies");
    policies.and_then(|policies| policies.get("retry")?.get("retry_count")?.as_i64()).unwrap_or(0)
}
