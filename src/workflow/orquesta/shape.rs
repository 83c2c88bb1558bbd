//! The definition as inspection and compilation look at it: tasks, transitions, and who leads to whom.
//!
//! Lenient: what has the wrong type is taken as absent, so that one mistake does not hide another.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// A definition, looked through.
pub(super) struct Shape<'a> {
    pub(super) tasks: Vec<Task<'a>>,
    pub(super) names: HashMap<&'a str, usize>,
    /// How many transitions lead to each name, by name of what leads there.
    inbound: HashMap<&'a str, Vec<usize>>,
    cyclic: HashSet<&'a str>,
}

/// A task of it.
pub(super) struct Task<'a> {
    pub(super) name: &'a str,
    pub(super) fields: &'a Map<String, Value>,
    pub(super) next: Vec<Transition<'a>>,
}

/// A transition of it.
pub(super) struct Transition<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) to: Vec<&'a str>,
}

impl<'a> Task<'a> {
    /// A field that is given and counts as given: `null`, `""`, `0` and empty lists do not.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| crate::pytext::truthy(value))
    }

    pub(super) fn is_join(&self) -> bool {
        self.fields.get("join").is_some_and(|join| !join.is_null())
    }

    /// Destinations with the place of their transition, sorted by name.
    pub(super) fn next_tasks(&self) -> Vec<(&'a str, usize)> {
        let all = self.next.iter().enumerate();
        let mut next: Vec<_> = all.flat_map(|(at, edge)| edge.to.iter().map(move |to| (*to, at))).collect();
        next.sort_by_key(|(to, _)| *to);
        next
    }
}

impl<'a> Shape<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        let fields = document.get("tasks").and_then(Value::as_object);
        let tasks: Vec<Task<'a>> = fields
            .into_iter()
            .flatten()
            .filter_map(|(name, task)| {
                let fields = task.as_object()?;
                let next = fields.get("next").and_then(Value::as_array).into_iter().flatten();
                let next = next.filter_map(Value::as_object);
                let next = next.map(|fields| Transition { fields, to: destinations(fields.get("do")) });
                Some(Task { name, fields, next: next.collect() })
            })
            .collect();
        let names = tasks.iter().enumerate().map(|(at, task)| (task.name, at)).collect();
        let mut inbound: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, task) in tasks.iter().enumerate() {
            for to in task.next.iter().flat_map(|edge| &edge.to) {
                inbound.entry(*to).or_default().push(at);
            }
        }
        let mut shape = Self { tasks, names, inbound, cyclic: HashSet::new() };
        shape.cyclic = shape.find_cycles();
        shape
    }

    pub(super) fn task(&self, name: &str) -> Option<&Task<'a>> {
        self.names.get(name).map(|at| &self.tasks[*at])
    }

    /// The tasks no other leads to, sorted by name.
    pub(super) fn starts(&self) -> Vec<&'a str> {
        let mut starts: Vec<_> =
            self.tasks.iter().map(|task| task.name).filter(|name| !self.inbound.contains_key(name)).collect();
        starts.sort_unstable();
        starts
    }

    pub(super) fn in_cycle(&self, name: &str) -> bool {
        self.cyclic.contains(name)
    }

    /// Runs once per transition that leads to it.
    pub(super) fn is_split(&self, name: &str) -> bool {
        self.inbound.get(name).is_some_and(|from| from.len() > 1)
            && !self.task(name).is_some_and(Task::is_join)
    }

    /// The tasks that lead to themselves: those of a strongly connected part, found without recursion.
    fn find_cycles(&self) -> HashSet<&'a str> {
        const NONE: usize = usize::MAX;
        let count = self.tasks.len();
        let edges: Vec<Vec<usize>> = self
            .tasks
            .iter()
            .map(|task| {
                task.next
                    .iter()
                    .flat_map(|edge| &edge.to)
                    .filter_map(|to| self.names.get(to).copied())
                    .collect()
            })
            .collect();
        let (mut number, mut low) = (vec![NONE; count], vec![0; count]);
        let (mut stack, mut on_stack, mut next) = (Vec::new(), vec![false; count], 0);
        let mut cyclic = HashSet::new();
        for root in 0..count {
            let mut work: Vec<(usize, usize)> =
                if number[root] == NONE { vec![(root, 0)] } else { Vec::new() };
            while let Some((task, edge)) = work.pop() {
                if edge == 0 {
                    (number[task], low[task]) = (next, next);
                    next += 1;
                    stack.push(task);
                    on_stack[task] = true;
                } else {
                    low[task] = low[task].min(low[edges[task][edge - 1]]);
                }
                let mut at = edge;
                while let Some(to) = edges[task].get(at).copied() {
                    at += 1;
                    if number[to] == NONE {
                        work.push((task, at));
                        work.push((to, 0));
                        break;
                    }
                    if on_stack[to] {
                        low[task] = low[task].min(number[to]);
                    }
                }
                let waits = work.last().is_some_and(|(_, edge)| *edge == 0);
                if waits || low[task] != number[task] {
                    continue;
                }
                let start = stack.iter().rposition(|one| *one == task).unwrap_or(0);
                let part = stack.split_off(start);
                for one in &part {
                    on_stack[*one] = false;
                    low[*one] = NONE;
                }
                if part.len() > 1 || edges[task].contains(&task) {
                    cyclic.extend(part.into_iter().map(|one| self.tasks[one].name));
                }
            }
        }
        cyclic
    }
}

/// The names in a `do`: a list, or a text with commas; `continue` when there is none.
fn destinations(to: Option<&Value>) -> Vec<&str> {
    match to.filter(|to| crate::pytext::truthy(to)) {
        Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(_) => Vec::new(),
        None => vec!["continue"],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cycles_are_found() {
        let task = |to: &[&str]| json!({"next": [{"do": to}]});
        let document = json!({"tasks": {
            "a": task(&["b"]), "b": task(&["c", "x"]), "c": task(&["b"]), "x": task(&["y"]), "y": task(&[]),
            "s": task(&["s", "y"]), "p": task(&["q", "y"]), "q": task(&["r"]), "r": task(&["y", "p"]),
        }});
        let shape = Shape::of(&document);
        let cyclic: Vec<&str> =
            shape.tasks.iter().map(|task| task.name).filter(|name| shape.in_cycle(name)).collect();
        assert_eq!(cyclic, ["b", "c", "s", "p", "q", "r"]);
    }
}
