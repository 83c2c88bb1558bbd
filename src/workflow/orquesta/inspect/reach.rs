//! Joins that cannot happen: their branches come through different forks.
//!
//! A task that several transitions lead to runs once for each, on routes of its own; what joins such routes
//! would have to know at which of the forks. Each task gets the set of forks that lie before it; a join
//! whose set differs from that of a task before it is ambiguous.

use std::collections::{HashMap, VecDeque};

use crate::workflow::{ir::Command, orquesta::shape::Shape};

/// A set of tasks, by their numbers.
#[derive(Clone, PartialEq, Eq, Default)]
struct Set(Vec<u64>);

impl Set {
    fn add(&mut self, at: usize) {
        let word = at / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    /// Adds all of another set; says whether any was new.
    fn merge(&mut self, other: &Self) -> bool {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut grew = false;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            grew |= *more & !*word != 0;
            *word |= more;
        }
        grew
    }

    fn same(&self, other: &Self) -> bool {
        let longest = self.0.len().max(other.0.len());
        let word = |set: &Self, at: usize| set.0.get(at).copied().unwrap_or(0);
        (0..longest).all(|at| word(self, at) == word(other, at))
    }
}

#[derive(Default)]
struct Staged {
    splits: Set,
    /// Where it was reached from, in the order that was found.
    prev: Vec<usize>,
}

/// The joins that cannot be reached, in the order they were found.
pub(super) fn unreachable_joins<'a>(shape: &Shape<'a>) -> Vec<&'a str> {
    let count = shape.tasks.len();
    let mut staged: Vec<Option<Staged>> = (0..count).map(|_| None).collect();
    let mut order = Vec::new();
    // Which forks were told along an edge: a subset of them tells nothing new.
    let mut told: HashMap<(usize, usize), Set> = HashMap::new();
    let next: Vec<Vec<usize>> = shape
        .tasks
        .iter()
        .map(|task| {
            let names = if Command::WORDS.contains(&task.name) { Vec::new() } else { task.next_tasks() };
            names.into_iter().filter_map(|(to, _)| shape.names.get(to).copied()).collect()
        })
        .collect();
    let starts = shape.starts().into_iter().filter_map(|name| shape.names.get(name).copied());
    let mut queue: VecDeque<(Option<usize>, usize, Set)> =
        starts.map(|at| (None, at, Set::default())).collect();
    while let Some((prev, at, mut splits)) = queue.pop_front() {
        let name = shape.tasks[at].name;
        if shape.is_split(name) && !shape.in_cycle(name) {
            splits.add(at);
        }
        let here = staged[at].get_or_insert_with(|| {
            order.push(at);
            Staged::default()
        });
        here.splits.merge(&splits);
        if let Some(prev) = prev.filter(|prev| !here.prev.contains(prev)) {
            here.prev.push(prev);
        }
        for to in &next[at] {
            if staged[*to].is_some() && shape.in_cycle(shape.tasks[*to].name) {
                continue;
            }
            let is_new = if let Some(known) = told.get_mut(&(at, *to)) {
                known.merge(&splits)
            } else {
                told.insert((at, *to), splits.clone());
                true
            };
            if is_new {
                queue.push_back((Some(at), *to, splits.clone()));
            }
        }
    }
    let differs = |at: &usize| {
        let Some(here) = staged[*at].as_ref().filter(|_| shape.tasks[*at].is_join()) else { return false };
        here.prev
            .iter()
            .any(|prev| staged[*prev].as_ref().is_some_and(|prev| !prev.splits.same(&here.splits)))
    };
    order.into_iter().filter(differs).map(|at| shape.tasks[at].name).collect()
}
