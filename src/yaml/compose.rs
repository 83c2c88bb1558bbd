//! Tokens to nodes: the grammar, anchors and tags.
//!
//! One function per production, descending. Where libyaml would produce an event we make the node, so
//! faults of grammar and faults of anchors come up in the same order as there.

use std::collections::HashMap;

use super::{
    MAX_DEPTH,
    error::{Error, Mark, Result},
    node::{Content, Graph, Node, NodeId},
    resolve::{PREFIX, Tag},
    scanner::Scanner,
    token::{Kind, Token},
};

/// Composes the one document of a stream; `None` if the stream is empty.
pub(super) fn document(scanner: Scanner) -> Result<(Graph, Option<NodeId>)> {
    let mut composer = Composer {
        scanner,
        graph: Graph::default(),
        anchors: HashMap::new(),
        handles: HashMap::new(),
        depth: 0,
    };
    let root = composer.stream()?;
    Ok((composer.graph, root))
}

struct Composer {
    scanner: Scanner,
    graph: Graph,
    anchors: HashMap<String, NodeId>,
    /// Prefixes by tag handle.
    handles: HashMap<String, String>,
    depth: usize,
}

/// Anchor and tag of a node, and where they begin.
struct Properties {
    start: Mark,
    anchor: Option<String>,
    tag: Option<String>,
}

impl Composer {
    fn is(&mut self, kind: &Kind) -> Result<bool> {
        Ok(self.scanner.peek()?.kind == *kind)
    }

    fn is_any(&mut self, kinds: &[Kind]) -> Result<bool> {
        Ok(kinds.contains(&self.scanner.peek()?.kind))
    }

    /// Takes the next token if it is of this kind.
    fn take(&mut self, kind: &Kind) -> Result<Option<Token>> {
        if self.is(kind)? { self.scanner.next().map(Some) } else { Ok(None) }
    }

    fn here(&mut self) -> Result<Mark> {
        Ok(self.scanner.peek()?.start)
    }

    fn fault<T>(&mut self, message: &str) -> Result<T> {
        Err(Error::new(message, self.here()?))
    }

    fn stream(&mut self) -> Result<Option<NodeId>> {
        self.scanner.next()?;
        if self.is(&Kind::StreamEnd)? {
            return Ok(None);
        }
        let explicit = matches!(
            self.scanner.peek()?.kind,
            Kind::Version(..) | Kind::TagDirective { .. } | Kind::DocumentStart
        );
        self.directives()?;
        let root = if !explicit {
            self.node(true, false)?
        } else if self.take(&Kind::DocumentStart)?.is_some() {
            self.document_content()?
        } else {
            return self.fault("did not find expected <document start>");
        };
        self.take(&Kind::DocumentEnd)?;
        self.refuse_second_document()?;
        Ok(Some(root))
    }

    fn document_content(&mut self) -> Result<NodeId> {
        let empty = matches!(
            self.scanner.peek()?.kind,
            Kind::Version(..)
                | Kind::TagDirective { .. }
                | Kind::DocumentStart
                | Kind::DocumentEnd
                | Kind::StreamEnd
        );
        if empty {
            let here = self.here()?;
            return Ok(self.empty(here));
        }
        self.node(true, false)
    }

    fn refuse_second_document(&mut self) -> Result<()> {
        while self.take(&Kind::DocumentEnd)?.is_some() {}
        if self.is(&Kind::StreamEnd)? {
            return Ok(());
        }
        let start = self.here()?;
        self.directives()?;
        if !self.is(&Kind::DocumentStart)? {
            return self.fault("did not find expected <document start>");
        }
        Err(Error::new("expected a single document in the stream, but found another document", start))
    }

    fn directives(&mut self) -> Result<()> {
        let mut version = false;
        self.handles.clear();
        loop {
            let message = match self.scanner.peek()?.kind {
                Kind::Version(..) if version => "found duplicate %YAML directive",
                Kind::Version(1, 1 | 2) => {
                    version = true;
                    self.scanner.next()?;
                    continue;
                }
                Kind::Version(..) => "found incompatible YAML document",
                Kind::TagDirective { ref handle, ref prefix } => {
                    if self.handles.insert(handle.clone(), prefix.clone()).is_none() {
                        self.scanner.next()?;
                        continue;
                    }
                    "found duplicate %TAG directive"
                }
                _ => break,
            };
            return self.fault(message);
        }
        for (handle, prefix) in [("!", "!"), ("!!", PREFIX)] {
            self.handles.entry(handle.to_owned()).or_insert_with(|| prefix.to_owned());
        }
        Ok(())
    }

    // ── nodes ───────────────────────────────────────────────────────────────────────────

    /// A node. In `block` context block collections may begin; with `indentless`, a sequence may stand at
    /// the column of the mapping it is a value of.
    fn node(&mut self, block: bool, indentless: bool) -> Result<NodeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fault("the document is nested too deeply");
        }
        let id = self.node_within_limit(block, indentless)?;
        self.depth -= 1;
        Ok(id)
    }

    fn node_within_limit(&mut self, block: bool, indentless: bool) -> Result<NodeId> {
        if let Kind::Alias(name) = &self.scanner.peek()?.kind {
            let found = self.anchors.get(name).copied();
            let token = self.scanner.next()?;
            return found.ok_or_else(|| Error::new("found undefined alias", token.start));
        }
        let properties = self.properties()?;
        let start = properties.start;
        match &self.scanner.peek()?.kind {
            Kind::BlockEntry if indentless => {
                let id = self.begin(properties, Content::Sequence(Vec::new()))?;
                self.indentless_sequence(id)?;
                Ok(id)
            }
            Kind::Scalar { .. } => self.scalar(properties),
            Kind::FlowSequenceStart => {
                let id = self.begin(properties, Content::Sequence(Vec::new()))?;
                self.flow_sequence(id)?;
                Ok(id)
            }
            Kind::FlowMappingStart => {
                let id = self.begin(properties, Content::Mapping(Vec::new()))?;
                self.flow_mapping(id)?;
                Ok(id)
            }
            Kind::BlockSequenceStart if block => {
                let id = self.begin(properties, Content::Sequence(Vec::new()))?;
                self.block_sequence(id)?;
                Ok(id)
            }
            Kind::BlockMappingStart if block => {
                let id = self.begin(properties, Content::Mapping(Vec::new()))?;
                self.block_mapping(id)?;
                Ok(id)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let implicit = properties.tag.is_none();
                let tag = Tag::of_scalar(properties.tag, "", implicit);
                self.add(properties.anchor, tag, Content::Scalar(String::new()), start)
            }
            _ => {
                let context = if block { "block" } else { "flow" };
                self.fault(&format!("while parsing a {context} node, did not find expected node content"))
            }
        }
    }

    /// An anchor and a tag in either order.
    fn properties(&mut self) -> Result<Properties> {
        let mut properties = Properties { start: self.here()?, anchor: None, tag: None };
        let mut tag = None;
        loop {
            match &self.scanner.peek()?.kind {
                Kind::Anchor(_) if properties.anchor.is_none() => {
                    if let Kind::Anchor(name) = self.scanner.next()?.kind {
                        properties.anchor = Some(name);
                    }
                }
                Kind::Tag { .. } if tag.is_none() => {
                    let token = self.scanner.next()?;
                    if let Kind::Tag { handle, suffix } = token.kind {
                        tag = Some((handle, suffix, token.start));
                    }
                }
                _ => break,
            }
        }
        if let Some((handle, suffix, mark)) = tag {
            let prefix =
                if handle.is_empty() { Some("") } else { self.handles.get(&handle).map(String::as_str) };
            let Some(prefix) = prefix else {
                return Err(Error::new("while parsing a node, found undefined tag handle", mark));
            };
            properties.tag = Some(format!("{prefix}{suffix}"));
        }
        Ok(properties)
    }

    /// Adds a collection that is still empty, so that aliases inside it find it.
    fn begin(&mut self, properties: Properties, content: Content) -> Result<NodeId> {
        let default = if matches!(content, Content::Mapping(_)) { Tag::Map } else { Tag::Seq };
        let tag = properties.tag.filter(|tag| tag != "!").map_or(default, Tag::named);
        self.add(properties.anchor, tag, content, properties.start)
    }

    fn add(&mut self, anchor: Option<String>, tag: Tag, content: Content, mark: Mark) -> Result<NodeId> {
        if anchor.as_ref().is_some_and(|anchor| self.anchors.contains_key(anchor)) {
            return Err(Error::new("found duplicate anchor, second occurrence", mark));
        }
        let id = self.graph.add(Node { tag, content, mark });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn scalar(&mut self, properties: Properties) -> Result<NodeId> {
        let Kind::Scalar { value, plain } = self.scanner.next()?.kind else {
            return self.fault("while parsing a node, did not find expected node content");
        };
        // A quoted scalar with the tag `!` is resolved as if it were plain.
        let implicit = properties.tag.as_deref().map_or(plain, |tag| tag == "!");
        let tag = Tag::of_scalar(properties.tag, &value, implicit);
        self.add(properties.anchor, tag, Content::Scalar(value), properties.start)
    }

    /// The scalar that stands where nothing is written.
    fn empty(&mut self, mark: Mark) -> NodeId {
        self.graph.add(Node { tag: Tag::Null, content: Content::Scalar(String::new()), mark })
    }

    /// A node, or nothing if one of `ends` stands here.
    fn node_or_empty(&mut self, ends: &[Kind], mark: Mark, block: bool) -> Result<NodeId> {
        if self.is_any(ends)? { Ok(self.empty(mark)) } else { self.node(block, block) }
    }

    fn push_item(&mut self, sequence: NodeId, item: NodeId) {
        if let Content::Sequence(items) = &mut self.graph.node_mut(sequence).content {
            items.push(item);
        }
    }

    fn push_entry(&mut self, mapping: NodeId, key: NodeId, value: NodeId) {
        if let Content::Mapping(entries) = &mut self.graph.node_mut(mapping).content {
            entries.push((key, value));
        }
    }

    // ── block collections ───────────────────────────────────────────────────────────────

    fn block_sequence(&mut self, id: NodeId) -> Result<()> {
        self.scanner.next()?;
        loop {
            if let Some(dash) = self.take(&Kind::BlockEntry)? {
                let item = if self.is_any(&[Kind::BlockEntry, Kind::BlockEnd])? {
                    self.empty(dash.end)
                } else {
                    self.node(true, false)?
                };
                self.push_item(id, item);
            } else if self.take(&Kind::BlockEnd)?.is_some() {
                return Ok(());
            } else {
                return self.fault("while parsing a block collection, did not find expected '-' indicator");
            }
        }
    }

    fn indentless_sequence(&mut self, id: NodeId) -> Result<()> {
        while let Some(dash) = self.take(&Kind::BlockEntry)? {
            let item = if self.is_any(&[Kind::BlockEntry, Kind::Key, Kind::Value, Kind::BlockEnd])? {
                self.empty(dash.end)
            } else {
                self.node(true, false)?
            };
            self.push_item(id, item);
        }
        Ok(())
    }

    fn block_mapping(&mut self, id: NodeId) -> Result<()> {
        const ENDS: [Kind; 3] = [Kind::Key, Kind::Value, Kind::BlockEnd];
        self.scanner.next()?;
        loop {
            if let Some(mark) = self.take(&Kind::Key)? {
                let key = self.node_or_empty(&ENDS, mark.end, true)?;
                let value = if let Some(colon) = self.take(&Kind::Value)? {
                    self.node_or_empty(&ENDS, colon.end, true)?
                } else {
                    let here = self.here()?;
                    self.empty(here)
                };
                self.push_entry(id, key, value);
            } else if self.take(&Kind::BlockEnd)?.is_some() {
                return Ok(());
            } else {
                return self.fault("while parsing a block mapping, did not find expected key");
            }
        }
    }

    // ── flow collections ────────────────────────────────────────────────────────────────

    fn flow_sequence(&mut self, id: NodeId) -> Result<()> {
        self.scanner.next()?;
        let mut first = true;
        while self.take(&Kind::FlowSequenceEnd)?.is_none() {
            if !first && self.take(&Kind::FlowEntry)?.is_none() {
                return self.fault("while parsing a flow sequence, did not find expected ',' or ']'");
            }
            first = false;
            if self.is(&Kind::Key)? {
                let pair = self.flow_pair()?;
                self.push_item(id, pair);
            } else if !self.is(&Kind::FlowSequenceEnd)? {
                let item = self.node(false, false)?;
                self.push_item(id, item);
            }
        }
        Ok(())
    }

    /// `key: value` in a flow sequence: a mapping of one entry.
    fn flow_pair(&mut self) -> Result<NodeId> {
        let key_token = self.scanner.next()?;
        let properties = Properties { start: key_token.start, anchor: None, tag: None };
        let id = self.begin(properties, Content::Mapping(Vec::new()))?;
        let key = if self.is_any(&[Kind::Value, Kind::FlowEntry, Kind::FlowSequenceEnd])? {
            // libyaml drops the token it has found here, and so must we to find the same faults.
            let token = self.scanner.next()?;
            self.empty(token.end)
        } else {
            self.node(false, false)?
        };
        let has_value = self.take(&Kind::Value)?.is_some();
        let here = self.here()?;
        let value = if has_value {
            self.node_or_empty(&[Kind::FlowEntry, Kind::FlowSequenceEnd], here, false)?
        } else {
            self.empty(here)
        };
        self.push_entry(id, key, value);
        Ok(id)
    }

    fn flow_mapping(&mut self, id: NodeId) -> Result<()> {
        const ENDS: [Kind; 3] = [Kind::Value, Kind::FlowEntry, Kind::FlowMappingEnd];
        self.scanner.next()?;
        let mut first = true;
        while self.take(&Kind::FlowMappingEnd)?.is_none() {
            if !first && self.take(&Kind::FlowEntry)?.is_none() {
                return self.fault("while parsing a flow mapping, did not find expected ',' or '}'");
            }
            first = false;
            let (key, may_have_value) = if let Some(mark) = self.take(&Kind::Key)? {
                (self.node_or_empty(&ENDS, mark.end, false)?, true)
            } else if self.is(&Kind::FlowMappingEnd)? {
                continue;
            } else {
                (self.node(false, false)?, false)
            };
            let has_value = may_have_value && self.take(&Kind::Value)?.is_some();
            let here = self.here()?;
            let value =
                if has_value { self.node_or_empty(&ENDS[1..], here, false)? } else { self.empty(here) };
            self.push_entry(id, key, value);
        }
        Ok(())
    }
}
