//! The story of an execution, told from facts.

use super::Facts;
use crate::{
    clock,
    engine::policy::limit::{Limit, WhenFull},
    model::{Execution, ExecutionStatus, LogEntry},
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Longest piece of what an action said.
const QUOTED: usize = 300;

/// What led to where an execution stands, in the order it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What happened.
    pub steps: Vec<Step>,
    /// What it waits for now, or how it ended.
    pub now: String,
    /// Commands that tell more, or help; the most useful first.
    pub next: Vec<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: String,
    /// The command that shows it.
    pub command: Option<String>,
}

/// Tells it.
pub(super) fn tell(facts: &Facts) -> Story {
    let mut steps = origin(facts);
    let log = &facts.execution.log;
    for (place, entry) in log.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| log.get(place));
        steps.extend(status(facts, before, entry));
    }
    if let Some(next) = &facts.next_attempt {
        steps.push(Step {
            at: next.id.requested_at(),
            what: format!("A retry policy asked for it again; that attempt {}.", stands(next.status)),
            command: Some(why(next.id)),
        });
    }
    let mut next = next_commands(facts);
    if let Some(trace) = facts.trace {
        next.push(format!("st2 trace get {trace}"));
    }
    Story { steps, now: now(facts), next }
}

fn why(id: impl std::fmt::Display) -> String {
    format!("st2 execution why {id}")
}

/// The task of a workflow that it was asked for.
fn task(execution: &Execution) -> Option<&str> {
    let named = |of: &str, key: &str| execution.context.get(of).and_then(|it| it.get(key)?.as_str());
    named("orquesta", "task_name").or_else(|| named("chain", "name"))
}

/// Where another execution stands.
fn stands(status: ExecutionStatus) -> String {
    match status {
        ExecutionStatus::Succeeded => "has succeeded".to_owned(),
        ExecutionStatus::Failed => "has failed".to_owned(),
        ExecutionStatus::Timeout => "ran out of time".to_owned(),
        ExecutionStatus::Abandoned => "was abandoned".to_owned(),
        ExecutionStatus::Canceled => "was canceled".to_owned(),
        other => format!("is {other}"),
    }
}

/// Who asked for it.
fn origin(facts: &Facts) -> Vec<Step> {
    let execution = &facts.execution;
    let at = execution.start();
    let mut steps = Vec::new();
    if let Some(trigger) = &facts.trigger {
        steps.push(Step {
            at: trigger.occurred_at,
            what: format!("An event of the trigger {} came in.", trigger.trigger),
            command: Some(format!("st2 trigger-instance get {}", trigger.id)),
        });
    }
    let named = |of: &str| execution.context.get(of).and_then(|it| it.get("name")?.as_str());
    if let Some((id, rule)) = &facts.enforcement {
        steps.push(Step {
            at,
            what: format!("The rule {rule} matched it."),
            command: Some(format!("st2 rule-enforcement get {id}")),
        });
    } else if let Some(rule) = named("rule") {
        steps.push(Step { at, what: format!("The rule {rule} matched it."), command: None });
    }
    if let Some(parent) = &facts.parent {
        let task = task(execution).map_or_else(String::new, |task| format!(" for its task {task}"));
        steps.push(Step {
            at,
            what: format!(
                "The workflow {}, which {}, asked for it{task}.",
                parent.action_ref(),
                stands(parent.status)
            ),
            command: Some(why(parent.id)),
        });
    }
    let retry = execution.context.get("policies").and_then(|it| it.get("retry"));
    if let Some(retry) = retry {
        let policy = retry["applied_policy"].as_str().unwrap_or("A retry policy");
        let number = retry["retry_count"].as_i64().unwrap_or(1);
        let of = facts.repeats.as_ref();
        let ended = of.map_or_else(String::new, |it| format!(", after one that {}", stands(it.status)));
        steps.push(Step {
            at,
            what: format!("The policy {policy} asked for it: retry {number}{ended}."),
            command: of.map(|it| why(it.id)),
        });
    }
    if let Some(old) = execution.context.get("re-run").and_then(|it| it.get("ref")?.as_str()) {
        steps.push(Step { at, what: "It is a re-run.".to_owned(), command: Some(why(old)) });
    }
    if steps.is_empty() {
        let user = execution.user().unwrap_or("somebody");
        steps.push(Step { at, what: format!("{user} asked for {}.", execution.action_ref()), command: None });
    }
    steps
}

/// A status it took, in words.
fn status(facts: &Facts, before: Option<&LogEntry>, entry: &LogEntry) -> Option<Step> {
    use ExecutionStatus as S;
    let execution = &facts.execution;
    let by = |mark: &str| {
        let user = execution.context.get(mark).and_then(Value::as_str);
        user.map_or_else(String::new, |user| format!(" by {user}"))
    };
    let what = match entry.status {
        S::Requested if before.is_none() => return None,
        S::Requested => "It was put back into the queue.".to_owned(),
        S::Delayed if execution.delay_ms > 0 => {
            format!("It rested for {} s, as asked.", seconds(execution.delay_ms))
        }
        S::Delayed => {
            "A policy made it wait: there was no room among the executions of its action.".to_owned()
        }
        S::Scheduled => return None,
        S::Running => match &execution.runner_info {
            Some(host) => format!("It was started on {} by st2d, process {}.", host.hostname, host.pid),
            None => "It was started.".to_owned(),
        },
        S::Canceling
            if execution.runner_info.is_none() && !execution.context.contains_key("cancelled_by") =>
        {
            "A policy canceled it: there was no room among the executions of its action.".to_owned()
        }
        S::Canceling => format!("Its end was asked for{}.", by("cancelled_by")),
        S::Pausing => format!("A pause was asked for{}.", by("paused_by")),
        S::Paused => "It paused.".to_owned(),
        S::Resuming => format!("It was asked to go on{}.", by("resumed_by")),
        S::Pending => "It began to wait for an answer.".to_owned(),
        S::Succeeded | S::Failed | S::Timeout | S::Abandoned | S::Canceled => {
            format!("It {}.", ended(execution, entry.status))
        }
    };
    Some(Step { at: entry.timestamp, what, command: None })
}

fn seconds(milliseconds: i64) -> String {
    format!("{}", milliseconds as f64 / 1000.0)
}

/// How it ended.
fn ended(execution: &Execution, status: ExecutionStatus) -> String {
    let word = match status {
        ExecutionStatus::Succeeded => return "succeeded".to_owned(),
        ExecutionStatus::Timeout => "ran out of time",
        ExecutionStatus::Abandoned => "was abandoned",
        ExecutionStatus::Canceled => return "was canceled".to_owned(),
        _ => "failed",
    };
    let result = execution.result.as_ref().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    match result.as_ref().and_then(reason) {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    }
}

/// What a result says about why it is none.
fn reason(result: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(shortened);
    if let Some(error) = text(&result["error"]) {
        return Some(error);
    }
    if let Some(first) = result["errors"].as_array().and_then(|errors| errors.first()) {
        let task = text(&first["task_id"]).map_or_else(String::new, |task| format!(" (task {task})"));
        return text(&first["message"]).map(|message| message + &task);
    }
    let code = ["return_code", "exit_code", "status_code"].iter().find_map(|key| result[*key].as_i64());
    let said = text(&result["stderr"]);
    match (code, said) {
        (Some(code), Some(said)) => Some(format!("it returned {code} and said: {said}")),
        (Some(code), None) => Some(format!("it returned {code}")),
        (None, said) => said,
    }
}

/// The end of a long text says more than its beginning.
fn shortened(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(QUOTED);
    let shown: String = text.chars().skip(skipped).collect();
    if skipped > 0 { format!("… {shown}") } else { shown }
}

/// What it waits for now.
fn now(facts: &Facts) -> String {
    use ExecutionStatus as S;
    let execution = &facts.execution;
    match execution.status {
        S::Requested | S::Delayed => waits(facts),
        S::Scheduled | S::Running => format!("It runs since {}{}.", since(execution), waits_for(facts)),
        S::Canceling => "It is being ended.".to_owned(),
        S::Pausing => "It pauses as soon as what runs for it has ended.".to_owned(),
        S::Paused => "It is paused and waits for somebody to let it go on.".to_owned(),
        S::Resuming => "It is about to go on.".to_owned(),
        S::Pending => "It waits for somebody's answer.".to_owned(),
        S::Succeeded | S::Failed | S::Timeout | S::Abandoned | S::Canceled => {
            let followed =
                if facts.is_followed { " What follows from that is still to be done." } else { "" };
            format!("It {}.{followed}", ended(execution, execution.status))
        }
    }
}

/// What a workflow waits for.
fn waits_for(facts: &Facts) -> String {
    let active = facts.children.iter().filter(|child| child.end.is_none());
    let named: Vec<String> = active
        .map(|child| {
            let name = task(child).map_or_else(|| child.action_ref(), str::to_owned);
            format!("{name} (which {})", stands(child.status))
        })
        .collect();
    if named.is_empty() { String::new() } else { format!(" and waits for {}", named.join(", ")) }
}

fn since(execution: &Execution) -> String {
    let entry = execution.log.last().map_or_else(|| execution.start(), |entry| entry.timestamp);
    entry.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn waits(facts: &Facts) -> String {
    let waiting = &facts.waiting;
    let before = match waiting.before {
        0 => "nobody is before it".to_owned(),
        1 => "one is before it".to_owned(),
        number => format!("{number} are before it"),
    };
    if let Some(due) = waiting.due_at.filter(|due| *due > clock::now()) {
        return format!("It rests until {}.", due.format("%Y-%m-%dT%H:%M:%SZ"));
    }
    if waiting.at_gate {
        let limits: Vec<String> = facts.limits.iter().map(limit).collect();
        return if limits.is_empty() {
            "It waited for a policy that is gone, and goes on in a moment.".to_owned()
        } else {
            format!("It waits for room: {}; {before}.", limits.join(" and "))
        };
    }
    if waiting.in_queue {
        return format!("It waits in the queue for a free place on a node; {before}.");
    }
    "It is about to start.".to_owned()
}

fn limit(limit: &Limit) -> String {
    let equal = match &limit.attributes {
        Some(names) => format!(" with the same {}", names.join(", ")),
        None => String::new(),
    };
    let number = limit.threshold;
    let rest = if limit.when_full == WhenFull::Cancel { " and cancels the others" } else { "" };
    format!("the policy {} lets {number} run at a time{equal}{rest}", limit.policy)
}

/// The commands that help next.
fn next_commands(facts: &Facts) -> Vec<String> {
    use ExecutionStatus as S;
    let id = facts.execution.id;
    // What a workflow waits for, or failed by, knows more.
    let mut commands = match facts.execution.status {
        S::Succeeded => Vec::new(),
        _ => facts.children.iter().map(|child| why(child.id)).collect(),
    };
    match facts.execution.status {
        S::Requested | S::Delayed => {
            commands.extend(facts.holding.iter().map(|other| why(other.id)));
            commands.extend(facts.limits.iter().map(|limit| format!("st2 policy get {}", limit.policy)));
            commands.push(format!("st2 execution cancel {id}"));
        }
        S::Scheduled | S::Running | S::Pausing | S::Resuming | S::Canceling => {
            commands.push(format!("st2 execution tail {id}"));
        }
        S::Paused => commands.push(format!("st2 execution resume {id}")),
        S::Pending => commands.push(format!("st2 inquiry respond {id}")),
        S::Succeeded => commands.push(format!("st2 execution get {id}")),
        S::Failed | S::Timeout | S::Abandoned | S::Canceled => {
            commands.push(format!("st2 execution output {id}"));
            commands.push(format!("st2 execution re-run {id}"));
        }
    }
    commands
}
