//! Scalars that may flow over lines: quoted ones and plain ones.

use crate::yaml::{
    error::{Error, Mark, Result},
    input::Input,
    token::{Kind, Token},
};

/// Blanks and line breaks between two words of a scalar, until it is known what becomes of them.
#[derive(Default)]
struct Gap {
    blanks: String,
    /// The first line break; a break the scalar escaped begins a new line without being one.
    line_break: Option<char>,
    empty_lines: String,
    new_line: bool,
}

impl Gap {
    /// Takes the blanks and breaks that stand here.
    fn take(
        &mut self,
        input: &mut Input,
        mut check_tab: impl FnMut(&Input, bool) -> Result<()>,
    ) -> Result<()> {
        loop {
            if input.is_blank() {
                check_tab(input, self.new_line)?;
                let blank = input.next();
                if !self.new_line {
                    self.blanks.push(blank);
                }
            } else if let Some(line_break) = input.next_line() {
                if self.new_line {
                    self.empty_lines.push(line_break);
                } else {
                    self.blanks.clear();
                    self.line_break = Some(line_break);
                    self.new_line = true;
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Writes what the gap folds to, and starts over.
    fn fold_into(&mut self, value: &mut String) {
        if !self.new_line {
            value.push_str(&self.blanks);
        } else if self.line_break != Some('\n') {
            value.extend(self.line_break);
            value.push_str(&self.empty_lines);
        } else if self.empty_lines.is_empty() {
            value.push(' ');
        } else {
            value.push_str(&self.empty_lines);
        }
        *self = Self::default();
    }
}

/// Scans a scalar in single or double quotes.
pub(super) fn quoted(input: &mut Input, quote: char) -> Result<Token> {
    let fault = |problem: &str, mark: Mark| {
        Err(Error::new(format!("while scanning a quoted scalar, {problem}"), mark))
    };
    let start = input.mark();
    let mut value = String::new();
    input.next();
    loop {
        if input.is_any_document_indicator() {
            return fault("found unexpected document indicator", input.mark());
        }
        if input.at_end() {
            return fault("found unexpected end of stream", input.mark());
        }
        let mut gap = Gap::default();
        while !input.is_gap_at(0) {
            if quote == '\'' && input.is('\'') && input.peek_at(1) == '\'' {
                value.push('\'');
                input.skip(2);
            } else if input.is(quote) {
                break;
            } else if quote == '"' && input.is('\\') {
                if let Some(c) = escape(input)? {
                    value.push(c);
                } else {
                    gap.new_line = true;
                    break;
                }
            } else {
                value.push(input.next());
            }
        }
        if input.is(quote) {
            break;
        }
        gap.take(input, |_, _| Ok(()))?;
        gap.fold_into(&mut value);
    }
    input.next();
    Ok(Token { kind: Kind::Scalar { value, plain: false }, start, end: input.mark() })
}

/// Takes an escape; `None` if it was an escaped line break.
fn escape(input: &mut Input) -> Result<Option<char>> {
    let fault =
        |problem: &str, mark: Mark| Error::new(format!("while parsing a quoted scalar, {problem}"), mark);
    let start = input.mark();
    let digits = match input.peek_at(1) {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        input.skip(2);
        let mut code = 0_u32;
        for at in 0..digits {
            let digit = input.peek_at(at).to_digit(16);
            let digit =
                digit.ok_or_else(|| fault("did not find expected hexdecimal number", input.mark()))?;
            code = (code << 4) | digit;
        }
        let c = char::from_u32(code);
        let c = c.ok_or_else(|| fault("found invalid Unicode character escape code", input.mark()))?;
        input.skip(digits);
        return Ok(Some(c));
    }
    let c = match input.peek_at(1) {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        c @ (' ' | '"' | '/' | '\\') => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => {
            input.next();
            if input.next_line().is_some() {
                return Ok(None);
            }
            return Err(fault("found unknown escape character", start));
        }
    };
    input.skip(2);
    Ok(Some(c))
}

/// Scans a scalar without quotes; also tells whether it was followed by a line end, after which a key
/// may stand again.
pub(super) fn plain(input: &mut Input, in_flow: bool, parent: isize) -> Result<(Token, bool)> {
    let fault =
        |problem: &str, mark: Mark| Error::new(format!("while scanning a plain scalar, {problem}"), mark);
    let start = input.mark();
    let mut end = start;
    let mut value = String::new();
    let mut gap = Gap::default();
    let outside = |input: &Input| (input.column() as isize) < parent + 1;
    loop {
        if input.is_any_document_indicator() || input.is('#') {
            break;
        }
        while !input.is_gap_at(0) {
            if in_flow && input.is(':') && matches!(input.peek_at(1), ',' | '?' | '[' | ']' | '{' | '}') {
                return Err(fault("found unexpected ':'", input.mark()));
            }
            if input.is(':') && input.is_gap_at(1) {
                break;
            }
            if in_flow && matches!(input.peek(), ',' | '[' | ']' | '{' | '}') {
                break;
            }
            gap.fold_into(&mut value);
            value.push(input.next());
            end = input.mark();
        }
        if !input.is_blank() && !input.is_break() {
            break;
        }
        gap.take(input, |input, new_line| {
            if new_line && outside(input) && input.is('\t') {
                return Err(fault("found a tab character that violates indentation", input.mark()));
            }
            Ok(())
        })?;
        if !in_flow && outside(input) {
            break;
        }
    }
    let token = Token { kind: Kind::Scalar { value, plain: true }, start, end };
    Ok((token, gap.new_line))
}
