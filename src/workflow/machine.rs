//! The tables: what a report or a request makes of the status of a task and of the whole workflow.
//!
//! `None` means that nothing changes. Each function is one table of the contract, an arm per row.

#[allow(clippy::enum_glob_use, reason = "the tables read as tables")]
use super::Status::{self, *};

/// How the tasks beside the one that reports stand, as far as the workflow's status depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// One is canceling or canceled.
    Canceled,
    /// One is pausing, paused or pending.
    Paused,
    /// Something will run.
    Incomplete,
    /// Nothing is left.
    Completed,
}

/// How a task ended or where it stands, in the eyes of the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// It has this status.
    Is(Status),
    /// It failed, and the definition says what to do then.
    Remediated,
}

/// What a request makes of a workflow.
pub(super) fn workflow_request(from: Status, request: Status, active: bool, done: bool) -> Option<Status> {
    let pausing = if active { Pausing } else { Paused };
    let canceling = if active { Canceling } else { Canceled };
    let to = match (from, request) {
        (Unset, Requested | Scheduled | Delayed | Running | Failed) => request,
        (Requested, Scheduled | Delayed | Running | Failed) => request,
        (Scheduled, Delayed | Running | Failed) => request,
        (Delayed, Scheduled | Running | Failed) => request,
        (Requested | Scheduled | Delayed, Pausing | Paused) if !active => Paused,
        (Requested | Scheduled | Delayed, Canceling | Canceled) if !active => Canceled,
        (Running | Pausing | Resuming, Pausing | Paused) => pausing,
        (Running | Pausing | Resuming | Canceling, Canceling | Canceled) => canceling,
        (Running, Failed | Succeeded) => request,
        (Pausing, Running | Resuming | Failed) => request,
        (Paused, Running | Resuming) if done => Succeeded,
        (Paused, Running | Resuming | Failed) => request,
        (Paused, Canceling | Canceled) if !active => Canceled,
        (Resuming, Running | Failed) => request,
        (Canceling | Succeeded, Failed) => Failed,
        _ => return None,
    };
    Some(to)
}

/// What a task's status makes of its workflow.
pub(super) fn workflow_on_task(from: Status, report: Report, active: bool, rest: Rest) -> Option<Status> {
    use Report::{Is, Remediated};
    let pausing = if active { Pausing } else { Paused };
    let canceling = if active { Canceling } else { Canceled };
    let to = match (from, report) {
        (Running | Pausing | Resuming, Is(Failed | Timeout | Abandoned)) => Failed,
        (Running | Pausing | Resuming, Is(Canceling)) => Canceling,
        (Running | Pausing | Resuming | Canceling, Is(Canceled)) => canceling,
        (Running | Pausing | Resuming, Is(Pending)) => pausing,
        (Running, Is(Pausing)) => Running,
        // A paused task does not pause the others; the last one to be active does.
        (Running, Is(Paused)) => {
            if active {
                Running
            } else {
                Paused
            }
        }
        (Running, Is(Succeeded) | Remediated) => match rest {
            Rest::Canceled => canceling,
            Rest::Paused => pausing,
            Rest::Incomplete => Running,
            Rest::Completed if active => Running,
            Rest::Completed => Succeeded,
        },
        (Pausing, Is(Paused | Retrying)) => pausing,
        (Pausing, Is(Succeeded)) if active => Pausing,
        (Pausing, Is(Succeeded) | Remediated) => match rest {
            Rest::Canceled => canceling,
            _ => pausing,
        },
        (Paused, Is(Running | Resuming)) => Running,
        (Resuming, Is(Running)) => Running,
        (Resuming, Is(Succeeded) | Remediated) => match rest {
            Rest::Canceled | Rest::Paused if active => return None,
            Rest::Canceled => Canceled,
            Rest::Paused => Paused,
            Rest::Incomplete => Running,
            Rest::Completed if active => Running,
            Rest::Completed => Succeeded,
        },
        (
            Canceling,
            Is(Pending | Paused | Succeeded | Failed | Timeout | Abandoned | Retrying) | Remediated,
        ) => canceling,
        _ => return None,
    };
    Some(to)
}

/// What a report of its action makes of a task.
pub(super) fn task_on_action(from: Status, report: Status) -> Option<Status> {
    let to = match (from, report) {
        (Unset, Requested | Scheduled | Delayed | Running | Pending) => report,
        (Requested, Scheduled | Delayed | Running | Pending)
        | (Scheduled, Delayed | Running | Pending)
        | (Delayed, Scheduled | Running | Pending) => report,
        (
            Requested | Scheduled | Delayed,
            Pausing | Paused | Canceling | Canceled | Failed | Timeout | Abandoned,
        ) => report,
        (Running, Running | Pending | Pausing | Paused | Canceling | Canceled | Succeeded) => report,
        (Running | Pending | Pausing | Canceling, Failed | Timeout | Abandoned) => Failed,
        (Pending, Succeeded | Canceled) => report,
        (Pausing, Paused | Resuming | Canceling | Canceled) => report,
        (Paused, Running | Resuming | Canceling | Canceled) => report,
        (Resuming | Retrying, Running | Canceling | Canceled) => report,
        (Canceling, Canceled | Paused) => Canceled,
        _ => return None,
    };
    Some(to)
}

/// How the other items of a task stand when one of them reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// One is active.
    Active,
    /// None is active, one is paused or pending.
    Paused,
    /// … one was canceled.
    Canceled,
    /// … one failed.
    Failed,
    /// … some did not run yet.
    Incomplete,
    /// All have ended well.
    Completed,
}

/// What a report about one item makes of its task.
pub(super) fn task_on_item(from: Status, report: Status, others: Items) -> Option<Status> {
    let ends = matches!(report, Pending | Paused | Succeeded | Failed | Timeout | Abandoned | Canceled);
    if report == Resuming {
        return None;
    }
    if !ends {
        return task_on_action(from, report);
    }
    if others == Items::Active {
        return match (from, report) {
            (Running, Succeeded) => Some(Running),
            (Running, Pending | Paused) => Some(Pausing),
            (Running, Canceled) => Some(Canceling),
            _ => None,
        };
    }
    let to = match (from, report) {
        (Canceling, Succeeded) if others == Items::Completed => Succeeded,
        (Canceling, _) | (Running | Pausing, Canceled) => Canceled,
        (Running | Pausing, Failed | Timeout | Abandoned) => {
            if others == Items::Canceled {
                Canceled
            } else {
                Failed
            }
        }
        (Running | Pausing, Pending | Paused | Succeeded) => match others {
            Items::Canceled => Canceled,
            Items::Failed => Failed,
            Items::Completed if report == Succeeded => Succeeded,
            Items::Incomplete if report == Succeeded && from == Running => Running,
            _ => Paused,
        },
        _ => return None,
    };
    Some(to)
}

/// What a request to the workflow makes of a running task with items: some active, or some not ended.
pub(super) fn task_on_request(
    from: Status,
    request: Status,
    active: bool,
    unfinished: bool,
) -> Option<Status> {
    match (from, request) {
        (Running, Pausing | Paused) if active => Some(Pausing),
        (Running, Pausing | Paused) if unfinished => Some(Paused),
        (Running, Canceling | Canceled) if active => Some(Canceling),
        (Running, Canceling | Canceled) if unfinished => Some(Canceled),
        _ => None,
    }
}
