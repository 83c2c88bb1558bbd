//! The intermediate form: what every kind of definition is compiled to, once, before it runs.
//!
//! Names are resolved to numbers, transitions are in the order they are visited, and what depends on the
//! shape of the whole (splits, cycles, joins) is known per task, so that a step of the conductor looks at
//! one task and its edges only.
//!
//! Room for other front ends: the meaning that differs between languages stands in fields
//! ([`Transition::remediates`], [`Task::command`], [`Join`]), not in the conductor; an action chain is a
//! row of tasks with transitions on success and on failure, and what Mistral's `on-success`, `on-error` and
//! `on-complete` mean is a condition and that flag. Expressions are values for whoever evaluates them.

use std::collections::HashMap;

use serde_json::Value;

/// The place of a task in [`Graph::tasks`].
pub type TaskIx = usize;

/// A compiled definition.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// What the workflow takes: name and default, in order.
    pub input: Vec<(String, Value)>,
    /// What it computes at its start, in order.
    pub vars: Vec<(String, Value)>,
    /// What it gives at its end, in order.
    pub output: Vec<(String, Value)>,
    /// The tasks that can be reached, commands included.
    pub tasks: Vec<Task>,
    /// Where a task stands.
    pub names: HashMap<String, TaskIx>,
    /// The tasks to begin with, sorted by name.
    pub starts: Vec<TaskIx>,
}

/// A task.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// What it does; `null` does nothing and succeeds.
    pub action: Value,
    /// The action's parameters; `null` when none are given.
    pub input: Value,
    /// Seconds to wait before it; `null` when it does not.
    pub delay: Value,
    /// Runs its action once per item.
    pub items: Option<Items>,
    /// Runs its action again.
    pub retry: Option<Retry>,
    /// Waits for several tasks.
    pub join: Option<Join>,
    /// Is a word to the engine, and no task of the definition.
    pub command: Option<Command>,
    /// Each transition that leads here runs it on a route of its own.
    pub splits: bool,
    /// Where it leads, sorted by the name of the destination.
    pub next: Vec<Transition>,
    /// Where it is reached from: a task and the place in its `next`.
    pub inbound: Vec<(TaskIx, usize)>,
    /// How many different tasks lead here.
    pub sources: usize,
}

/// From one task to another.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The destination.
    pub to: TaskIx,
    /// Its name in the source's records: `<destination>__t<k>`, `k` among the edges of the same pair.
    pub id: String,
    /// Its name in the destination's records and in routes: `<source>__t<k>`.
    pub back: String,
    /// Taken when this is true; `None` is always taken.
    pub when: Option<Value>,
    /// What it adds to the context, in order.
    pub publish: Vec<(String, Value)>,
    /// Whether taking it makes up for the failure of its source.
    pub remediates: bool,
}

/// What the engine does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Succeeds.
    Continue,
    /// Succeeds.
    Noop,
    /// Fails the workflow.
    Fail,
}

impl Command {
    /// The words that name no task, `retry` included.
    pub const WORDS: [&'static str; 4] = ["continue", "fail", "noop", "retry"];

    /// The command of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "continue" => Some(Self::Continue),
            "noop" => Some(Self::Noop),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// How many of the tasks that lead here must have done so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Each of them.
    All,
    /// So many of them.
    Some(usize),
}

/// A task that runs once per item.
#[derive(Debug, Clone)]
pub struct Items {
    /// The expression that gives the list.
    pub list: Value,
    /// What the parts of an item are called; empty when an item has no names.
    pub names: Vec<String>,
    /// How many run at once; `null` when all do.
    pub concurrency: Value,
}

/// A task that is tried again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Tried again while this is true; `None`: while it fails.
    pub when: Option<Value>,
    /// How many more times.
    pub count: Value,
    /// Seconds between the attempts.
    pub delay: Value,
}

impl Graph {
    /// The place of a task.
    pub fn find(&self, name: &str) -> Option<TaskIx> {
        self.names.get(name).copied()
    }
}
