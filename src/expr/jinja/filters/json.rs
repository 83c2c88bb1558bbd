//! JSON text, as Python's `json.dumps` writes it.

use std::{cmp::Ordering, fmt::Write};

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Error, Result},
        operators::repeat_text,
        render::Run,
        value::{self, Value},
    },
    pytext,
};

pub(super) const FILTERS: Table = &[
    ("tojson", Filter::new(Signature::new("do_tojson", 1, &["value", "indent"]), tojson)),
    (
        "to_json_string",
        Filter::new(
            Signature::new("to_json_string", 1, &["value", "indent", "sort_keys", "separators"]),
            to_json_string,
        ),
    ),
    (
        "to_complex",
        Filter::new(Signature::new("to_complex", 1, &["value"]), |run, mut args| {
            dumps(&args.take(0), &Style::default(), run).map(Value::str)
        }),
    ),
    (
        "json_escape",
        Filter::new(Signature::new("json_escape", 1, &["value"]), |run, mut args| {
            // Every quote at the ends goes, also those that belong to the text.
            let text = dumps(&args.take(0), &Style::default(), run)?;
            Ok(Value::str(text.trim_matches('"')))
        }),
    ),
];

/// How to write.
struct Style {
    indent: Option<String>,
    sorts_keys: bool,
    item: String,
    key: String,
}

impl Default for Style {
    fn default() -> Self {
        Self { indent: None, sorts_keys: false, item: ", ".to_owned(), key: ": ".to_owned() }
    }
}

/// HTML-safe JSON with its keys sorted.
fn tojson(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let indent = indent(args.some(1), run)?;
    let item = if indent.is_some() { "," } else { ", " }.to_owned();
    let style = Style { indent, sorts_keys: true, item, ..Style::default() };
    let text = dumps(&value, &style, run)?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\'' => safe.push_str("\\u0027"),
            c => safe.push(c),
        }
    }
    Ok(Value::Markup(safe.into()))
}

fn to_json_string(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let indent = indent(args.some(1), run)?;
    let sorts_keys = args.optional(2).map_or(Ok(false), |flag| run.is_true(&flag))?;
    let separators = match args.optional(3) {
        None => Some((",".to_owned(), ": ".to_owned())),
        Some(Value::None) => None,
        Some(pair) => {
            let pair = run.unpack(&pair, 2)?;
            let text = |value: &Value| {
                value.as_str().map(ToOwned::to_owned).ok_or_else(|| Error::of_type("separators must be text"))
            };
            Some((text(&pair[0])?, text(&pair[1])?))
        }
    };
    let (item, key) =
        separators.unwrap_or_else(|| (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()));
    dumps(&value, &Style { indent, sorts_keys, item, key }, run).map(Value::str)
}

/// The text of one level; a number is that many blanks.
fn indent(indent: Option<Value>, run: &mut Run) -> Result<Option<String>> {
    match indent {
        None => Ok(None),
        Some(Value::Str(text) | Value::Markup(text)) => Ok(Some(text.to_string())),
        Some(other) => {
            let width = other.as_int().ok_or_else(|| {
                let kind = other.type_name();
                Error::of_type(format!("can't multiply sequence by non-int of type '{kind}'"))
            })?;
            repeat_text(" ", width.max(0) as usize, &mut run.budget).map(Some)
        }
    }
}

fn dumps(value: &Value, style: &Style, run: &mut Run) -> Result<String> {
    let mut out = String::new();
    Dumper { style, run, out: &mut out, level: 0 }.write(value)?;
    Ok(out)
}

struct Dumper<'a, 'h> {
    style: &'a Style,
    run: &'a mut Run<'h>,
    out: &'a mut String,
    level: usize,
}

impl Dumper<'_, '_> {
    fn write(&mut self, value: &Value) -> Result<()> {
        self.run.budget.pay(1)?;
        let before = self.out.len();
        match value {
            Value::Str(text) | Value::Markup(text) => string(text, self.out),
            Value::List(list) => return self.nested(|writer| writer.list(&list.items())),
            Value::Tuple(tuple) => return self.nested(|writer| writer.list(tuple.items())),
            Value::Dict(dict) => return self.nested(|writer| writer.dict(dict.entries())),
            other => {
                if let Some(text) = scalar(other)? {
                    self.out.push_str(&text);
                } else {
                    let kind = other.type_name();
                    return Err(Error::of_type(format!("Object of type {kind} is not JSON serializable")));
                }
            }
        }
        self.run.budget.make_text(self.out.len() - before)?;
        self.run.budget.make_text(self.out.len().saturating_sub(crate::expr::jinja::MAX_OUTPUT))
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.run.budget.enter()?;
        self.level += 1;
        let done = write(self);
        self.level -= 1;
        self.run.budget.leave();
        done
    }

    fn list(&mut self, items: &[Value]) -> Result<()> {
        self.out.push('[');
        for (at, item) in items.iter().enumerate() {
            self.separate(at)?;
            self.write(item)?;
        }
        self.close(items.len(), ']')
    }

    fn dict(&mut self, mut entries: Vec<(Value, Value)>) -> Result<()> {
        if self.style.sorts_keys {
            entries = self.sorted(entries)?;
        }
        self.out.push('{');
        for (at, (key, item)) in entries.iter().enumerate() {
            self.separate(at)?;
            let text = match key {
                Value::Str(text) | Value::Markup(text) => text.to_string(),
                other => scalar(other)?.ok_or_else(|| {
                    let kind = other.type_name();
                    Error::of_type(format!("keys must be str, int, float, bool or None, not {kind}"))
                })?,
            };
            string(&text, self.out);
            self.out.push_str(&self.style.key);
            self.write(item)?;
        }
        self.close(entries.len(), '}')
    }

    fn sorted(&mut self, entries: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>> {
        // Keys differ, so the values of two entries are never compared.
        let mut failed = None;
        for pair in entries.windows(2) {
            if let Err(error) = value::order(&pair[1].0, &pair[0].0, "<", &mut self.run.budget) {
                failed = Some(error);
                break;
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let budget = &mut self.run.budget;
        budget.pay_items(entries.len())?;
        let mut entries = entries;
        entries.sort_by(|(a, _), (b, _)| match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => value::order(a, b, "<", budget).ok().flatten().unwrap_or(Ordering::Equal),
        });
        Ok(entries)
    }

    /// What stands before an item: a separator, and a new line where lines are asked for.
    fn separate(&mut self, at: usize) -> Result<()> {
        if at > 0 {
            self.out.push_str(&self.style.item);
        }
        self.new_line()
    }

    fn close(&mut self, count: usize, bracket: char) -> Result<()> {
        if count > 0 {
            self.level -= 1;
            let done = self.new_line();
            self.level += 1;
            done?;
        }
        self.out.push(bracket);
        Ok(())
    }

    fn new_line(&mut self) -> Result<()> {
        let Some(indent) = &self.style.indent else { return Ok(()) };
        self.out.push('\n');
        self.out.push_str(&repeat_text(indent, self.level, &mut self.run.budget)?);
        self.run.budget.make_text(self.out.len().saturating_sub(crate::expr::jinja::MAX_OUTPUT))
    }
}

/// What stands for itself: numbers, truth and nothing.
fn scalar(value: &Value) -> Result<Option<String>> {
    Ok(Some(match value {
        Value::None => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Big(int) => value::big_text(int)?,
        Value::Float(float) if float.is_nan() => "NaN".to_owned(),
        Value::Float(float) if float.is_infinite() => {
            if *float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        }
        Value::Float(float) => pytext::float_repr(*float),
        _ => return Ok(None),
    }))
}

/// A string with everything outside ASCII escaped.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
