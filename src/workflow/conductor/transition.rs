//! From a task that has ended to those that follow it: conditions, publishes, routes and joins.

use std::collections::HashSet;

use serde_json::Value;

use super::{Conductor, rolling};
use crate::{
    pytext,
    workflow::{
        Evaluate, Status,
        ir::{Command, Join, TaskIx, Transition},
        state::{Key, Staged, Taken},
        views::ViewId,
    },
};

/// How far the tasks that lead to a join have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inbound {
    Satisfied,
    /// Some did not run yet, and may.
    Open,
    NotSatisfied,
}

impl Conductor {
    /// Takes the transitions of a task that has ended; gives the engine commands among them.
    pub(super) fn take_transitions(
        &mut self,
        at: usize,
        result: &Value,
        evaluate: &dyn Evaluate,
    ) -> Vec<(Key, Command)> {
        let graph = self.graph.clone();
        let entry = &self.state.entries[at];
        let key = (entry.task, entry.route);
        let edges = &graph.tasks[key.0].next;
        let mut commands = Vec::new();
        let mut ready = Vec::new();
        if edges.is_empty() {
            self.state.entry_mut(at).terminal = true;
        }
        for (place, edge) in edges.iter().enumerate() {
            let condition = match &edge.when {
                None => Ok(Value::Bool(true)),
                Some(when) => self.with_result(at, result, |scope| evaluate.evaluate(when, scope)),
            };
            let taken = match condition {
                Ok(value) => pytext::truthy(&value),
                Err(fault) => {
                    self.log_task(fault.0, key, Some(&edge.id));
                    self.fail();
                    continue;
                }
            };
            let taken = match taken {
                false => Taken::No,
                true if self.comes_late(edge, at) => Taken::Late,
                true => Taken::Yes,
            };
            self.state.entry_mut(at).next[place] = taken;
            if taken != Taken::Yes {
                continue;
            }
            let Some(ins) = self.publish(at, edge, result, evaluate) else { continue };
            let to = self.stage_next(at, edge, ins);
            match graph.tasks[edge.to].command {
                Some(command) => commands.push((to, command)),
                None => ready.push(to),
            }
        }
        if commands.iter().any(|(_, command)| *command == Command::Fail) {
            for key in ready {
                if let Some(staged) = self.state.staged_mut(key).filter(|staged| staged.ready) {
                    staged.run_on_fail = true;
                }
            }
        }
        commands
    }

    /// Evaluates what a transition publishes; gives the contexts its destination sees.
    fn publish(
        &mut self,
        at: usize,
        edge: &Transition,
        result: &Value,
        evaluate: &dyn Evaluate,
    ) -> Option<ViewId> {
        let mut ins = self.state.entries[at].ins;
        let mut faults = Vec::new();
        let published = self.with_result(at, result, |scope| {
            let list = edge.publish.iter().map(|(name, value)| (name, value));
            rolling(list, scope, evaluate, &mut faults)
        });
        if !faults.is_empty() {
            let entry = &self.state.entries[at];
            let key = (entry.task, entry.route);
            for fault in faults {
                self.log_task(fault.0, key, Some(&edge.id));
            }
            self.fail();
            return None;
        }
        if !published.is_empty() {
            let context = self.state.add_context(published);
            ins = self.state.add_view(Some(ins), context);
            self.state.entry_mut(at).outs.push((edge.id.clone(), context));
        }
        Some(ins)
    }

    fn stage_next(&mut self, at: usize, edge: &Transition, ins: ViewId) -> Key {
        let route = self.state.entries[at].route;
        let key = (edge.to, self.route_of(edge, route));
        let back = (edge.back.clone(), at);
        if let Some(before) = self.state.staged(key).map(|staged| staged.ins) {
            let ins = self.state.views.join(before, ins);
            self.state.set_items(key, None);
            self.rendered.remove(&key);
            if let Some(staged) = self.state.staged_mut(key) {
                staged.ins = ins;
                staged.prev.retain(|(name, _)| *name != back.0);
                staged.prev.push(back);
                staged.completed = false;
            }
        } else {
            let (task, route) = key;
            self.state.stage(Staged { task, route, ins, prev: vec![back], ..Staged::default() });
        }
        let ready = self.inbound(edge.to, route) == Inbound::Satisfied;
        if let Some(staged) = self.state.staged_mut(key) {
            staged.ready = ready;
        }
        key
    }

    /// The route a transition leads to: a new one where each transition runs its destination by itself.
    fn route_of(&mut self, edge: &Transition, route: usize) -> usize {
        let steps = &self.state.routes[route];
        if !self.graph.tasks[edge.to].splits || steps.contains(&edge.back) {
            return route;
        }
        let mut steps = steps.clone();
        steps.push(edge.back.clone());
        self.state.routes.push(steps);
        self.state.routes.len() - 1
    }

    fn inbound(&self, to: TaskIx, route: usize) -> Inbound {
        let task = &self.graph.tasks[to];
        let needed = match task.join {
            // A task without a join follows whatever leads to it.
            None => return Inbound::Satisfied,
            Some(Join::All) => task.sources,
            Some(Join::Some(count)) => count.max(1),
        };
        let waits = || self.state.any_active() || self.state.ready().next().is_some();
        // Tasks mostly end in the order they began: one that did not is at the end.
        let last = task.inbound.iter().rev().take(8);
        if task.join == Some(Join::All)
            && last.into_iter().any(|(source, _)| self.state.last((*source, route)).is_none())
            && waits()
        {
            return Inbound::Open;
        }
        let mut satisfied = HashSet::new();
        let mut open = false;
        for (source, place) in &task.inbound {
            match self.state.last((*source, route)) {
                None => open = true,
                Some(entry) => {
                    if matches!(entry.next[*place], Taken::Yes | Taken::Late) {
                        satisfied.insert(*source);
                    }
                }
            }
        }
        if satisfied.len() >= needed {
            Inbound::Satisfied
        } else if open && waits() {
            Inbound::Open
        } else {
            Inbound::NotSatisfied
        }
    }

    /// Whether the join a transition leads to has begun without it.
    ///
    /// StackStorm would run such a join once more. In a cycle an arrival belongs to the next pass when the
    /// join itself, or an earlier arrival on the same transition, lies behind it.
    fn comes_late(&self, edge: &Transition, at: usize) -> bool {
        let entry = &self.state.entries[at];
        let key = (edge.to, entry.route);
        if !matches!(self.graph.tasks[edge.to].join, Some(Join::Some(_))) {
            return false;
        }
        // A task with items stays staged while they run, and when some of them failed.
        if self.state.staged(key).is_some_and(|staged| staged.items.is_none()) {
            return false;
        }
        let Some(begun) = self.state.last.get(&key).copied() else { return false };
        let part_of_it = self.state.entries[begun].prev.iter().any(|(name, _)| *name == edge.back);
        !part_of_it && !self.descends(at, begun)
    }

    fn descends(&self, at: usize, from: usize) -> bool {
        let mut open = vec![at];
        let mut seen = HashSet::new();
        while let Some(at) = open.pop() {
            if at == from {
                return true;
            }
            if at > from && seen.insert(at) {
                open.extend(self.state.entries[at].prev.iter().map(|(_, prev)| *prev));
            }
        }
        false
    }

    /// Whether something follows a task that has ended, and can still run.
    pub(super) fn goes_on(&self, key: Key) -> bool {
        self.follows(key, |graph_to| {
            graph_to.1 == Taken::Yes && self.inbound(graph_to.0, key.1) != Inbound::NotSatisfied
        })
    }

    /// Whether a task that has ended has done its part for a join.
    pub(super) fn leads_to_join(&self, key: Key) -> bool {
        self.follows(key, |(to, _)| self.graph.tasks[to].join.is_some())
    }

    fn follows(&self, key: Key, fits: impl Fn((TaskIx, Taken)) -> bool) -> bool {
        let Some(entry) = self.state.last(key).filter(|entry| entry.status.is_completed()) else {
            return false;
        };
        let edges = self.graph.tasks[key.0].next.iter().zip(&entry.next);
        edges
            .filter(|(edge, taken)| edge.remediates && matches!(taken, Taken::Yes | Taken::Late))
            .any(|(edge, taken)| fits((edge.to, *taken)))
    }

    /// A join that waits for what will never come fails a workflow that has ended.
    pub(super) fn fail_on_unreachable_joins(&mut self) {
        let unreachable: Vec<Key> = self
            .state
            .all_staged()
            .filter(|staged| !staged.ready)
            .filter(|staged| {
                let waits = !matches!(self.graph.tasks[staged.task].join, None | Some(Join::Some(0)));
                waits && self.inbound(staged.task, staged.route) == Inbound::NotSatisfied
            })
            .map(|staged| (staged.task, staged.route))
            .collect();
        for key in unreachable {
            self.state.set_status(Status::Failed);
            let (name, route) = (&self.graph.tasks[key.0].name, key.1);
            let message = format!(
                "UnreachableJoinError: The join task|route \"{name}|{route}\" is partially satisfied but unreachable."
            );
            self.log_task(message, key, None);
        }
    }
}
