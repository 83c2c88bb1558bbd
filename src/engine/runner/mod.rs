//! Runners: the code that runs actions. What they share of command lines and results.

pub mod arguments;
pub mod command;
pub mod powershell;
pub mod shape;

use crate::model::ExecutionStatus;
use serde_json::Value;

/// How an action ended.
#[derive(Debug)]
pub struct Outcome {
    /// One of the completed statuses, or `pending` and `paused` for runners that wait.
    pub status: ExecutionStatus,
    /// What it answered.
    pub result: Value,
}
