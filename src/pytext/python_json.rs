//! JSON text as Python's own `json.loads` reads it, with its messages: what `json()` in workflows shows.
//!
//! It takes more than orjson: integers of any size, `NaN` and `Infinity` (which become `null` here, as JSON
//! has no such numbers). Half a surrogate pair, which Python would keep, is refused.

use serde_json::{Map, Number, Value};

use super::{MAX_DEPTH, from_f64};

/// Reads a JSON document; an error is Python's text, place included.
pub fn python_json(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, depth: 0 };
    reader.document().map_err(|Fault(message, at)| {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, position) = (before.matches('\n').count() + 1, before.chars().count());
        let column = before[line_start..].chars().count() + 1;
        format!("{message}: line {line} column {column} (char {position})")
    })
}

/// A message and the byte it is about.
struct Fault(&'static str, usize);

type Read<T> = Result<T, Fault>;

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Value> {
        if self.text.starts_with('\u{feff}') {
            return Err(Fault("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
        }
        self.blanks();
        let value = self.value()?;
        self.blanks();
        if self.at < self.bytes.len() { Err(Fault("Extra data", self.at)) } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Read<Value> {
        const WORDS: [(&str, Value); 6] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Null),
            ("Infinity", Value::Null),
            ("-Infinity", Value::Null),
        ];
        match self.peek() {
            Some(b'"') => return self.string().map(Value::String),
            Some(b'{') => return self.nested(Self::object),
            Some(b'[') => return self.nested(Self::array),
            _ => {}
        }
        let rest = &self.text[self.at..];
        if let Some((word, value)) = WORDS.into_iter().find(|(word, _)| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(value);
        }
        self.number()
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Value>) -> Read<Value> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault("maximum recursion depth exceeded", self.at));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Whether another item follows, or the end that is passed.
    fn another(&mut self, close: u8) -> Read<bool> {
        self.blanks();
        match self.peek() {
            Some(c) if c == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            _ => Err(Fault("Expecting ',' delimiter", self.at)),
        }
    }

    fn array(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
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
        let mut fields = Map::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(fields));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Fault("Expecting property name enclosed in double quotes", self.at));
            }
            let name = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(Fault("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.blanks();
            let value = self.value()?;
            fields.insert(name, value);
            if !self.another(b'}')? {
                return Ok(Value::Object(fields));
            }
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => _ = self.digits(),
            _ => {
                self.at = start;
                return Err(Fault("Expecting value", start));
            }
        }
        let mut is_float = false;
        let digit = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_digit);
        if self.peek() == Some(b'.') && digit(self.at + 1) {
            is_float = true;
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(self.at + 1), Some(b'+' | b'-')));
            if self.bytes.get(self.at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                is_float = true;
                self.at += 1 + sign;
                self.digits();
            }
        }
        let text = &self.text[start..self.at];
        if is_float {
            return Ok(text.parse().map_or(Value::Null, from_f64));
        }
        let text = if text == "-0" { "0" } else { text };
        Ok(Value::Number(Number::from_string_unchecked(text.to_owned())))
    }

    fn string(&mut self) -> Read<String> {
        const OPEN: &str = "Unterminated string starting at";
        let begin = self.at;
        let mut out = String::new();
        self.at += 1;
        loop {
            let from = self.at;
            while self.peek().is_some_and(|c| c >= 0x20 && c != b'"' && c != b'\\') {
                self.at += 1;
            }
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                None => return Err(Fault(OPEN, begin)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    let escape = *self.bytes.get(self.at + 1).ok_or(Fault(OPEN, begin))?;
                    self.at += 2;
                    out.push(match escape {
                        b'"' | b'\\' | b'/' => escape as char,
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.unicode()?,
                        _ => return Err(Fault("Invalid \\escape", self.at - 2)),
                    });
                }
                Some(_) => return Err(Fault("Invalid control character at", self.at)),
            }
        }
    }

    /// What follows `\u`; with the other half where it is half of a pair.
    fn unicode(&mut self) -> Read<char> {
        let fault = Fault("Invalid \\uXXXX escape", self.at - 1);
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 4)?;
            u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
        };
        let Some(first) = unit(self.at) else { return Err(fault) };
        let mut units = vec![first];
        let mut end = self.at + 4;
        if (0xd800..0xdc00).contains(&first)
            && self.text.get(end..).is_some_and(|rest| rest.starts_with("\\u"))
            && let Some(second) = unit(end + 2)
        {
            units.push(second);
            end += 6;
        }
        let Some(Ok(c)) = char::decode_utf16(units).next() else { return Err(fault) };
        self.at = end;
        Ok(c)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_as_python_reads_them() {
        assert_eq!(
            python_json(r#" {"a": [1, 2.5e1, -0, null], "\u017e\ud83d\udc0e": "x"} "#),
            Ok(json!({"a": [1, 25.0, 0, null], "ž🐎": "x"}))
        );
        assert_eq!(python_json("[NaN, -Infinity]"), Ok(json!([null, null])));
        for (text, message) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("x", "Expecting value: line 1 column 1 (char 0)"),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("1 2", "Extra data: line 1 column 3 (char 2)"),
            ("\"a", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\n\"\\x\"", "Invalid \\escape: line 2 column 2 (char 2)"),
            ("\"\\u12\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
        ] {
            assert_eq!(python_json(text).unwrap_err(), message, "{text}");
        }
    }
}
