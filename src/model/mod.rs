//! The nouns of StackStorm and the rules they carry themselves: ids, statuses, actions, executions.
//!
//! Plain data. How it looks on the wire is `wire`'s business, how it is kept `store`'s.

mod action;
mod execution;
mod identity;
mod ids;
mod pack;
mod status;

pub use action::{Action, NewAction, RunnerType, Snapshot, SnapshotViews};
pub use execution::{Execution, ExecutionRequest, LogEntry, RunnerInfo};
pub use identity::{ApiKey, Token, User};
pub use ids::*;
pub use pack::Pack;
pub use status::ExecutionStatus;
