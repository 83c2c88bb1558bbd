//! What the conductor remembers of a run.
//!
//! The fields are those of StackStorm's state document (see `document`); what a step asks often (is a task
//! active, where is the last entry of a task, what is staged) is kept beside them, and every change is
//! noted (see `pieces`), so that a step costs what it changes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    Status,
    evaluate::{Layers, Tasks},
    ir::{Graph, TaskIx},
    log::{self, Log},
    pieces::Changes,
    views::{ViewId, Views},
};

/// A task on one of its routes.
pub(super) type Key = (TaskIx, usize);

/// One run of a task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry {
    /// The task.
    pub task: TaskIx,
    /// Its route.
    pub route: usize,
    /// The contexts it sees, in order.
    pub ins: ViewId,
    /// The contexts its transitions made, by their names.
    pub outs: Vec<(String, usize)>,
    /// The entries it came from, by the names of their transitions.
    pub prev: Vec<(String, usize)>,
    /// What became of its transitions.
    pub next: Vec<Taken>,
    /// How far it is.
    pub status: Status,
    /// Nothing follows it: its context is part of the workflow's last one.
    pub terminal: bool,
    /// Its attempts.
    pub retry: Option<Attempts>,
}

/// What became of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Taken {
    /// Not decided.
    #[default]
    Open,
    /// Its condition was false.
    No,
    /// It was taken.
    Yes,
    /// It was taken, but the join it leads to had begun without it.
    Late,
}

/// The attempts of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempts {
    /// As long as this is true; `None`: as long as it fails.
    pub when: Option<Value>,
    /// How many more at most.
    pub count: i64,
    /// Seconds between them; `null` for none.
    pub delay: Value,
    /// How many were made.
    pub tally: i64,
}

/// A task that will run, runs item by item, or waits for its join.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Staged {
    /// The task.
    pub task: TaskIx,
    /// Its route.
    pub route: usize,
    /// The contexts it will see.
    pub ins: ViewId,
    /// The entries that lead to it.
    pub prev: Vec<(String, usize)>,
    /// May start.
    pub ready: bool,
    /// How far its items are, once they are known.
    pub items: Option<Vec<Status>>,
    /// Its items have ended, and some failed: kept for a rerun.
    pub completed: bool,
    /// Seconds before the next attempt, if this is one.
    pub retry: Option<Attempts>,
    /// Runs although the workflow has failed.
    pub run_on_fail: bool,
    /// Its place among what is staged; 0 before it has one.
    pub(super) order: u64,
}

/// A run, as far as it is.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(super) contexts: Vec<Arc<Map<String, Value>>>,
    pub(super) views: Views,
    pub(super) routes: Vec<Vec<String>>,
    pub(super) entries: Vec<Entry>,
    pub(super) last: HashMap<Key, usize>,
    pub(super) reruns: Vec<Vec<usize>>,
    pub(super) errors: Log,
    pub(super) output: Option<Map<String, Value>>,
    pub(super) changes: Changes,
    status: Status,
    staged: BTreeMap<u64, Staged>,
    staged_at: HashMap<Key, u64>,
    last_order: u64,
    /// How many tasks' last entries have each status.
    counts: [usize; Status::COUNT],
}

impl State {
    /// The status of the workflow.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The runs of tasks, in the order they began.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What went wrong.
    pub fn errors(&self) -> &[log::Entry] {
        self.errors.entries()
    }

    pub(super) fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.changes.status = true;
        }
    }

    pub(super) fn add_context(&mut self, context: Map<String, Value>) -> usize {
        self.contexts.push(Arc::new(context));
        self.contexts.len() - 1
    }

    /// The view of one context alone, or of one behind a view.
    pub(super) fn add_view(&mut self, before: Option<ViewId>, context: usize) -> ViewId {
        self.views.add(before, context, &self.contexts)
    }

    /// The contexts of a view, as they are laid over each other.
    pub(super) fn layers(&self, view: ViewId) -> Layers<'_> {
        Layers::of_view(self, view)
    }

    pub(super) fn log(&mut self, entry: log::Entry) {
        self.errors.add(entry);
    }

    pub(super) fn forget_errors(&mut self, task: &str) {
        if self.errors.forget(task) {
            self.changes.all_errors = true;
        }
    }

    pub(super) fn add_entry(&mut self, entry: Entry) -> usize {
        let at = self.entries.len();
        self.counts[entry.status as usize] += 1;
        if let Some(before) = self.last.insert((entry.task, entry.route), at) {
            self.counts[self.entries[before].status as usize] -= 1;
        }
        self.entries.push(entry);
        self.changes.entries.insert(at);
        at
    }

    /// The entry, to be changed in anything but its status.
    pub(super) fn entry_mut(&mut self, at: usize) -> &mut Entry {
        self.changes.entries.insert(at);
        &mut self.entries[at]
    }

    pub(super) fn set_entry_status(&mut self, at: usize, status: Status) {
        let entry = &mut self.entries[at];
        if self.last.get(&(entry.task, entry.route)) == Some(&at) {
            self.counts[entry.status as usize] -= 1;
            self.counts[status as usize] += 1;
        }
        entry.status = status;
        self.changes.entries.insert(at);
    }

    /// Whether the last entry of some task has a status that `fits`.
    pub(super) fn any(&self, fits: impl Fn(Status) -> bool) -> bool {
        Status::ALL.into_iter().any(|status| self.counts[status as usize] > 0 && fits(status))
    }

    pub(super) fn any_active(&self) -> bool {
        self.any(Status::is_active)
    }

    pub(super) fn staged(&self, key: Key) -> Option<&Staged> {
        self.staged.get(self.staged_at.get(&key)?)
    }

    /// The staged task, to be changed in anything but its items.
    pub(super) fn staged_mut(&mut self, key: Key) -> Option<&mut Staged> {
        let staged = self.staged.get_mut(self.staged_at.get(&key)?)?;
        self.changes.staged.insert(key);
        Some(staged)
    }

    pub(super) fn stage(&mut self, mut staged: Staged) {
        let key = (staged.task, staged.route);
        self.unstage(key);
        self.changes.staged.insert(key);
        if staged.items.is_some() {
            self.changes.all_items.insert(key);
        }
        // What comes from a save keeps its place.
        self.last_order = staged.order.max(self.last_order + 1);
        staged.order = self.last_order;
        self.staged_at.insert(key, staged.order);
        self.staged.insert(staged.order, staged);
    }

    pub(super) fn unstage(&mut self, key: Key) {
        let Some(at) = self.staged_at.remove(&key) else { return };
        let gone = self.staged.remove(&at);
        self.changes.unstaged(key, gone.and_then(|gone| gone.items).map_or(0, |items| items.len()));
    }

    pub(super) fn set_items(&mut self, key: Key, items: Option<Vec<Status>>) {
        let Some(at) = self.staged_at.get(&key) else { return };
        let Some(staged) = self.staged.get_mut(at) else { return };
        let before = std::mem::replace(&mut staged.items, items);
        self.changes.unstaged(key, before.map_or(0, |items| items.len()));
        self.changes.all_items.insert(key);
    }

    /// Notes how far one item is; `None` when there is no such item.
    pub(super) fn set_item(&mut self, key: Key, item: usize, status: Status) -> Option<()> {
        let staged = self.staged.get_mut(self.staged_at.get(&key)?)?;
        *staged.items.as_mut()?.get_mut(item)? = status;
        self.changes.items.insert((key, item));
        Some(())
    }

    /// All that is staged, oldest first.
    pub(super) fn all_staged(&self) -> impl Iterator<Item = &Staged> {
        self.staged.values()
    }

    /// What may start, or go on with its items.
    pub(super) fn ready(&self) -> impl Iterator<Item = &Staged> {
        self.staged.values().filter(|staged| staged.ready && !staged.completed)
    }

    /// The last entry of a task on a route.
    pub(super) fn last(&self, key: Key) -> Option<&Entry> {
        self.last.get(&key).map(|at| &self.entries[*at])
    }
}

/// A state with the names of its tasks: what expressions may ask.
pub(super) struct Named<'a> {
    pub(super) graph: &'a Graph,
    pub(super) state: &'a State,
}

impl Tasks for Named<'_> {
    fn routes(&self) -> &[Vec<String>] {
        &self.state.routes
    }

    fn status_on(&self, task: &str, route: usize) -> Option<Status> {
        self.state.last((self.graph.find(task)?, route)).map(|entry| entry.status)
    }
}
