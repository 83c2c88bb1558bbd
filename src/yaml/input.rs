//! The characters of a document, and the place reached in them.

use super::error::{Error, Mark, Result};

/// What [`Input::peek`] gives past the end; it cannot stand in a document itself.
const END: char = '\0';

/// A document as characters, read from front to back.
pub(super) struct Input {
    chars: Vec<char>,
    mark: Mark,
}

impl Input {
    /// Checks every character before any is read, as libyaml's reader does with short documents.
    pub(super) fn new(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut input = Self { chars: text.chars().collect(), mark: Mark::default() };
        if input.chars.iter().all(|&c| is_allowed(c)) {
            return Ok(input);
        }
        while is_allowed(input.peek()) {
            input.advance();
        }
        let code = u32::from(input.peek());
        let message = format!("unacceptable character #x{code:04x}: control characters are not allowed");
        Err(Error::new(message, input.mark))
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    pub(super) fn column(&self) -> usize {
        self.mark.column
    }

    pub(super) fn peek(&self) -> char {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> char {
        self.chars.get(self.mark.index + ahead).copied().unwrap_or(END)
    }

    pub(super) fn is(&self, c: char) -> bool {
        self.peek() == c
    }

    pub(super) fn at_end(&self) -> bool {
        self.is_end_at(0)
    }

    fn is_end_at(&self, ahead: usize) -> bool {
        self.mark.index + ahead >= self.chars.len()
    }

    pub(super) fn is_blank(&self) -> bool {
        is_blank(self.peek())
    }

    pub(super) fn is_break(&self) -> bool {
        is_break(self.peek())
    }

    /// A line break or the end.
    pub(super) fn is_break_or_end(&self) -> bool {
        self.is_break() || self.at_end()
    }

    /// A blank, a line break or the end.
    pub(super) fn is_gap_at(&self, ahead: usize) -> bool {
        let c = self.peek_at(ahead);
        is_blank(c) || is_break(c) || self.is_end_at(ahead)
    }

    /// Whether `---` or `...` stands alone at the beginning of this line.
    pub(super) fn is_document_indicator(&self, c: char) -> bool {
        self.mark.column == 0 && (0..3).all(|at| self.peek_at(at) == c) && self.is_gap_at(3)
    }

    pub(super) fn is_any_document_indicator(&self) -> bool {
        self.is_document_indicator('-') || self.is_document_indicator('.')
    }

    /// Takes one character within the line.
    pub(super) fn next(&mut self) -> char {
        let c = self.peek();
        self.mark.index += 1;
        self.mark.column += 1;
        c
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.mark.index += count;
        self.mark.column += count;
    }

    /// Takes a line break, if one stands here; gives it as scalars keep it.
    pub(super) fn next_line(&mut self) -> Option<char> {
        let c = self.peek();
        if !is_break(c) {
            return None;
        }
        let two = c == '\r' && self.peek_at(1) == '\n';
        self.mark.index += if two { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.next();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.is('#') {
            while !self.is_break_or_end() {
                self.next();
            }
        }
    }

    /// The end counts as a line of its own, so that what is missing is missed after the last line.
    pub(super) fn finish_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }

    fn advance(&mut self) {
        if self.next_line().is_none() {
            self.next();
        }
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
        | '\u{10000}'..)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// YAML 1.1 breaks lines at five characters; 1.2 knows only the first two.
fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What names of anchors, tag handles and directives are made of.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
