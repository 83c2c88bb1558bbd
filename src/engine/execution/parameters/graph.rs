//! Which parameter needs which, and the order that follows from it.

use super::Error;
use std::collections::BTreeSet;

/// How many circles are looked for; their number grows exponentially and all it serves is one message.
const CIRCLES: usize = 64;

/// How many steps that search may take.
const STEPS: usize = 10_000;

/// Nodes in the order in which they were named first.
#[derive(Debug)]
pub(super) struct Graph<T> {
    nodes: indexmap::IndexMap<String, Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    /// `None`: only named as something that another needs.
    content: Option<T>,
    /// Positions of the nodes that need this one.
    needed_by: Vec<usize>,
    needs: usize,
}

impl<T> Graph<T> {
    pub(super) fn new() -> Self {
        Self { nodes: indexmap::IndexMap::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.nodes.get(name)?.content.as_ref()
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.nodes.get_mut(name)?.content.as_mut()
    }

    pub(super) fn set(&mut self, name: &str, content: T) {
        let index = self.index(name);
        self.nodes[index].content = Some(content);
    }

    pub(super) fn take(&mut self, name: &str) -> Option<T> {
        self.nodes.get_mut(name)?.content.take()
    }

    /// `name` needs `other`.
    pub(super) fn add_need(&mut self, name: &str, other: &str) {
        let (name, other) = (self.index(name), self.index(other));
        if !self.nodes[other].needed_by.contains(&name) {
            self.nodes[other].needed_by.push(name);
            self.nodes[name].needs += 1;
        }
    }

    fn index(&mut self, name: &str) -> usize {
        match self.nodes.get_index_of(name) {
            Some(index) => index,
            None => {
                self.nodes.insert_full(name.to_owned(), Node { content: None, needed_by: vec![], needs: 0 }).0
            }
        }
    }

    /// All names, each after those it needs.
    ///
    /// # Errors
    /// Something needed is not there, or needs go in a circle.
    pub(super) fn order(&self) -> Result<Vec<String>, Error> {
        if let Some((name, _)) = self.nodes.iter().find(|(_, node)| node.content.is_none()) {
            return Err(Error::Template(format!("Dependency unsatisfied in variable \"{name}\"")));
        }
        let mut missing: Vec<usize> = self.nodes.values().map(|node| node.needs).collect();
        let mut ready: Vec<usize> = (0..missing.len()).filter(|index| missing[*index] == 0).collect();
        let mut next = 0;
        while let Some(index) = ready.get(next).copied() {
            next += 1;
            for needing in &self.nodes[index].needed_by {
                missing[*needing] -= 1;
                if missing[*needing] == 0 {
                    ready.push(*needing);
                }
            }
        }
        if ready.len() < missing.len() {
            return Err(Error::Template(self.circles()));
        }
        Ok(ready.into_iter().filter_map(|index| Some(self.nodes.get_index(index)?.0.clone())).collect())
    }

    /// The message about circles: where each begins. We let it begin at its first name by the alphabet, where
    /// Python's sets leave it to chance.
    fn circles(&self) -> String {
        let mut by_name: Vec<usize> = (0..self.nodes.len()).collect();
        by_name.sort_by_key(|index| self.nodes.get_index(*index).map(|(name, _)| name));
        let mut search =
            Search { graph: self, done: BTreeSet::new(), path: vec![], starts: vec![], steps: 0 };
        for start in by_name {
            search.from(start, start);
            search.done.insert(start);
        }
        let mut starts: Vec<&str> = search.starts;
        starts.sort_unstable();
        format!(
            "Cyclic dependency found in the following variables: {}. Likely the variable is referencing itself",
            starts.join(", ")
        )
    }
}

struct Search<'a, T> {
    graph: &'a Graph<T>,
    /// Nodes whose circles are all found.
    done: BTreeSet<usize>,
    path: Vec<usize>,
    /// Where the circles begin, one entry per circle.
    starts: Vec<&'a str>,
    steps: usize,
}

impl<T> Search<'_, T> {
    fn from(&mut self, node: usize, start: usize) {
        self.path.push(node);
        for next in &self.graph.nodes[node].needed_by {
            self.steps += 1;
            // The path is bounded as well: it is also the depth of this recursion.
            if self.steps > STEPS || self.starts.len() == CIRCLES || self.path.len() > 200 {
                break;
            }
            if *next == start {
                self.starts.extend(self.graph.nodes.get_index(start).map(|(name, _)| name.as_str()));
            } else if !self.done.contains(next) && !self.path.contains(next) {
                self.from(*next, start);
            }
        }
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[(&str, &str)], values: &[&str]) -> Graph<()> {
        let mut graph = Graph::new();
        for name in values {
            graph.set(name, ());
        }
        for (name, other) in needs {
            graph.add_need(name, other);
        }
        graph
    }

    #[test]
    fn what_is_needed_comes_first() {
        let order = graph(&[("a", "b"), ("b", "c")], &["a", "b", "c", "d"]).order().unwrap();
        assert_eq!(order, ["c", "d", "b", "a"]);
    }

    #[test]
    fn what_is_missing_or_circular_is_named() {
        let missing = graph(&[("a", "x")], &["a"]).order().unwrap_err().to_string();
        assert_eq!(missing, "Dependency unsatisfied in variable \"x\"");
        let circular =
            graph(&[("a", "b"), ("b", "a"), ("c", "c")], &["a", "b", "c"]).order().unwrap_err().to_string();
        assert!(circular.contains("variables: a, c. Likely"), "{circular}");
    }

    #[test]
    fn many_circles_end_soon() {
        let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let needs: Vec<(&str, &str)> =
            names.iter().flat_map(|a| names.iter().map(move |b| (*a, *b))).collect();
        assert!(graph(&needs, &names).order().is_err());
    }
}
