//! Text to tokens, one at a time: a fault is met only when the parser gets there.

use std::sync::Arc;

use num_bigint::BigInt;

use super::{
    string,
    token::{Kind, OPERATORS, Token},
};
use crate::{
    expr::jinja::error::{Class, Error, Result},
    pytext::{self, is_space},
};

pub(super) struct Lexer {
    source: String,
    at: usize,
    line: u32,
    state: State,
    /// The brackets that are open, by the ones that close them.
    open: Vec<&'static str>,
    /// Whether the last match ended a line, so that blanks before a tag begin one.
    line_starting: bool,
    /// A token found together with the text before it.
    pending: Option<Token>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Root,
    Variable,
    Block,
}

/// What begins at a brace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Raw,
    Comment,
    Block,
    Variable,
}

impl Lexer {
    pub(super) fn new(source: &str) -> Self {
        let mut source = source.replace("\r\n", "\n").replace('\r', "\n");
        if source.ends_with('\n') {
            source.pop();
        }
        Self {
            source,
            at: 0,
            line: 1,
            state: State::Root,
            open: Vec::new(),
            line_starting: true,
            pending: None,
        }
    }

    /// Over what stands between `{{` and `}}`.
    pub(super) fn in_variable(source: &str) -> Self {
        Self { state: State::Variable, ..Self::new(source) }
    }

    /// The next token; `End` for ever at the end.
    pub(super) fn next(&mut self) -> Result<Token> {
        if let Some(token) = self.pending.take() {
            return Ok(token);
        }
        loop {
            let found = match self.state {
                State::Root => self.root()?,
                State::Variable | State::Block => self.tag()?,
            };
            if let Some(token) = found {
                return Ok(token);
            }
            if self.at >= self.source.len() {
                return Ok(Token { kind: Kind::End, line: self.line });
            }
        }
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    /// Moves on over `length` bytes and says on which line they began.
    fn advance(&mut self, length: usize) -> u32 {
        let line = self.line;
        let passed = &self.source[self.at..self.at + length];
        self.line += passed.matches('\n').count() as u32;
        if length > 0 {
            self.line_starting = passed.ends_with('\n');
        }
        self.at += length;
        line
    }

    fn fail(&self, message: impl Into<String>) -> Error {
        Error::new(Class::TemplateSyntaxError, message).at_line(self.line)
    }

    // ── text between tags ───────────────────────────────────────────────────────────────────

    fn root(&mut self) -> Result<Option<Token>> {
        let Some((length, tag)) = find_tag(self.rest()) else {
            let length = self.rest().len();
            return Ok(self.data(length, length));
        };
        let sign = self.source.as_bytes().get(self.at + length + 2).copied();
        let kept = self.kept(length, sign, tag != Tag::Variable);
        let data = self.data(kept, length);
        let begin = begin_length(self.rest(), tag);
        let line = self.advance(begin);
        match tag {
            Tag::Comment => self.comment()?,
            Tag::Raw => {
                let text = self.raw()?;
                return Ok(self.queue(data, text));
            }
            Tag::Variable => {
                self.state = State::Variable;
                return Ok(self.queue(data, Some(Token { kind: Kind::VariableBegin, line })));
            }
            Tag::Block => {
                self.state = State::Block;
                return Ok(self.queue(data, Some(Token { kind: Kind::BlockBegin, line })));
            }
        }
        Ok(data)
    }

    fn queue(&mut self, data: Option<Token>, tag: Option<Token>) -> Option<Token> {
        if data.is_some() {
            self.pending = tag;
            data
        } else {
            tag
        }
    }

    /// How much of the text before a tag stays: `-` strips blanks, blocks strip the blanks of their line.
    fn kept(&self, length: usize, sign: Option<u8>, is_block: bool) -> usize {
        let text = &self.rest()[..length];
        if sign == Some(b'-') {
            return text.trim_end_matches(is_space).len();
        }
        if sign == Some(b'+') || !is_block {
            return length;
        }
        let line_start = text.rfind('\n').map_or(0, |at| at + 1);
        let begins_line = line_start > 0 || self.line_starting;
        if begins_line && text[line_start..].chars().all(is_space) { line_start } else { length }
    }

    /// The text of the next `length` bytes, of which only `kept` are kept.
    fn data(&mut self, kept: usize, length: usize) -> Option<Token> {
        let text: Arc<str> = self.rest()[..kept].into();
        let line = self.advance(length);
        (!text.is_empty()).then_some(Token { kind: Kind::Data(text), line })
    }

    fn comment(&mut self) -> Result<()> {
        // What opens at the very end of the text closes with it.
        if self.rest().is_empty() {
            return Ok(());
        }
        let Some(length) = self.rest().find("#}") else {
            return Err(self.fail("Missing end of comment tag"));
        };
        let sign = self.rest()[..length].bytes().last();
        let end = length + 2;
        let length = end + self.trimmed(end, sign);
        self.advance(length);
        Ok(())
    }

    /// How many blanks after a closing tag go with it: all after `-`, the line's end if nothing is said.
    fn trimmed(&self, end: usize, sign: Option<u8>) -> usize {
        let after = &self.rest()[end..];
        match sign {
            Some(b'-') => after.len() - after.trim_start_matches(is_space).len(),
            Some(b'+') => 0,
            _ => usize::from(after.starts_with('\n')),
        }
    }

    /// The text up to `{% endraw %}`.
    fn raw(&mut self) -> Result<Option<Token>> {
        let mut from = 0;
        while let Some(at) = self.rest()[from..].find("{%").map(|at| from + at) {
            let Some(close) = raw_tag(&self.rest()[at..], "endraw", true) else {
                from = at + 2;
                continue;
            };
            let sign = self.source.as_bytes().get(self.at + at + 2).copied();
            let kept = self.kept(at, sign, true);
            let text = self.data(kept, at);
            let sign = self.rest()[..close - 2].bytes().last();
            let length = close + self.trimmed(close, sign);
            self.advance(length);
            return Ok(text);
        }
        if self.rest().is_empty() {
            return Ok(None);
        }
        Err(self.fail("Missing end of raw directive"))
    }

    // ── inside tags ─────────────────────────────────────────────────────────────────────────

    fn tag(&mut self) -> Result<Option<Token>> {
        if self.open.is_empty()
            && let Some((length, kind)) = self.tag_end()
        {
            let line = self.advance(length);
            self.state = State::Root;
            return Ok(Some(Token { kind, line }));
        }
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches(is_space).len();
        if blanks > 0 {
            self.advance(blanks);
            return Ok(None);
        }
        let Some(first) = rest.chars().next() else { return Ok(None) };
        if first.is_ascii_digit()
            && let Some(token) = self.number()?
        {
            return Ok(Some(token));
        }
        let rest = self.rest();
        if is_word(first) {
            return self.name().map(Some);
        }
        if matches!(first, '"' | '\'')
            && let Some(length) = string_length(rest)
        {
            let decoded = string::decode(&rest[1..length - 1]).map_err(|message| self.fail(message))?;
            let line = self.advance(length);
            return Ok(Some(Token { kind: Kind::Text(decoded.into()), line }));
        }
        self.operator(first).map(Some)
    }

    fn tag_end(&self) -> Option<(usize, Kind)> {
        let rest = self.rest();
        let close = if self.state == State::Block { "%}" } else { "}}" };
        let sign = rest.bytes().next();
        let is_signed = sign == Some(b'-') || (sign == Some(b'+') && self.state == State::Block);
        let length = usize::from(is_signed);
        rest[length..].strip_prefix(close)?;
        let end = length + 2;
        let sign = if is_signed { sign } else { None };
        Some(match self.state {
            State::Block => (end + self.trimmed(end, sign), Kind::BlockEnd),
            _ if is_signed => (end + self.trimmed(end, sign), Kind::VariableEnd),
            _ => (end, Kind::VariableEnd),
        })
    }

    fn name(&mut self) -> Result<Token> {
        let rest = self.rest();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let name: Arc<str> = rest[..length].into();
        let begins_well = name.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
        if !begins_well {
            return Err(self.fail("Invalid character in identifier"));
        }
        let line = self.advance(length);
        Ok(Token { kind: Kind::Name(name), line })
    }

    /// A number, if the digits here are one: `012` is `0` and then `12`.
    fn number(&mut self) -> Result<Option<Token>> {
        let rest = self.rest();
        let after_point = self.source[..self.at].ends_with('.');
        if let Some(length) = float_length(rest).filter(|_| !after_point) {
            let digits = rest[..length].replace('_', "");
            let value = pytext::float(&digits).map_err(|message| self.fail(message))?;
            let line = self.advance(length);
            return Ok(Some(Token { kind: Kind::Float(value), line }));
        }
        let (length, radix, skip) = integer_length(rest);
        if length == 0 {
            return Ok(None);
        }
        let digits = rest[skip..length].replace('_', "");
        let value = if radix == 10 {
            pytext::int(&digits).ok().and_then(|number| pytext::big(&number))
        } else {
            BigInt::parse_bytes(digits.as_bytes(), radix)
        };
        let value = value.ok_or_else(|| self.fail("the number has too many digits"))?;
        let line = self.advance(length);
        Ok(Some(Token { kind: Kind::Integer(value), line }))
    }

    fn operator(&mut self, first: char) -> Result<Token> {
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator)) else {
            let position = self.source[..self.at].chars().count();
            let shown = pytext::repr_str(first.encode_utf8(&mut [0; 4]));
            return Err(self.fail(format!("unexpected char {shown} at {position}")));
        };
        match operator {
            "(" => self.open.push(")"),
            "[" => self.open.push("]"),
            "{" => self.open.push("}"),
            ")" | "]" | "}" => match self.open.pop() {
                None => return Err(self.fail(format!("unexpected '{operator}'"))),
                Some(expected) if expected != operator => {
                    return Err(self.fail(format!("unexpected '{operator}', expected '{expected}'")));
                }
                Some(_) => {}
            },
            _ => {}
        }
        let line = self.advance(operator.len());
        Ok(Token { kind: Kind::Operator(operator), line })
    }
}

/// The first tag in the text, and what it is.
fn find_tag(text: &str) -> Option<(usize, Tag)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('{')?;
        let tag = match text.as_bytes().get(at + 1) {
            Some(b'{') => Tag::Variable,
            Some(b'#') => Tag::Comment,
            Some(b'%') if raw_tag(&text[at..], "raw", false).is_some() => Tag::Raw,
            Some(b'%') => Tag::Block,
            _ => {
                from = at + 1;
                continue;
            }
        };
        return Some((at, tag));
    }
}

/// The length of what opens a tag: the braces and a sign, or the whole of `{% raw %}`.
fn begin_length(text: &str, tag: Tag) -> usize {
    if tag == Tag::Raw {
        let length = raw_tag(text, "raw", false).unwrap_or(2);
        let blanks = text[length..].len() - text[length..].trim_start_matches(is_space).len();
        return length + if text[..length].ends_with("-%}") { blanks } else { 0 };
    }
    2 + usize::from(matches!(text.as_bytes().get(2), Some(b'-' | b'+')))
}

/// The length of `{% raw %}` or `{% endraw %}` at the start of the text.
fn raw_tag(text: &str, word: &str, may_keep: bool) -> Option<usize> {
    let inner = text.strip_prefix("{%")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let rest = inner.trim_start_matches(is_space).strip_prefix(word)?.trim_start_matches(is_space);
    let rest = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None if may_keep => rest.strip_prefix('+').unwrap_or(rest),
        None => rest,
    };
    Some(text.len() - rest.strip_prefix("%}")?.len())
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || (!c.is_ascii() && is_mark(c))
}

/// Combining marks and connectors that may stand inside an identifier.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0xb7 | 0x300..=0x36f | 0x483..=0x487 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f
        | 0x900..=0x903 | 0x93a..=0x94f | 0x203f..=0x2040 | 0x20d0..=0x20f0 | 0x302a..=0x302f | 0xfe20..=0xfe2f)
}

/// The length of the string literal at the start, if it ends.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Digits with single underscores between them.
fn digits_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_separator = bytes[at] == b'_'
            && at > 0
            && bytes[at - 1] != b'_'
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[at].is_ascii_digit() && !is_separator {
            break;
        }
        at += 1;
    }
    at
}

/// The length of the float at the start: digits with a fraction, an exponent or both.
fn float_length(text: &str) -> Option<usize> {
    let whole = digits_length(text);
    let mut length = whole;
    if text.as_bytes().get(length) == Some(&b'.') {
        let fraction = digits_length(&text[length + 1..]);
        if fraction > 0 {
            length += 1 + fraction;
        }
    }
    if matches!(text.as_bytes().get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.as_bytes().get(length + 1), Some(b'+' | b'-')));
        let exponent = digits_length(&text[length + 1 + sign..]);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    (length > whole).then_some(length)
}

/// Length, radix and length of the prefix of the integer at the start.
fn integer_length(text: &str) -> (usize, u32, usize) {
    let bytes = text.as_bytes();
    for (letter, radix) in [(b'b', 2), (b'o', 8), (b'x', 16)] {
        if bytes[0] == b'0' && bytes.get(1).is_some_and(|byte| byte.to_ascii_lowercase() == letter) {
            let mut at = 2;
            let is_digit = |byte: Option<&u8>| byte.is_some_and(|byte| char::from(*byte).is_digit(radix));
            while is_digit(bytes.get(at)) || (bytes.get(at) == Some(&b'_') && is_digit(bytes.get(at + 1))) {
                at += 1;
            }
            if at > 2 {
                return (at, radix, 2);
            }
        }
    }
    if bytes[0] == b'0' {
        let mut at = 1;
        while bytes.get(at) == Some(&b'0')
            || (bytes.get(at) == Some(&b'_') && bytes.get(at + 1) == Some(&b'0'))
        {
            at += 1;
        }
        return (at, 10, 0);
    }
    (digits_length(text), 10, 0)
}
