//! Lines: indenting and wrapping.

use super::{Filter, Table, text::int};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Error, Result},
        methods,
        render::Run,
        value::Value,
    },
    pytext::is_space,
};

pub(super) const FILTERS: Table = &[
    ("indent", Filter::new(Signature::new("do_indent", 1, &["s", "width", "first", "blank"]), indent)),
    (
        "wordwrap",
        Filter::new(
            Signature::new(
                "do_wordwrap",
                1,
                &["s", "width", "break_long_words", "wrapstring", "break_on_hyphens"],
            ),
            wordwrap,
        ),
    ),
];

fn indent(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let width = args.optional(1).unwrap_or(Value::Int(4));
    let indention = match &width {
        Value::Str(text) | Value::Markup(text) => text.to_string(),
        other => {
            let width = other.as_int().ok_or_else(|| {
                Error::of_type(format!("can't multiply sequence by non-int of type '{}'", other.type_name()))
            })?;
            crate::expr::jinja::operators::repeat_text(" ", width.max(0) as usize, &mut run.budget)?
        }
    };
    let first = args.optional(2).map_or(Ok(false), |flag| run.is_true(&flag))?;
    let blank = args.optional(3).map_or(Ok(false), |flag| run.is_true(&flag))?;
    let text = match &value {
        Value::Str(text) | Value::Markup(text) => text,
        Value::Undefined(undefined) => return Err(undefined.error()),
        Value::List(_) => return Err(methods::no_method(&value, "splitlines")),
        other => {
            let kind = other.type_name();
            return Err(Error::of_type(format!("unsupported operand type(s) for +=: '{kind}' and 'str'")));
        }
    };
    let text = format!("{text}\n");
    let lines = methods::split_lines(&text, false);
    run.budget.make_text(text.len() + lines.len().saturating_mul(indention.len()))?;
    let mut out = String::new();
    if first {
        out.push_str(&indention);
    }
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        }
        out.push_str(line);
    }
    Ok(if matches!(value, Value::Markup(_)) { Value::Markup(out.into()) } else { Value::str(out) })
}

/// What a byte of wrapped text costs.
const STEPS_PER_BYTE: usize = 4;

fn wordwrap(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let width = int(args.optional(1), 79)?;
    let breaks_words = args.optional(2).map_or(Ok(true), |flag| run.is_true(&flag))?;
    let separator = args.some(3).unwrap_or_else(|| Value::str("\n"));
    let on_hyphens = args.optional(4).map_or(Ok(true), |flag| run.is_true(&flag))?;
    let Some(text) = value.as_str() else {
        if let Value::Undefined(undefined) = &value {
            return Err(undefined.error());
        }
        return Err(methods::no_method(&value, "splitlines"));
    };
    let Some(separator) = separator.as_str() else {
        return Err(Error::of_type(format!("'{}' object cannot join lines", separator.type_name())));
    };
    run.budget.pay_items(text.len() * STEPS_PER_BYTE)?;
    let mut lines = Vec::new();
    for line in methods::split_lines(text, false) {
        if width <= 0 {
            return Err(Error::of_value(format!("invalid width {width} (must be > 0)")));
        }
        let wrapped = Wrap { width: width as usize, breaks_words, on_hyphens }.wrap(line);
        lines.push(wrapped.join(separator));
    }
    Ok(Value::str(lines.join(separator)))
}

/// How a line is broken, as Python's `textwrap` does it.
struct Wrap {
    width: usize,
    breaks_words: bool,
    on_hyphens: bool,
}

impl Wrap {
    fn wrap(&self, text: &str) -> Vec<String> {
        let mut chunks: Vec<Vec<char>> = self.chunks(text);
        chunks.reverse();
        let mut lines: Vec<String> = Vec::new();
        while !chunks.is_empty() {
            let mut line: Vec<Vec<char>> = Vec::new();
            let mut length = 0;
            // Blanks at the beginning of a line go, but for the first one.
            if is_blank(chunks.last()) && !lines.is_empty() {
                chunks.pop();
            }
            while let Some(chunk) = chunks.last() {
                if length + chunk.len() > self.width {
                    break;
                }
                length += chunk.len();
                line.extend(chunks.pop());
            }
            if chunks.last().is_some_and(|chunk| chunk.len() > self.width) {
                self.long_word(&mut chunks, &mut line, length);
            }
            if is_blank(line.last()) {
                line.pop();
            }
            if !line.is_empty() {
                lines.push(line.into_iter().flatten().collect());
            }
        }
        lines
    }

    /// A word that is longer than a line.
    fn long_word(&self, chunks: &mut Vec<Vec<char>>, line: &mut Vec<Vec<char>>, length: usize) {
        let room = if self.width < 1 { 1 } else { self.width - length };
        if !self.breaks_words {
            if line.is_empty() {
                line.extend(chunks.pop());
            }
            return;
        }
        let Some(mut chunk) = chunks.pop() else { return };
        let mut end = room;
        if self.on_hyphens && chunk.len() > room {
            let hyphen = chunk[..room].iter().rposition(|c| *c == '-').filter(|at| *at > 0);
            if let Some(at) = hyphen.filter(|at| chunk[..*at].iter().any(|c| *c != '-')) {
                end = at + 1;
            }
        }
        let rest = chunk.split_off(end.min(chunk.len()));
        line.push(chunk);
        chunks.push(rest);
    }

    /// Words, the blanks between them, and the parts of words with hyphens.
    fn chunks(&self, text: &str) -> Vec<Vec<char>> {
        let chars: Vec<char> = text.chars().collect();
        let mut chunks = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let begin = at;
            let blank = is_wrap_space(chars[at]);
            while at < chars.len() && is_wrap_space(chars[at]) == blank {
                at += 1;
            }
            if blank || !self.on_hyphens {
                chunks.push(chars[begin..at].to_vec());
            } else {
                split_word(&chars[begin..at], &mut chunks);
            }
        }
        chunks
    }
}

fn is_blank(chunk: Option<&Vec<char>>) -> bool {
    chunk.is_some_and(|chunk| chunk.iter().all(|c| is_space(*c)))
}

/// The blanks lines break at; no-break spaces are none of them.
fn is_wrap_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// Breaks a word behind a hyphen with letters on both sides, and around dashes.
fn split_word(word: &[char], chunks: &mut Vec<Vec<char>>) {
    let is_word =
        |c: char| c.is_alphanumeric() || c == '_' || matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?');
    let is_letter = |c: Option<&char>| c.is_some_and(|c| c.is_alphabetic() || *c == '_');
    let mut begin = 0;
    let mut at = 0;
    while at < word.len() {
        if word[at] != '-' {
            at += 1;
            continue;
        }
        let run = word[at..].iter().take_while(|c| **c == '-').count();
        let (before, after) = (at.checked_sub(1).map(|at| word[at]), word.get(at + run));
        if run >= 2 && before.is_some_and(is_word) && after.is_some_and(|c| c.is_alphanumeric() || *c == '_')
        {
            chunks.push(word[begin..at].to_vec());
            chunks.push(word[at..at + run].to_vec());
            begin = at + run;
        } else if run == 1 {
            // One hyphen ends a part if two letters are before it and two follow, or a letter and a hyphen.
            let follows = is_letter(word.get(at + 1))
                && (is_letter(word.get(at + 2))
                    || (word.get(at + 2) == Some(&'-') && is_letter(word.get(at + 3))));
            let precedes = at >= 1
                && is_letter(word.get(at - 1))
                && (at >= 2 && (is_letter(word.get(at - 2)) || word[at - 2] == '-'));
            if follows && precedes && at + 1 > begin {
                chunks.push(word[begin..=at].to_vec());
                begin = at + 1;
            }
        }
        at += run;
    }
    if begin < word.len() {
        chunks.push(word[begin..].to_vec());
    }
}
