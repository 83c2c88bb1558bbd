//! The grammar of literals: one function per kind, descending.

use indexmap::{IndexMap, map::Entry};
use serde_json::{Map, Number, Value};

use super::{
    LiteralError,
    keys::{identity, key_text},
    tokens::{self, Prefix},
};
use crate::pytext::{MAX_DEPTH, unicode::is_printable};

/// A value, and what only Python still knows about it.
struct Item {
    value: Value,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number without a sign, which may be given one.
    Number,
    /// Anything else that may be a key: a tuple of such is one too.
    Hashable,
    Unhashable(&'static str),
}

pub(super) type Parsed<T> = Result<T, LiteralError>;

/// What is left of a text.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Open brackets; inside them line ends are blanks.
    brackets: usize,
    /// The first thing met that is Python but no literal.
    malformed: Option<LiteralError>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, brackets: 0, malformed: None }
    }

    /// Reads the whole text as one literal.
    pub(super) fn literal(mut self) -> Parsed<Value> {
        let begun = self.newlines();
        if begun.is_ok() && self.peek().is_none() {
            return Err(LiteralError::Syntax { message: "invalid syntax".to_owned(), line: 0 });
        }
        let item = begun.and_then(|()| self.whole());
        // Python parses all before it evaluates anything: a fault of syntax comes before a name, and a
        // name before a value that cannot be kept.
        match (self.malformed, item) {
            (_, Err(error @ LiteralError::Syntax { .. })) => Err(error),
            (Some(node), _) => Err(node),
            (None, item) => item.map(|item| item.value),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn whole(&mut self) -> Parsed<Item> {
        let item = self.items_or_one()?;
        self.newlines()?;
        if self.peek().is_some() {
            return Err(self.invalid());
        }
        Ok(item)
    }

    /// The next character after blanks, comments and continued lines.
    fn peek(&mut self) -> Option<char> {
        loop {
            let rest = self.rest();
            let skip = match rest.chars().next()? {
                ' ' | '\t' | '\u{c}' => 1,
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '\\' if rest.starts_with("\\\n") && rest.len() > 2 => 2,
                '\\' if rest.starts_with("\\\r\n") && rest.len() > 3 => 3,
                '\n' | '\r' if self.brackets > 0 => 1,
                other => return Some(other),
            };
            self.at += skip;
        }
    }

    /// Skips empty lines outside brackets, which may stand before and after the literal. What stands there
    /// with blanks before it is indented, though there is nothing to indent.
    fn newlines(&mut self) -> Parsed<()> {
        while matches!(self.peek(), Some('\n' | '\r')) {
            self.at += 1;
            let indented = self.rest().starts_with([' ', '\t']);
            if indented && !matches!(self.peek(), Some('\n' | '\r')) {
                return Err(self.syntax("unexpected indent"));
            }
        }
        Ok(())
    }

    fn line(&self) -> usize {
        self.text[..self.at].matches('\n').count() + 1
    }

    fn syntax(&self, message: impl Into<String>) -> LiteralError {
        LiteralError::Syntax { message: message.into(), line: self.line() }
    }

    fn malformed(&self, node: &'static str) -> LiteralError {
        LiteralError::Malformed { node, line: self.line() }
    }

    fn invalid(&mut self) -> LiteralError {
        match self.peek() {
            Some(c @ (')' | ']' | '}')) if self.brackets == 0 => self.syntax(format!("unmatched '{c}'")),
            Some('\\') if matches!(self.rest(), "\\" | "\\\n") => self.syntax("unexpected EOF while parsing"),
            Some('\\') => self.syntax("unexpected character after line continuation character"),
            Some(c) if !c.is_ascii() && !is_word(c) => {
                let code = u32::from(c);
                if is_printable(c) {
                    self.syntax(format!("invalid character '{c}' (U+{code:04X})"))
                } else {
                    self.syntax(format!("invalid non-printable character U+{code:04X}"))
                }
            }
            _ => self.syntax("invalid syntax"),
        }
    }

    /// One literal, or several with commas between them: a tuple without brackets.
    fn items_or_one(&mut self) -> Parsed<Item> {
        let first = self.item()?;
        if self.peek() != Some(',') {
            return Ok(first);
        }
        let mut kind = tuple_kind(Kind::Hashable, first.kind);
        let mut items = vec![first.value];
        while self.peek() == Some(',') {
            self.at += 1;
            if matches!(self.peek(), None | Some(')' | '\n' | '\r')) {
                break;
            }
            let item = self.item()?;
            kind = tuple_kind(kind, item.kind);
            items.push(item.value);
        }
        Ok(Item { value: Value::Array(items), kind })
    }

    fn item(&mut self) -> Parsed<Item> {
        let item = match self.peek() {
            Some(sign @ ('+' | '-')) => self.signed(sign)?,
            Some('~') => return Err(self.malformed("UnaryOp")),
            _ => self.atom()?,
        };
        self.refuse_operators()?;
        Ok(item)
    }

    fn signed(&mut self, sign: char) -> Parsed<Item> {
        self.at += 1;
        if matches!(self.peek(), Some('+' | '-' | '~')) {
            return Err(self.malformed("UnaryOp"));
        }
        let operand = self.atom()?;
        match (operand.kind, operand.value) {
            (Kind::Number, Value::Number(number)) => {
                let number = if sign == '-' { negated(&number) } else { number };
                Ok(Item { value: Value::Number(number), kind: Kind::Hashable })
            }
            _ => Err(self.malformed("UnaryOp")),
        }
    }

    /// What may follow a literal in Python makes it something else than a literal.
    fn refuse_operators(&mut self) -> Parsed<()> {
        let Some(next) = self.peek() else { return Ok(()) };
        let rest = self.rest();
        let node = match next {
            '(' => "Call",
            '[' => "Subscript",
            '.' => "Attribute",
            '=' | '!' if rest.starts_with("==") || rest.starts_with("!=") => "Compare",
            '<' | '>' => "Compare",
            '+' | '-' | '*' | '/' | '%' | '|' | '&' | '^' | '@' => "BinOp",
            c if is_word(c) => match word(rest) {
                "and" | "or" => "BoolOp",
                "in" | "is" | "not" => "Compare",
                "if" => "IfExp",
                _ => return Err(self.invalid()),
            },
            _ => return Ok(()),
        };
        // `1 +` is no operation yet; something must follow for Python to see one.
        let after = rest.trim_start_matches(|c: char| !c.is_whitespace() && !is_word(c)).trim_start();
        if node == "BinOp" && after.is_empty() {
            return Err(self.syntax("invalid syntax"));
        }
        Err(self.malformed(node))
    }

    fn atom(&mut self) -> Parsed<Item> {
        let Some(next) = self.peek() else { return Err(self.invalid()) };
        match next {
            '[' => self.bracketed(']', Self::list),
            '{' => self.bracketed('}', Self::dict_or_set),
            '(' => self.bracketed(')', Self::tuple),
            '\'' | '"' => self.strings(),
            '0'..='9' => self.number(),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            c if is_word(c) => self.word(),
            _ => Err(self.invalid()),
        }
    }

    fn bracketed(&mut self, close: char, read: fn(&mut Self) -> Parsed<Item>) -> Parsed<Item> {
        let open = self.at;
        let line = self.line();
        self.at += 1;
        self.brackets += 1;
        if self.brackets > MAX_DEPTH {
            return Err(self.syntax("too many nested parentheses"));
        }
        let item = read(self)?;
        match self.peek() {
            Some(c) if c == close => self.at += 1,
            Some(c @ (')' | ']' | '}')) => {
                let opened = &self.text[open..=open];
                let message =
                    format!("closing parenthesis '{c}' does not match opening parenthesis '{opened}'");
                return Err(self.syntax(message));
            }
            Some(_) => return Err(self.invalid()),
            None => {
                let message = format!("'{}' was never closed", &self.text[open..=open]);
                return Err(LiteralError::Syntax { message, line });
            }
        }
        self.brackets -= 1;
        Ok(item)
    }

    /// Items up to a closing bracket or the end, which the caller tells apart.
    fn until_close(&mut self, mut each: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        while !matches!(self.peek(), None | Some(')' | ']' | '}')) {
            each(self)?;
            if self.peek() != Some(',') {
                break;
            }
            self.at += 1;
        }
        Ok(())
    }

    fn list(&mut self) -> Parsed<Item> {
        let mut items = Vec::new();
        self.until_close(|parser| {
            items.push(parser.item()?.value);
            Ok(())
        })?;
        Ok(Item { value: Value::Array(items), kind: Kind::Unhashable("list") })
    }

    fn tuple(&mut self) -> Parsed<Item> {
        if self.peek() == Some(')') {
            return Ok(Item { value: Value::Array(Vec::new()), kind: Kind::Hashable });
        }
        self.items_or_one()
    }

    fn dict_or_set(&mut self) -> Parsed<Item> {
        if self.rest().starts_with("**") {
            return Err(self.malformed("Dict"));
        }
        // By Python's equality: `1` and `True` are one key, which keeps its first form and place.
        let mut entries: IndexMap<String, (Item, Value)> = IndexMap::new();
        let mut is_dict = None;
        self.until_close(|parser| {
            let key = parser.item()?;
            let colon = parser.peek() == Some(':');
            if *is_dict.get_or_insert(colon) != colon {
                return Err(parser.invalid());
            }
            let value = if colon {
                parser.at += 1;
                parser.item()?.value
            } else {
                Value::Null
            };
            if let Kind::Unhashable(class) = key.kind {
                return Err(LiteralError::Unsupported(format!("unhashable type: '{class}'")));
            }
            match entries.entry(identity(&key.value)) {
                Entry::Occupied(mut entry) => entry.get_mut().1 = value,
                Entry::Vacant(entry) => {
                    entry.insert((key, value));
                }
            }
            Ok(())
        })?;
        if is_dict == Some(false) {
            let items = entries.into_values().map(|(item, _)| item.value).collect();
            return Ok(Item { value: Value::Array(items), kind: Kind::Unhashable("set") });
        }
        let mut object = Map::new();
        for (key, value) in entries.into_values().map(|(key, value)| (key.value, value)) {
            object.insert(key_text(&key)?, value);
        }
        Ok(Item { value: Value::Object(object), kind: Kind::Unhashable("dict") })
    }

    fn number(&mut self) -> Parsed<Item> {
        let (value, length) = tokens::number(self.rest()).map_err(|message| self.syntax(message))?;
        self.at += length;
        let kind = if value.is_number() { Kind::Number } else { Kind::Hashable };
        Ok(Item { value, kind })
    }

    /// One or more strings side by side, which are one string.
    fn strings(&mut self) -> Parsed<Item> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let quote = rest.find(['\'', '"']).unwrap_or(0);
            let prefix = tokens::prefix(&rest[..quote]);
            let raw = prefix == Some(Prefix::Raw);
            let (text, length) =
                tokens::string(&rest[quote..], raw).map_err(|message| self.syntax(message))?;
            match prefix {
                Some(Prefix::Bytes) => {
                    let message = "Type is not JSON serializable: bytes".to_owned();
                    return Err(LiteralError::Unsupported(message));
                }
                Some(Prefix::Format) => return Err(self.malformed("JoinedStr")),
                _ => out.push_str(&text),
            }
            self.at += quote + length;
            if !(self.peek().is_some() && starts_string(self.rest())) {
                return Ok(Item { value: Value::String(out), kind: Kind::Hashable });
            }
        }
    }

    fn word(&mut self) -> Parsed<Item> {
        let rest = self.rest();
        if starts_string(rest) {
            return self.strings();
        }
        let word = word(rest);
        let value = match word {
            "None" => Value::Null,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "set" if rest[3..].trim_start().starts_with('(') => return self.empty_set(),
            "not" => return Err(self.malformed("UnaryOp")),
            "lambda" => return Err(self.malformed("Lambda")),
            _ if RESERVED.contains(&word) => return Err(self.invalid()),
            _ => {
                let name = self.malformed("Name");
                self.at += word.len();
                self.refuse_operators()?;
                self.malformed.get_or_insert(name);
                return Ok(Item { value: Value::Null, kind: Kind::Hashable });
            }
        };
        self.at += word.len();
        Ok(Item { value, kind: Kind::Hashable })
    }

    /// `set()` is the one call that is a literal: there is no other way to write the empty set.
    fn empty_set(&mut self) -> Parsed<Item> {
        self.at += "set".len();
        self.peek();
        self.at += 1;
        if self.peek() != Some(')') {
            return Err(self.malformed("Call"));
        }
        self.at += 1;
        Ok(Item { value: Value::Array(Vec::new()), kind: Kind::Unhashable("set") })
    }
}

/// Words that are no names.
const RESERVED: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "nonlocal", "or", "pass",
    "raise", "return", "try", "while", "with", "yield",
];

fn tuple_kind(so_far: Kind, item: Kind) -> Kind {
    match (so_far, item) {
        (Kind::Unhashable(class), _) | (_, Kind::Unhashable(class)) => Kind::Unhashable(class),
        _ => Kind::Hashable,
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

fn starts_string(text: &str) -> bool {
    let quote = text.find(['\'', '"']);
    quote.is_some_and(|at| at <= 2 && tokens::prefix(&text[..at]).is_some())
}

fn negated(number: &Number) -> Number {
    let text = number.as_str();
    if text == "0" {
        return number.clone();
    }
    Number::from_string_unchecked(format!("-{text}"))
}
