//! Nodes to values.
//!
//! In two walks. The first makes every scalar, merges `<<` and refuses what cannot be made, each node
//! once and level by level, which is the order PyYAML works in and so the order its faults come up in.
//! The second lays the graph out as a tree, where aliases multiply what they name: that is where depth
//! and size are limited.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::{
    MAX_DEPTH, MAX_NODES, Positions, Yaml,
    error::{Error, Mark, Result},
    node::{Content, Graph, NodeId},
    resolve::Tag,
    scalar,
};

/// Makes the value of `root`; with `positions`, also notes where every part of it stands.
pub(super) fn construct(
    graph: Graph,
    root: NodeId,
    unique_keys: bool,
    positions: Option<&mut Positions>,
) -> Result<Yaml> {
    let mut checker = Checker {
        unique_keys,
        seen: vec![false; graph.len()],
        scalars: HashMap::new(),
        next_level: Vec::new(),
        merged: 0,
        graph,
    };
    checker.check(root)?;
    let mut builder = Builder {
        open: HashSet::new(),
        graph: checker.graph,
        scalars: checker.scalars,
        built: 0,
        path: String::new(),
        positions,
    };
    builder.build(root)
}

struct Checker {
    graph: Graph,
    unique_keys: bool,
    seen: Vec<bool>,
    scalars: HashMap<NodeId, Yaml>,
    /// Collections met whose content comes after the collections of this level.
    next_level: Vec<NodeId>,
    /// Entries that merging has copied.
    merged: usize,
}

impl Checker {
    fn check(&mut self, root: NodeId) -> Result<()> {
        self.visit(root)?;
        while !self.next_level.is_empty() {
            for id in std::mem::take(&mut self.next_level) {
                self.visit_content(id)?;
            }
        }
        Ok(())
    }

    fn mark(&self, id: NodeId) -> Mark {
        self.graph.node(id).mark
    }

    fn fault<T>(&self, message: impl Into<String>, id: NodeId) -> Result<T> {
        Err(Error::new(message, self.mark(id)))
    }

    /// Makes a scalar, or puts a collection off to the next level.
    fn visit(&mut self, id: NodeId) -> Result<()> {
        if std::mem::replace(&mut self.seen[id], true) {
            return Ok(());
        }
        let node = self.graph.node(id);
        match &node.tag {
            Tag::Seq | Tag::Map | Tag::Set | Tag::Omap | Tag::Pairs => {
                self.next_level.push(id);
                return Ok(());
            }
            Tag::Other(tag) => {
                let message =
                    format!("could not determine a constructor for the tag {}", crate::pytext::repr_str(tag));
                return self.fault(message, id);
            }
            Tag::Merge => return self.fault("could not determine a constructor for the tag '<<'", id),
            Tag::Value => return self.fault("could not determine a constructor for the tag '='", id),
            _ => {}
        }
        let Some(text) = self.scalar_text(id) else {
            let message = format!("expected a scalar node, but found {}", node.kind());
            return self.fault(message, id);
        };
        match scalar::construct(&node.tag, text) {
            Some(Ok(value)) => {
                self.scalars.insert(id, value);
                Ok(())
            }
            Some(Err(message)) => self.fault(message, id),
            None => self.fault("the node has no value", id),
        }
    }

    /// The text of a scalar. A mapping stands for the value of its key `=`, if it has one.
    fn scalar_text(&self, id: NodeId) -> Option<&str> {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match &self.graph.node(id).content {
                Content::Scalar(text) => return Some(text),
                Content::Sequence(_) => return None,
                Content::Mapping(entries) => {
                    id = entries.iter().find(|(key, _)| self.graph.node(*key).tag == Tag::Value)?.1;
                }
            }
        }
        None
    }

    fn visit_content(&mut self, id: NodeId) -> Result<()> {
        let node = self.graph.node(id);
        match (&node.tag, &node.content) {
            (Tag::Seq, Content::Sequence(items)) => {
                for item in items.clone() {
                    self.visit(item)?;
                }
                Ok(())
            }
            (Tag::Seq, _) => self.fault(format!("expected a sequence node, but found {}", node.kind()), id),
            (Tag::Omap, _) => self.visit_pairs(id, "an ordered map"),
            (Tag::Pairs, _) => self.visit_pairs(id, "pairs"),
            _ => self.visit_mapping(id),
        }
    }

    fn visit_pairs(&mut self, id: NodeId, what: &str) -> Result<()> {
        let context = format!("while constructing {what}");
        let node = self.graph.node(id);
        let Content::Sequence(items) = &node.content else {
            return self.fault(format!("{context}, expected a sequence, but found {}", node.kind()), id);
        };
        for item in items.clone() {
            let pair = self.graph.node(item);
            let Content::Mapping(entries) = &pair.content else {
                let kind = pair.kind();
                return self
                    .fault(format!("{context}, expected a mapping of length 1, but found {kind}"), item);
            };
            let [(key, value)] = entries[..] else {
                let count = entries.len();
                let message = format!("{context}, expected a single mapping item, but found {count} items");
                return self.fault(message, item);
            };
            self.visit(key)?;
            self.visit(value)?;
        }
        Ok(())
    }

    fn visit_mapping(&mut self, id: NodeId) -> Result<()> {
        if !self.unique_keys {
            self.flatten(id, 0)?;
        }
        let node = self.graph.node(id);
        let Content::Mapping(entries) = &node.content else {
            return self.fault(format!("expected a mapping node, but found {}", node.kind()), id);
        };
        let mut keys = HashSet::new();
        for (key, value) in entries.clone() {
            self.visit(key)?;
            let Some(made) = self.scalars.get(&key) else {
                return self.fault("while constructing a mapping, found unhashable key", key);
            };
            if self.unique_keys && !keys.insert(made.identity()) {
                let text = self.scalar_text(key).unwrap_or_default();
                return self.fault(format!("found duplicate key \"{text}\""), key);
            }
            self.visit(value)?;
        }
        Ok(())
    }

    /// Replaces the keys `<<` of a mapping by the entries they merge, for good and in place: a mapping may
    /// merge itself, and sees what is left of itself at that moment.
    fn flatten(&mut self, id: NodeId, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return self.fault("while constructing a mapping, merge keys are nested too deeply", id);
        }
        let mut merged = Vec::new();
        let mut at = 0;
        while let Some((key, value)) = self.entry(id, at) {
            match self.graph.node(key).tag {
                Tag::Merge => {
                    self.entries_mut(id).remove(at);
                    self.merge(value, depth, &mut merged)?;
                }
                Tag::Value => {
                    self.graph.node_mut(key).tag = Tag::Str;
                    at += 1;
                }
                _ => at += 1,
            }
        }
        if !merged.is_empty() {
            let entries = self.entries_mut(id);
            merged.append(entries);
            *entries = merged;
        }
        Ok(())
    }

    fn merge(&mut self, from: NodeId, depth: usize, merged: &mut Vec<(NodeId, NodeId)>) -> Result<()> {
        let node = self.graph.node(from);
        let mappings = match &node.content {
            Content::Mapping(_) => vec![from],
            Content::Sequence(items) => items.clone(),
            Content::Scalar(_) => {
                let message = "while constructing a mapping, expected a mapping or list of mappings for merging, but found scalar";
                return self.fault(message, from);
            }
        };
        let mut parts = Vec::new();
        for mapping in mappings {
            let node = self.graph.node(mapping);
            if !matches!(node.content, Content::Mapping(_)) {
                let kind = node.kind();
                return self.fault(
                    format!("while constructing a mapping, expected a mapping for merging, but found {kind}"),
                    mapping,
                );
            }
            self.flatten(mapping, depth + 1)?;
            let part = self.entries_mut(mapping).clone();
            self.merged += part.len();
            if self.merged > MAX_NODES {
                return self.fault("merge keys make the document too large", mapping);
            }
            parts.push(part);
        }
        // Later entries win, and the first mapping of a list shall.
        merged.extend(parts.into_iter().rev().flatten());
        Ok(())
    }

    fn entry(&self, id: NodeId, at: usize) -> Option<(NodeId, NodeId)> {
        match &self.graph.node(id).content {
            Content::Mapping(entries) => entries.get(at).copied(),
            _ => None,
        }
    }

    fn entries_mut(&mut self, id: NodeId) -> &mut Vec<(NodeId, NodeId)> {
        match &mut self.graph.node_mut(id).content {
            Content::Mapping(entries) => entries,
            _ => unreachable!("only mappings are flattened"),
        }
    }
}

struct Builder<'a> {
    graph: Graph,
    scalars: HashMap<NodeId, Yaml>,
    /// The collections around the node being built.
    open: HashSet<NodeId>,
    built: usize,
    /// JSON pointer to the node being built.
    path: String,
    positions: Option<&'a mut Positions>,
}

impl Builder<'_> {
    fn build(&mut self, id: NodeId) -> Result<Yaml> {
        let mark = self.graph.node(id).mark;
        self.built += 1;
        if self.built > MAX_NODES {
            return Err(Error::new("aliases make the document too large", mark));
        }
        if let Some(positions) = self.positions.as_deref_mut() {
            positions.note(&self.path, mark);
        }
        if let Some(value) = self.scalars.get(&id) {
            return Ok(value.clone());
        }
        if !self.open.insert(id) {
            return Err(Error::new("the collection contains itself", mark));
        }
        if self.open.len() > MAX_DEPTH {
            return Err(Error::new("aliases nest the document too deeply", mark));
        }
        let value = self.build_collection(id)?;
        self.open.remove(&id);
        Ok(value)
    }

    /// Builds a part of the collection at hand.
    fn build_at(&mut self, key: &str, id: NodeId) -> Result<Yaml> {
        let length = self.path.len();
        if self.positions.is_some() {
            self.path.push('/');
            self.path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        let value = self.build(id)?;
        self.path.truncate(length);
        Ok(value)
    }

    fn build_collection(&mut self, id: NodeId) -> Result<Yaml> {
        let node = self.graph.node(id);
        match (node.tag.clone(), node.content.clone()) {
            (Tag::Omap | Tag::Pairs, Content::Sequence(items)) => {
                let mut pairs = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    let Content::Mapping(entries) = self.graph.node(item).content.clone() else { continue };
                    for (key, value) in entries {
                        let key = self.build_at(&index.to_string(), key)?;
                        let value = self.build_at(&index.to_string(), value)?;
                        pairs.push(Yaml::Pair(Box::new((key, value))));
                    }
                }
                Ok(Yaml::Seq(pairs))
            }
            (_, Content::Sequence(items)) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    values.push(self.build_at(&index.to_string(), item)?);
                }
                Ok(Yaml::Seq(values))
            }
            (tag, Content::Mapping(entries)) => {
                let entries = self.build_entries(entries)?;
                if tag == Tag::Set {
                    Ok(Yaml::Set(entries.into_iter().map(|(key, _)| key).collect()))
                } else {
                    Ok(Yaml::Map(entries))
                }
            }
            (_, Content::Scalar(_)) => Err(Error::new("the scalar has no value", self.graph.node(id).mark)),
        }
    }

    /// Of equal keys the first one stays, with the last value.
    fn build_entries(&mut self, entries: Vec<(NodeId, NodeId)>) -> Result<Vec<(Yaml, Yaml)>> {
        let mut kept: IndexMap<String, (Yaml, NodeId)> = IndexMap::new();
        for (key, value) in entries {
            let key = self.scalars.get(&key).cloned().unwrap_or(Yaml::Null);
            match kept.entry(key.identity()) {
                indexmap::map::Entry::Occupied(mut entry) => entry.get_mut().1 = value,
                indexmap::map::Entry::Vacant(entry) => {
                    entry.insert((key, value));
                }
            }
        }
        let mut built = Vec::with_capacity(kept.len());
        for (key, value) in kept.into_values() {
            let name = key.clone().into_key();
            let value = self.build_at(&name, value)?;
            built.push((key, value));
        }
        Ok(built)
    }
}
