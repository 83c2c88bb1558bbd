//! Executions: one run of an action.

use super::{ExecutionId, ExecutionStatus, LiveActionId, Origin, Snapshot};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, value::RawValue};
use std::sync::Arc;

/// What a caller asks for.
#[derive(Clone, Debug, Default)]
pub struct ExecutionRequest {
    /// `pack.name`.
    pub action: String,
    /// Values as given; may hold Jinja.
    pub parameters: Map<String, Value>,
    /// On whose behalf; the requester when absent.
    pub user: Option<String>,
    /// Free context; `parent`, `trace_context` and others have meaning. The server sets `user` and `pack` in it.
    pub context: Map<String, Value>,
    /// Laid over the context after that, so it may even replace `user`.
    pub context_override: Map<String, Value>,
    /// Notification section given by the caller.
    pub notify: Map<String, Value>,
    /// Wait this long before scheduling, in milliseconds.
    pub delay_ms: Option<u64>,
    /// Kept for runners that call back.
    pub callback: Map<String, Value>,
}

/// One run of an action. Clients know the same row under two ids: its own and its live action's.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Identity and moment of the request.
    pub id: ExecutionId,
    /// The second id.
    pub liveaction_id: LiveActionId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Action and runner as they were at request time.
    pub snapshot: Arc<Snapshot>,
    /// Rendered and cast parameters; plain defaults are not among them.
    pub parameters: Arc<Map<String, Value>>,
    /// User, pack, parent, trace and what the caller added.
    pub context: Arc<Map<String, Value>>,
    /// Notification section that applies.
    pub notify: Arc<Map<String, Value>>,
    /// Callback of an asynchronous runner.
    pub callback: Arc<Map<String, Value>>,
    /// Requested delay in milliseconds, 0 when none.
    pub delay_ms: i64,
    /// The execution that asked for this one.
    pub parent: Option<ExecutionId>,
    /// Executions this one asked for, oldest first.
    pub children: Vec<ExecutionId>,
    /// Who runs it, once it runs.
    pub runner_info: Option<RunnerInfo>,
    /// JSON text of the result, `None` until there is one.
    pub result: Option<Arc<RawValue>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// Every status it had.
    pub log: Vec<LogEntry>,
    /// What it came of.
    pub origin: Origin,
    /// Node that holds it and that node's epoch; stale epochs change nothing.
    pub holder: Option<(i32, i64)>,
}

/// Process that runs an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerInfo {
    /// Host name.
    pub hostname: Arc<str>,
    /// Process id of the daemon.
    pub pid: i32,
}

/// One line of an execution's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub timestamp: DateTime<Utc>,
    /// The status it took.
    pub status: ExecutionStatus,
}

impl Execution {
    /// When it was requested.
    pub fn start(&self) -> DateTime<Utc> {
        self.id.requested_at()
    }

    /// `pack.name` of its action.
    pub fn action_ref(&self) -> String {
        self.snapshot.action.spec.reference()
    }

    /// The user it runs for.
    pub fn user(&self) -> Option<&str> {
        self.context.get("user").and_then(Value::as_str)
    }

    /// The same execution after it took these statuses, in order, at one moment.
    #[must_use]
    pub fn moved(&self, to: &[ExecutionStatus], result: Option<Arc<RawValue>>, at: DateTime<Utc>) -> Self {
        let status = to.last().copied().unwrap_or(self.status);
        let mut next = self.clone();
        next.status = status;
        next.log.extend(to.iter().map(|status| LogEntry { timestamp: at, status: *status }));
        next.result = result.or(next.result);
        next.end = status.is_completed().then_some(at);
        next
    }

    /// The execution as it stood when it took `status` for the first time: for events of steps taken at once.
    #[must_use]
    pub fn as_of(&self, status: ExecutionStatus) -> Self {
        let mut earlier = self.clone();
        if let Some(place) = earlier.log.iter().position(|entry| entry.status == status) {
            earlier.log.truncate(place + 1);
            earlier.status = status;
            if !status.is_completed() {
                earlier.result = None;
                earlier.end = None;
            }
            if status != ExecutionStatus::Running && !status.is_completed() {
                earlier.runner_info = None;
            }
        }
        earlier
    }
}
