//! JSON text as orjson reads it, with its messages.
//!
//! Users meet those messages: a request body, `json()` in YAQL and `from_json_string` in Jinja all
//! quote them. The reading differs from `serde_json` in a few places too: integers beyond 64 bits
//! become floats, and a float too large for a double is an error.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::{MAX_DEPTH, number::from_f64};

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct JsonError {
    /// What is wrong, in orjson's words.
    pub message: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters before the fault.
    pub position: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, position } = self;
        write!(f, "{message}: line {line} column {column} (char {position})")
    }
}

/// Reads a JSON document as `orjson.loads` does.
///
/// Nesting stops at [`MAX_DEPTH`], where orjson allows 1024: what is read here is stored and read
/// again by parsers with lower limits.
pub fn json_loads(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.document().map_err(|fault| locate(text, &fault))
}

/// Reads a text as JSON if it is JSON, and gives it back as it is if not.
pub fn try_loads(text: &str) -> Value {
    json_loads(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A message and the byte it is about.
struct Fault(&'static str, usize);

type Read<T> = Result<T, Fault>;

const END: &str = "unexpected end of data";
const CHARACTER: &str = "unexpected character";
const ESCAPE: &str = "invalid escaped sequence in string";

fn locate(text: &str, &Fault(message, at): &Fault) -> JsonError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    JsonError {
        message,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        position: before.chars().count(),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Value> {
        if self.text.is_empty() {
            return Err(Fault("Input is a zero-length, empty document", 0));
        }
        self.blanks();
        if self.peek().is_none() {
            return Err(Fault("input data is empty", 0));
        }
        let value = self.value()?;
        self.blanks();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(Fault("unexpected content after document", self.at)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next character that is not blank; the end of the text is a fault here.
    fn next_token(&mut self) -> Read<u8> {
        self.blanks();
        self.peek().ok_or(Fault(END, self.at))
    }

    fn value(&mut self) -> Read<Value> {
        match self.next_token()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Value::String),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Fault(CHARACTER, self.at)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Value>) -> Read<Value> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault("array and object recursion depth exceeded", self.at));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        if self.next_token()? == b']' {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if !self.another(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Read<Value> {
        let mut entries = Map::new();
        if self.next_token()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(entries));
        }
        loop {
            if self.next_token()? != b'"' {
                return Err(Fault(CHARACTER, self.at));
            }
            let key = self.string()?;
            if self.next_token()? != b':' {
                return Err(Fault(CHARACTER, self.at));
            }
            self.at += 1;
            let value = self.value()?;
            entries.insert(key, value);
            if !self.another(b'}')? {
                return Ok(Value::Object(entries));
            }
        }
    }

    /// After an item: `true` at a comma with something behind it, `false` at the end of the container.
    fn another(&mut self, close: u8) -> Read<bool> {
        let next = self.next_token()?;
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        if next != b',' {
            return Err(Fault(CHARACTER, self.at));
        }
        let comma = self.at;
        self.at += 1;
        if self.next_token()? == close {
            return Err(Fault("trailing comma is not allowed", comma));
        }
        Ok(true)
    }

    fn literal(&mut self, word: &str, value: Value) -> Read<Value> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else if word.starts_with(rest) {
            Err(Fault(END, self.text.len()))
        } else {
            Err(Fault("invalid literal", self.at))
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn some_digits(&mut self, missing: &'static str) -> Read<()> {
        if self.digits() > 0 {
            return Ok(());
        }
        Err(Fault(if self.peek().is_none() { END } else { missing }, self.at))
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.some_digits("no digit after minus sign")?;
        if self.text[first..].starts_with('0') && self.at > first + 1 {
            return Err(Fault("number with leading zero is not allowed", first));
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.some_digits("no digit after decimal point")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("no digit after exponent sign")?;
        }
        let text = &self.text[start..self.at];
        if whole {
            if let Ok(number) = text.parse::<i64>() {
                return Ok(Value::from(number));
            }
            if let Ok(number) = text.parse::<u64>() {
                return Ok(Value::Number(Number::from(number)));
            }
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(from_f64(number)),
            _ => Err(Fault("number is infinity when parsed as double", start)),
        }
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|c| c != b'"' && c != b'\\' && c >= 0x20) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                None => return Err(Fault(END, self.at)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(Fault("unexpected control character in string", self.at)),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let Some(&c) = self.text.as_bytes().get(self.at + 1) else {
            return Err(Fault(END, self.text.len()));
        };
        let c = match c {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Fault("invalid escaped character in string", self.at + 1)),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let start = self.at;
        let high = self.unit()?;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        if high >= 0xdc00 {
            return Err(Fault("invalid high surrogate in string", start));
        }
        let second = self.at;
        let rest = &self.text[second..];
        if !rest.starts_with("\\u") {
            let cut = "\\u".starts_with(rest);
            let (message, at) =
                if cut { (END, self.text.len()) } else { ("no low surrogate in string", second) };
            return Err(Fault(message, at));
        }
        let low = self.unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(Fault("invalid low surrogate in string", second));
        }
        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(code).ok_or(Fault("invalid low surrogate in string", second))
    }

    /// The four hexadecimal digits of an escape that stands here.
    fn unit(&mut self) -> Read<u32> {
        let digits = &self.text.as_bytes()[self.at + 2..];
        let digits = &digits[..digits.len().min(4)];
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Fault(ESCAPE, self.at));
        }
        if digits.len() < 4 {
            return Err(Fault(END, self.text.len()));
        }
        self.at += 6;
        let value = digits.iter().filter_map(|&d| char::from(d).to_digit(16));
        Ok(value.fold(0, |sum, digit| sum * 16 + digit))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_told_in_orjsons_words() {
        for (text, message) in [
            ("", "Input is a zero-length, empty document: line 1 column 1 (char 0)"),
            (" \n", "input data is empty: line 1 column 1 (char 0)"),
            ("[1,]", "trailing comma is not allowed: line 1 column 3 (char 2)"),
            ("[1", "unexpected end of data: line 1 column 3 (char 2)"),
            ("\n\n x", "unexpected character: line 3 column 2 (char 3)"),
            ("[tru]", "invalid literal: line 1 column 2 (char 1)"),
            ("nul", "unexpected end of data: line 1 column 4 (char 3)"),
            ("\"ž\"x", "unexpected content after document: line 1 column 4 (char 3)"),
            ("-01", "number with leading zero is not allowed: line 1 column 2 (char 1)"),
            ("1e999", "number is infinity when parsed as double: line 1 column 1 (char 0)"),
            ("\"\\q\"", "invalid escaped character in string: line 1 column 3 (char 2)"),
            ("\"\\u12x\"", "invalid escaped sequence in string: line 1 column 2 (char 1)"),
            ("\"\\ud800\"", "no low surrogate in string: line 1 column 8 (char 7)"),
            ("\"\\ud800\\u0041\"", "invalid low surrogate in string: line 1 column 8 (char 7)"),
            ("\"\\udc00\"", "invalid high surrogate in string: line 1 column 2 (char 1)"),
            ("\"a\nb\"", "unexpected control character in string: line 1 column 3 (char 2)"),
        ] {
            assert_eq!(json_loads(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_kind() {
        let read = |text| json_loads(text).unwrap().to_string();
        assert_eq!(read("-0"), "0");
        assert_eq!(read("1.50"), "1.5");
        assert_eq!(read("18446744073709551615"), "18446744073709551615");
        assert_eq!(read("18446744073709551616"), "1.8446744073709552e+19");
    }

    #[test]
    fn documents_are_read() {
        let text = r#" {"a": [1, 2.5, "\ud83d\udc0e\n"], "b": {}, "a": null} "#;
        assert_eq!(json_loads(text), Ok(json!({"a": null, "b": {}})));
        assert_eq!(try_loads("NaN"), json!("NaN"));
        assert_eq!(try_loads(" 1 "), json!(1));
        assert!(json_loads(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r#"([\[\]{},:"\\ud80-9tfnre.+\-]|\PC){0,24}"#) {
            let _ = json_loads(&text);
        }

        #[test]
        fn what_serde_reads_is_read(text in r#"[\[\]{},:"0-9a ]{0,12}"#) {
            let ours = json_loads(&text).is_ok();
            prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
