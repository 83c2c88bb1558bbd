//! Beginning again in the middle: tasks of a workflow that has ended run once more.

use std::collections::{BTreeMap, HashSet};

use super::{Conductor, Error};
use crate::workflow::{
    Evaluate, Status,
    state::{Key, Staged, Taken},
};

/// A task to run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// Its name.
    pub task: String,
    /// Its route.
    pub route: usize,
    /// Runs all items again, not only those that failed.
    pub reset_items: bool,
}

impl Conductor {
    /// Makes the workflow run again from the given tasks; from those it failed in when none is given.
    ///
    /// # Errors
    /// [`Error::Active`] while it runs, [`Error::NotRerunnable`] for tasks that did not run.
    pub fn rerun(&mut self, requests: &[Rerun], evaluate: &dyn Evaluate) -> Result<(), Error> {
        if !self.status().is_completed() {
            return Err(Error::Active);
        }
        let mut wanted: BTreeMap<(String, usize), (usize, bool)> = BTreeMap::new();
        let mut unknown = Vec::new();
        for request in requests {
            let key = self.graph.find(&request.task).map(|task| (task, request.route));
            match key.and_then(|key| self.state.last.get(&key)) {
                Some(at) => {
                    wanted.insert((request.task.clone(), request.route), (*at, request.reset_items));
                }
                None => unknown.push(format!("{}|{}", request.task, request.route)),
            }
        }
        if !unknown.is_empty() {
            return Err(Error::NotRerunnable(unknown.join(", ")));
        }
        if requests.is_empty() {
            for (at, entry) in self.state.entries.iter().enumerate() {
                if entry.terminal && entry.status.is_abended() {
                    let name = self.graph.tasks[entry.task].name.clone();
                    wanted.insert((name, entry.route), (at, false));
                }
            }
        } else {
            self.drop_downstream(&mut wanted);
        }
        self.state.reruns.push(wanted.values().map(|(at, _)| *at).collect());
        for ((_, route), (at, reset_items)) in wanted {
            self.rerun_task((self.state.entries[at].task, route), reset_items, evaluate);
        }
        let waiting = |at: &usize| {
            let entry = &self.state.entries[*at];
            entry.terminal && entry.next.iter().any(|taken| matches!(taken, Taken::Yes | Taken::Late))
        };
        let going_on: Vec<usize> = (0..self.state.entries.len()).filter(waiting).collect();
        for at in going_on {
            self.state.entry_mut(at).terminal = false;
        }
        self.state.output = None;
        self.state.changes.output = true;
        self.state.set_status(Status::Resuming);
        Ok(())
    }

    /// A task that another one leads to runs again anyway.
    fn drop_downstream(&self, wanted: &mut BTreeMap<(String, usize), (usize, bool)>) {
        let branches: Vec<(usize, HashSet<usize>)> =
            wanted.values().map(|(at, _)| (*at, self.descendants(*at).into_iter().collect())).collect();
        wanted.retain(|_, (at, _)| {
            let own = branches.iter().find(|(start, _)| start == at).map(|(_, branch)| branch);
            !branches.iter().any(|(start, branch)| {
                // Two tasks of a cycle lead to each other; the first one to run stays.
                let mutual = own.is_some_and(|own| own.contains(start)) && *at < *start;
                start != at && branch.contains(at) && !mutual
            })
        });
    }

    /// The entries that followed an entry, itself not among them.
    fn descendants(&self, at: usize) -> Vec<usize> {
        let start = &self.state.entries[at];
        let mut from: HashSet<Key> = HashSet::from([(start.task, start.route)]);
        let mut found: Vec<usize> = Vec::new();
        let mut seen = HashSet::from([at]);
        // Entries stand after those they came from, but a task that runs again is one with its past.
        loop {
            let before = found.len();
            for (next, entry) in self.state.entries.iter().enumerate() {
                let follows = entry.prev.iter().any(|(_, prev)| {
                    let prev = &self.state.entries[*prev];
                    from.contains(&(prev.task, prev.route))
                });
                if follows && seen.insert(next) {
                    found.push(next);
                    from.insert((entry.task, entry.route));
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    fn rerun_task(&mut self, key: Key, reset_items: bool, evaluate: &dyn Evaluate) {
        let graph = self.graph.clone();
        let task = &graph.tasks[key.0];
        let Some(at) = self.state.last.get(&key).copied() else { return };
        self.state.entry_mut(at).terminal = false;
        let (ins, prev) = (self.state.entries[at].ins, self.state.entries[at].prev.clone());
        self.state.forget_errors(&task.name);
        let items = self.state.staged_mut(key).and_then(|staged| {
            staged.completed = false;
            staged.items.clone()
        });
        if let Some(mut items) = items.filter(|_| task.items.is_some()) {
            for status in &mut items {
                if reset_items || status.is_abended() {
                    *status = Status::Unset;
                }
            }
            self.state.set_items(key, Some(items));
        } else {
            self.state.unstage(key);
            if task.items.is_none() {
                self.add_entry(key, ins, prev.clone(), evaluate);
            }
            let (task, route) = key;
            self.state.stage(Staged { task, route, ins, prev, ready: true, ..Staged::default() });
        }
        self.rendered.remove(&key);
        for at in self.descendants(at) {
            self.state.entry_mut(at).terminal = false;
        }
    }
}
