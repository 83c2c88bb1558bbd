//! A value laid out over several lines as Python's `pprint` does it at width 72: the long form of errors shows
//! schema and instance this way, and users see it in pack configuration and output validation.

use crate::pytext;
use serde_json::Value;

const WIDTH: isize = 72;

/// The layout of `value`, lines after the first starting with `prefix`.
pub(super) fn format(value: &Value, prefix: &str) -> String {
    let mut out = Layout(String::new());
    out.value(value, 0, 0, 0);
    out.0.replace('\n', &format!("\n{prefix}"))
}

struct Layout(String);

impl Layout {
    /// `allowance` is the room that closing brackets behind the value need on its last line.
    fn value(&mut self, value: &Value, indent: isize, allowance: isize, level: usize) {
        let room = WIDTH - indent - allowance;
        if !surely_longer(value, room) {
            let text = pytext::repr(value);
            if chars(&text) <= room {
                self.0.push_str(&text);
                return;
            }
        }
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.0.push('{');
                for (index, (key, entry)) in map.iter().enumerate() {
                    self.separate(index, indent + 1);
                    let key = pytext::repr(&Value::String(key.clone()));
                    let allowance = if index + 1 == map.len() { allowance + 1 } else { 1 };
                    self.0.push_str(&key);
                    self.0.push_str(": ");
                    self.value(entry, indent + chars(&key) + 3, allowance, level + 1);
                }
                self.0.push('}');
            }
            Value::Array(items) if !items.is_empty() => {
                self.0.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(index, indent + 1);
                    let allowance = if index + 1 == items.len() { allowance + 1 } else { 1 };
                    self.value(item, indent + 1, allowance, level + 1);
                }
                self.0.push(']');
            }
            Value::String(text) if !text.is_empty() => self.string(text, indent, allowance, level),
            other => self.0.push_str(&pytext::repr(other)),
        }
    }

    fn separate(&mut self, index: usize, indent: isize) {
        if index > 0 {
            self.0.push(',');
            self.new_line(indent);
        }
    }

    fn new_line(&mut self, indent: isize) {
        self.0.push('\n');
        self.0.extend(std::iter::repeat_n(' ', indent.unsigned_abs()));
    }

    /// A long string becomes adjacent literals, broken after line ends and then after spaces.
    fn string(&mut self, text: &str, indent: isize, allowance: isize, level: usize) {
        // Only the outermost string gets parentheses, and they need room.
        let outermost = level == 0;
        let (indent, allowance) = if outermost { (indent + 1, allowance + 1) } else { (indent, allowance) };
        let pieces = literals(text, WIDTH - indent, allowance);
        let bracketed = outermost && pieces.len() > 1;
        if bracketed {
            self.0.push('(');
        }
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.new_line(indent);
            }
            self.0.push_str(piece);
        }
        if bracketed {
            self.0.push(')');
        }
    }
}

fn literals(text: &str, width: isize, allowance: isize) -> Vec<String> {
    let mut pieces = Vec::new();
    let lines = lines(text);
    for (index, line) in lines.iter().enumerate() {
        let is_last = index + 1 == lines.len();
        let whole = quoted(line);
        if chars(&whole) <= width - if is_last { allowance } else { 0 } {
            pieces.push(whole);
            continue;
        }
        let words = words(line);
        let mut current = String::new();
        for (position, word) in words.iter().enumerate() {
            let candidate = format!("{current}{word}");
            let is_end = is_last && position + 1 == words.len();
            if chars(&quoted(&candidate)) > width - if is_end { allowance } else { 0 } {
                if !current.is_empty() {
                    pieces.push(quoted(&current));
                }
                (*word).clone_into(&mut current);
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            pieces.push(quoted(&current));
        }
    }
    pieces
}

fn quoted(text: &str) -> String {
    pytext::repr(&Value::String(text.to_owned()))
}

fn chars(text: &str) -> isize {
    text.chars().count() as isize
}

/// Whether the one-line form is certainly longer than `room`, found without writing it.
fn surely_longer(value: &Value, room: isize) -> bool {
    fn spend(value: &Value, room: &mut isize) -> bool {
        *room -= match value {
            Value::String(text) => 2 + (text.len() / 4) as isize,
            Value::Array(_) | Value::Object(_) => 2,
            _ => 1,
        };
        if *room < 0 {
            return true;
        }
        match value {
            Value::Array(items) => items.iter().any(|item| spend(item, room)),
            Value::Object(map) => map.iter().any(|(key, item)| {
                *room -= 4 + (key.len() / 4) as isize;
                spend(item, room)
            }),
            _ => false,
        }
    }
    spend(value, &mut room.clone())
}

/// Python's `splitlines(True)`.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_break = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !is_break {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
            end += 1;
        }
        lines.push(&text[start..end]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// Runs of non-spaces, each with the spaces behind it.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_space = false;
    for (at, c) in line.char_indices() {
        let is_space = c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
        if in_space && !is_space {
            words.push(&line[start..at]);
            start = at;
        }
        in_space = is_space;
    }
    if start < line.len() {
        words.push(&line[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_fits_stays_on_one_line() {
        assert_eq!(
            format(&json!({"type": "string", "required": true}), ""),
            "{'type': 'string', 'required': True}"
        );
    }

    #[test]
    fn nested_values_break_under_their_key() {
        let value = json!({"type": ["object", "null"], "properties": {"k": {"type": "string", "required": true}, "l": {"type": ["array", "null"], "items": {"type": "integer"}}}});
        assert_eq!(
            format(&value, "  "),
            "{'type': ['object', 'null'],\n   'properties': {'k': {'type': 'string', 'required': True},\n                  'l': {'type': ['array', 'null'],\n                        'items': {'type': 'integer'}}}}"
        );
    }

    #[test]
    fn long_strings_become_adjacent_literals() {
        let text = "a word ".repeat(15);
        assert_eq!(
            format(&json!(text), ""),
            "('a word a word a word a word a word a word a word a word a word a '\n 'word a word a word a word a word a word ')"
        );
    }
}
