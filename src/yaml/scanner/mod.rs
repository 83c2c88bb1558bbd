//! Characters to tokens, by the rules of YAML 1.1 and with libyaml's faults at libyaml's places.
//!
//! Two things make YAML hard to scan. Indentation is turned into tokens: a deeper column opens a block
//! collection, a shallower one closes it. And a key is only known as one when its `:` is met, so the
//! places where a *simple key* may have begun are remembered, and the tokens that open the mapping are
//! put before it in hindsight; until then the queue must not be handed out.

mod block;
mod flow;
mod word;

use std::collections::VecDeque;

use super::{
    error::{Error, Mark, Result},
    input::Input,
    token::{Kind, Token},
};

/// How far a simple key may reach.
const SIMPLE_KEY_LENGTH: usize = 1024;

/// A place where a simple key may have begun.
#[derive(Clone, Copy)]
struct SimpleKey {
    /// Nothing else can stand here, so a missing `:` is a fault.
    required: bool,
    /// The number of its first token, counted from the beginning of the stream.
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner {
    input: Input,
    queue: VecDeque<Token>,
    /// How many tokens were handed out.
    taken: usize,
    started: bool,
    ended: bool,
    /// Column of the innermost block collection; -1 outside of any.
    indent: isize,
    indents: Vec<isize>,
    flow_level: usize,
    simple_key_allowed: bool,
    /// One for the block context and one for each open flow collection.
    simple_keys: Vec<Option<SimpleKey>>,
}

impl Scanner {
    pub(super) fn new(input: Input) -> Self {
        Self {
            input,
            queue: VecDeque::new(),
            taken: 0,
            started: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![None],
        }
    }

    /// The next token, without taking it.
    pub(super) fn peek(&mut self) -> Result<&Token> {
        self.fill()?;
        self.queue.front().ok_or_else(|| Error::new("the stream has ended", self.input.mark()))
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token> {
        self.fill()?;
        self.taken += 1;
        self.queue.pop_front().ok_or_else(|| Error::new("the stream has ended", self.input.mark()))
    }

    /// Scans until the first token in the queue is certain to be the next one.
    fn fill(&mut self) -> Result<()> {
        loop {
            if !self.queue.is_empty() {
                self.drop_stale_keys()?;
                let may_get_a_key_before =
                    |key: &Option<SimpleKey>| key.is_some_and(|key| key.token == self.taken);
                if !self.simple_keys.iter().any(may_get_a_key_before) {
                    return Ok(());
                }
            }
            if self.ended {
                return Ok(());
            }
            self.scan()?;
        }
    }

    /// Scans one token, with the tokens its indentation brings about.
    fn scan(&mut self) -> Result<()> {
        if !self.started {
            self.started = true;
            self.push_here(Kind::StreamStart);
            return Ok(());
        }
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unroll_indent(self.input.column() as isize);
        if self.input.at_end() {
            return self.stream_end();
        }
        if self.input.column() == 0 && self.input.is('%') {
            self.unroll_indent(-1);
            self.forbid_simple_key()?;
            let directive = word::directive(&mut self.input)?;
            self.queue.push_back(directive);
            return Ok(());
        }
        if self.input.is_document_indicator('-') {
            return self.document_indicator(Kind::DocumentStart);
        }
        if self.input.is_document_indicator('.') {
            return self.document_indicator(Kind::DocumentEnd);
        }
        let in_flow = self.flow_level > 0;
        let gap_follows = self.input.is_gap_at(1);
        match self.input.peek() {
            '[' => self.flow_start(Kind::FlowSequenceStart),
            '{' => self.flow_start(Kind::FlowMappingStart),
            ']' => self.flow_end(Kind::FlowSequenceEnd),
            '}' => self.flow_end(Kind::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if gap_follows => self.block_entry(),
            '?' if in_flow || gap_follows => self.key(),
            ':' if in_flow || gap_follows => self.value(),
            '*' => self.node_property(word::alias),
            '&' => self.node_property(word::anchor),
            '!' => self.node_property(move |input| word::tag(input, in_flow)),
            '|' if !in_flow => self.block_scalar(true),
            '>' if !in_flow => self.block_scalar(false),
            '\'' => self.node_property(|input| flow::quoted(input, '\'')),
            '"' => self.node_property(|input| flow::quoted(input, '"')),
            '-' => self.plain(),
            '?' | ':' if !in_flow => self.plain(),
            ' ' | '\t' | '?' | ':' | '#' | '|' | '>' | '%' | '@' | '`' => Err(Error::new(
                "while scanning for the next token, found character that cannot start any token",
                self.input.mark(),
            )),
            _ => self.plain(),
        }
    }

    /// Skips blanks, comments and line ends. Tabs are blanks only where no indentation is; a byte order
    /// mark may begin any line.
    fn skip_to_token(&mut self) {
        loop {
            if self.input.column() == 0 && self.input.is('\u{feff}') {
                self.input.next();
            }
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            while self.input.is(' ') || (tabs && self.input.is('\t')) {
                self.input.next();
            }
            self.input.skip_comment();
            if self.input.next_line().is_none() {
                return;
            }
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn push(&mut self, kind: Kind, start: Mark) {
        self.queue.push_back(Token { kind, start, end: self.input.mark() });
    }

    fn push_here(&mut self, kind: Kind) {
        self.push(kind, self.input.mark());
    }

    /// Puts a token without text of its own before the token with this number.
    fn insert(&mut self, number: usize, kind: Kind, mark: Mark) {
        self.queue.insert(number - self.taken, Token { kind, start: mark, end: mark });
    }

    // ── indentation ─────────────────────────────────────────────────────────────────────

    /// Opens a block collection if `column` is deeper than the last; before the token `number`.
    fn roll_indent(&mut self, column: usize, number: usize, kind: Kind, mark: Mark) {
        if self.flow_level == 0 && self.indent < column as isize {
            self.indents.push(self.indent);
            self.indent = column as isize;
            self.insert(number, kind, mark);
        }
    }

    /// Closes the block collections deeper than `column`.
    fn unroll_indent(&mut self, column: isize) {
        while self.flow_level == 0 && self.indent > column {
            self.push_here(Kind::BlockEnd);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// The number the next scanned token will get.
    fn next_number(&self) -> usize {
        self.taken + self.queue.len()
    }

    // ── simple keys ─────────────────────────────────────────────────────────────────────

    fn current_key(&mut self) -> &mut Option<SimpleKey> {
        let level = self.flow_level;
        &mut self.simple_keys[level]
    }

    fn missing_colon(&self) -> Error {
        Error::new("while scanning a simple key, could not find expected ':'", self.input.mark())
    }

    /// Forgets the places whose key would be too long or reach over the end of a line.
    fn drop_stale_keys(&mut self) -> Result<()> {
        let here = self.input.mark();
        for slot in 0..self.simple_keys.len() {
            let Some(key) = self.simple_keys[slot] else { continue };
            if key.mark.line < here.line || key.mark.index + SIMPLE_KEY_LENGTH < here.index {
                if key.required {
                    return Err(self.missing_colon());
                }
                self.simple_keys[slot] = None;
            }
        }
        Ok(())
    }

    fn save_simple_key(&mut self) -> Result<()> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let required = self.flow_level == 0 && self.indent == self.input.column() as isize;
        let key = SimpleKey { required, token: self.next_number(), mark: self.input.mark() };
        self.remove_simple_key()?;
        *self.current_key() = Some(key);
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<()> {
        match self.current_key().take() {
            Some(key) if key.required => Err(self.missing_colon()),
            _ => Ok(()),
        }
    }

    fn forbid_simple_key(&mut self) -> Result<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    // ── one function per kind of token ──────────────────────────────────────────────────

    fn stream_end(&mut self) -> Result<()> {
        self.input.finish_line();
        self.unroll_indent(-1);
        self.forbid_simple_key()?;
        self.ended = true;
        self.push_here(Kind::StreamEnd);
        Ok(())
    }

    fn document_indicator(&mut self, kind: Kind) -> Result<()> {
        self.unroll_indent(-1);
        self.forbid_simple_key()?;
        let start = self.input.mark();
        self.input.skip(3);
        self.push(kind, start);
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind) -> Result<()> {
        self.save_simple_key()?;
        self.simple_keys.push(None);
        self.flow_level += 1;
        self.simple_key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Result<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Kind::FlowEntry);
        Ok(())
    }

    /// Takes a token of one character.
    fn indicator(&mut self, kind: Kind) {
        let start = self.input.mark();
        self.input.next();
        self.push(kind, start);
    }

    fn block_entry(&mut self) -> Result<()> {
        self.open_block(Kind::BlockSequenceStart, "block sequence entries are not allowed in this context")?;
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Kind::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<()> {
        self.open_block(Kind::BlockMappingStart, "mapping keys are not allowed in this context")?;
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<()> {
        if let Some(key) = self.current_key().take() {
            self.insert(key.token, Kind::Key, key.mark);
            self.roll_indent(key.mark.column, key.token, Kind::BlockMappingStart, key.mark);
            self.simple_key_allowed = false;
        } else {
            self.open_block(Kind::BlockMappingStart, "mapping values are not allowed in this context")?;
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(Kind::Value);
        Ok(())
    }

    /// In block context, begins a collection at an indicator, where one may stand.
    fn open_block(&mut self, kind: Kind, fault: &str) -> Result<()> {
        if self.flow_level > 0 {
            return Ok(());
        }
        let here = self.input.mark();
        if !self.simple_key_allowed {
            return Err(Error::new(fault, here));
        }
        self.roll_indent(here.column, self.next_number(), kind, here);
        Ok(())
    }

    /// An anchor, alias, tag or quoted scalar: all may begin a simple key, and none may follow itself.
    fn node_property(&mut self, scan: impl FnOnce(&mut Input) -> Result<Token>) -> Result<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = scan(&mut self.input)?;
        self.queue.push_back(token);
        Ok(())
    }

    fn block_scalar(&mut self, literal: bool) -> Result<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let token = block::scalar(&mut self.input, literal, self.indent)?;
        self.queue.push_back(token);
        Ok(())
    }

    fn plain(&mut self) -> Result<()> {
        self.save_simple_key()?;
        let (token, ended_line) = flow::plain(&mut self.input, self.flow_level > 0, self.indent)?;
        self.simple_key_allowed = ended_line;
        self.queue.push_back(token);
        Ok(())
    }
}
