//! JSON that users typed or wrote into files, refused in the words of Python's `json` module.
//!
//! Reading is left to `serde_json`, which keeps integers of any length. Only for a text it refuses,
//! [`fault`] finds out what Python would have said.

use serde_json::Value;

/// Reads a document.
///
/// # Errors
/// What is wrong, with line and column.
pub(crate) fn loads(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| match fault(text) {
        Some((message, at)) => locate(text, message, at),
        // Python reads what JSON does not have, such as NaN; it could not be sent on anyway.
        None => error.to_string(),
    })
}

fn locate(text: &str, message: &str, at: usize) -> String {
    let before: Vec<char> = text.chars().take(at).collect();
    let line = 1 + before.iter().filter(|c| **c == '\n').count();
    let column = 1 + before.iter().rev().take_while(|c| **c != '\n').count();
    format!("{message}: line {line} column {column} (char {at})")
}

type Fault = (&'static str, usize);

const VALUE: &str = "Expecting value";
const NAME: &str = "Expecting property name enclosed in double quotes";

/// The first fault Python finds, and how many characters stand before it.
fn fault(text: &str) -> Option<Fault> {
    if text.starts_with('\u{feff}') {
        return Some(("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    reader.blanks();
    if let Err(fault) = reader.value() {
        return Some(fault);
    }
    reader.blanks();
    (reader.at < reader.chars.len()).then_some(("Extra data", reader.at))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.chars[self.at..].iter().copied().take(word.len()).eq(word.chars());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some('"') => self.string(),
            Some('{') => self.object(),
            Some('[') => self.array(),
            _ if ["null", "true", "false", "NaN", "Infinity", "-Infinity"]
                .iter()
                .any(|word| self.eat(word)) =>
            {
                Ok(())
            }
            _ => self.number(),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// A number goes as far as it makes sense; what is left over is somebody else's fault.
    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.eat("-");
        if !self.eat("0") && self.digits() == 0 {
            return Err((VALUE, start));
        }
        let whole = self.at;
        if !(self.eat(".") && self.digits() > 0) {
            self.at = whole;
        }
        let mantissa = self.at;
        let exponent = self.eat("e") || self.eat("E");
        if exponent && !self.eat("-") {
            self.eat("+");
        }
        if !(exponent && self.digits() > 0) {
            self.at = mantissa;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let unterminated = ("Unterminated string starting at", start);
        self.at += 1;
        loop {
            match self.peek().ok_or(unterminated)? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    self.at += 1;
                    match self.peek().ok_or(unterminated)? {
                        'u' => {
                            let digits = self.chars.iter().skip(self.at + 1).take(4);
                            if digits.filter(|c| c.is_ascii_hexdigit()).count() < 4 {
                                return Err(("Invalid \\uXXXX escape", self.at));
                            }
                            self.at += 5;
                        }
                        '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => self.at += 1,
                        _ => return Err(("Invalid \\escape", self.at - 1)),
                    }
                }
                c if c < ' ' => return Err(("Invalid control character at", self.at)),
                _ => self.at += 1,
            }
        }
    }

    fn array(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.blanks();
        if self.eat("]") {
            return Ok(());
        }
        loop {
            self.value()?;
            self.blanks();
            if self.eat("]") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(("Expecting ',' delimiter", self.at));
            }
            self.blanks();
        }
    }

    fn object(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.blanks();
        if self.eat("}") {
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return Err((NAME, self.at));
            }
            self.string()?;
            self.blanks();
            if !self.eat(":") {
                return Err(("Expecting ':' delimiter", self.at));
            }
            self.blanks();
            self.value()?;
            self.blanks();
            if self.eat("}") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(("Expecting ',' delimiter", self.at));
            }
            self.blanks();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::loads;

    #[test]
    fn faults_are_told_in_pythons_words() {
        let cases = [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("{nope", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{\"a\":1,}", "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"),
            ("{\"a\":1 \"b\"}", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("\"\\u12G4\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("1 2", "Extra data: line 1 column 3 (char 2)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("1.", "Extra data: line 1 column 2 (char 1)"),
            ("1e", "Extra data: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
            ("\n\n x", "Expecting value: line 3 column 2 (char 3)"),
            ("{\"é\": x}", "Expecting value: line 1 column 7 (char 6)"),
            ("\u{feff}{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        ];
        for (text, want) in cases {
            assert_eq!(loads(text).unwrap_err(), want, "{text:?}");
        }
        assert_eq!(
            loads("[123456789012345678901234567890]").unwrap()[0].to_string(),
            "123456789012345678901234567890"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text in "[\\[\\]{}\",:0-9a-u\\\\ .eE+-]{0,24}") {
            let _ = loads(&text);
        }
    }
}
