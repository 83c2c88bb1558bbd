//! Text with a column: where lines break and what stands between words.

use super::{
    Format,
    analysis::{is_break, is_printable},
};

/// The text written so far.
pub(super) struct Writer {
    out: String,
    column: usize,
    format: Format,
    /// The last character leaves a gap, so no blank is needed.
    gap: bool,
    /// Only indentation and its indicators stand on this line.
    indented: bool,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        let indent = if (2..=9).contains(&format.indent) { format.indent } else { 2 };
        let format = Format { indent, ..format };
        Self { out: String::new(), column: 0, format, gap: true, indented: true }
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push('\n');
        self.out
    }

    pub(super) fn step(&self) -> usize {
        self.format.indent
    }

    pub(super) fn unicode(&self) -> bool {
        self.format.unicode
    }

    pub(super) fn is_indented(&self) -> bool {
        self.indented
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    /// Goes to a column, on a new line unless this one holds only indentation up to it.
    pub(super) fn line(&mut self, indent: Option<usize>) {
        let indent = indent.unwrap_or(0);
        if !self.indented || self.column > indent || (self.column == indent && !self.gap) {
            self.put_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.gap = true;
        self.indented = true;
    }

    /// Writes an indicator, after a blank if it `needs_gap`.
    pub(super) fn indicator(&mut self, text: &str, needs_gap: bool) {
        if needs_gap && !self.gap {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.gap = false;
        self.indented = false;
    }

    /// Writes `-`, `?` or `:` that counts as indentation of what follows.
    pub(super) fn indentation_indicator(&mut self, text: &str) {
        let indented = self.indented;
        self.indicator(text, true);
        self.indented = indented;
    }

    pub(super) fn plain(&mut self, text: &str, fold: bool, indent: usize) {
        if !self.gap && !text.is_empty() {
            self.put(' ');
        }
        self.words(text, fold, indent, |_| true, Self::put);
        self.gap = false;
        self.indented = false;
    }

    pub(super) fn single_quoted(&mut self, text: &str, fold: bool, indent: usize) {
        self.indicator("'", true);
        let last = text.len().saturating_sub(1);
        let ended_line = self.words(
            text,
            fold,
            indent,
            |at| at > 0 && at < last,
            |writer, c| {
                if c == '\'' {
                    writer.put(c);
                }
                writer.put(c);
            },
        );
        if ended_line {
            self.line(Some(indent));
        }
        self.indicator("'", false);
    }

    /// Writes text whose line breaks stay: a break is doubled, as reading folds one away. Tells whether
    /// the text ended with a break.
    fn words(
        &mut self,
        text: &str,
        fold: bool,
        indent: usize,
        may_fold_at: impl Fn(usize) -> bool,
        mut write: impl FnMut(&mut Self, char),
    ) -> bool {
        let mut before = None;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let after_break = before.is_some_and(is_break);
            if c == ' ' {
                let alone = before != Some(' ') && chars.peek().is_none_or(|(_, next)| *next != ' ');
                if fold && alone && self.column > self.format.width && may_fold_at(at) {
                    self.line(Some(indent));
                } else {
                    self.put(c);
                }
            } else if is_break(c) {
                if !after_break && c == '\n' {
                    self.put_break('\n');
                }
                self.put_break(c);
                self.indented = true;
            } else {
                if after_break {
                    self.line(Some(indent));
                }
                write(self, c);
                self.indented = false;
            }
            before = Some(c);
        }
        before.is_some_and(is_break)
    }

    pub(super) fn double_quoted(&mut self, text: &str, fold: bool, indent: usize) {
        self.indicator("\"", true);
        let last = text.len().saturating_sub(1);
        let mut before = None;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                if fold && before != Some(' ') && self.column > self.format.width && at > 0 && at < last {
                    self.line(Some(indent));
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
            } else if !is_printable(c)
                || (!c.is_ascii() && !self.format.unicode)
                || is_break(c)
                || matches!(c, '"' | '\\')
            {
                self.escape(c);
            } else {
                self.put(c);
            }
            before = Some(c);
        }
        self.indicator("\"", false);
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                let text = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                return text.chars().for_each(|c| self.put(c));
            }
        };
        self.put('\\');
        self.put(short);
    }
}
