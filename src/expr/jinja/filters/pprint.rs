//! Values over several lines, as Python's `pprint` lays them out.

use std::cmp::Ordering;

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::Signature,
        error::Result,
        methods,
        render::Run,
        value::{self, Value},
    },
    pytext::{is_space, repr_str},
};

const WIDTH: usize = 80;

pub(super) const FILTERS: Table = &[(
    "pprint",
    Filter::new(Signature::new("do_pprint", 1, &["value"]), |run, mut args| {
        let mut printer = Printer { run, out: String::new() };
        printer.format(&args.take(0), 0, 0, 0)?;
        let out = printer.out;
        run.budget.make_text(out.len())?;
        Ok(Value::str(out))
    }),
)];

struct Printer<'a, 'h> {
    run: &'a mut Run<'h>,
    out: String,
}

impl Printer<'_, '_> {
    /// Writes a value that begins in column `indent` and leaves room for `allowance` characters.
    fn format(&mut self, value: &Value, indent: usize, allowance: usize, level: usize) -> Result<()> {
        let shown = self.repr(value)?;
        if shown.chars().count() + indent + allowance <= WIDTH {
            self.out.push_str(&shown);
            return Ok(());
        }
        self.run.budget.enter()?;
        match value {
            Value::Dict(_) => self.dict(value, indent, allowance + 1, level + 1)?,
            Value::List(list) => {
                self.out.push('[');
                self.items(&list.items(), indent, allowance + 1, level + 1)?;
                self.out.push(']');
            }
            Value::Tuple(tuple) => {
                let end = if tuple.items().len() == 1 { ",)" } else { ")" };
                self.out.push('(');
                self.items(tuple.items(), indent, allowance + end.len(), level + 1)?;
                self.out.push_str(end);
            }
            Value::Str(text) => self.text(text, &shown, indent, allowance, level + 1),
            _ => self.out.push_str(&shown),
        }
        self.run.budget.leave();
        Ok(())
    }

    fn dict(&mut self, value: &Value, indent: usize, allowance: usize, level: usize) -> Result<()> {
        let entries = self.sorted(value)?;
        self.out.push('{');
        let indent = indent + 1;
        for (at, (key, item)) in entries.iter().enumerate() {
            let is_last = at + 1 == entries.len();
            let key = self.repr(key)?;
            self.out.push_str(&key);
            self.out.push_str(": ");
            let room = if is_last { allowance } else { 1 };
            self.format(item, indent + key.chars().count() + 2, room, level)?;
            if !is_last {
                self.new_line(",", indent);
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn items(&mut self, items: &[Value], indent: usize, allowance: usize, level: usize) -> Result<()> {
        let indent = indent + 1;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.new_line(",", indent);
            }
            let room = if at + 1 == items.len() { allowance } else { 1 };
            self.format(item, indent, room, level)?;
        }
        Ok(())
    }

    fn new_line(&mut self, before: &str, indent: usize) {
        self.out.push_str(before);
        self.out.push('\n');
        self.out.push_str(&" ".repeat(indent.min(WIDTH * 4)));
    }

    /// A long text, as several that Python would join again.
    fn text(&mut self, text: &str, shown: &str, indent: usize, allowance: usize, level: usize) {
        let outermost = usize::from(level == 1);
        let (indent, allowance) = (indent + outermost, allowance + outermost);
        let width = WIDTH.saturating_sub(indent);
        let length = |text: &str| repr_str(text).chars().count();
        let lines = methods::split_lines(text, true);
        let mut chunks = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let is_last = at + 1 == lines.len();
            let room = if is_last { width.saturating_sub(allowance) } else { width };
            if length(line) <= room {
                chunks.push(repr_str(line));
                continue;
            }
            let parts = words(line);
            let mut current = String::new();
            for (at, part) in parts.iter().enumerate() {
                let ends = is_last && at + 1 == parts.len();
                let room = if ends { width.saturating_sub(allowance) } else { width };
                let candidate = format!("{current}{part}");
                if length(&candidate) <= room {
                    current = candidate;
                    continue;
                }
                if !current.is_empty() {
                    chunks.push(repr_str(&current));
                }
                (*part).clone_into(&mut current);
            }
            if !current.is_empty() {
                chunks.push(repr_str(&current));
            }
        }
        if chunks.len() <= 1 {
            self.out.push_str(shown);
            return;
        }
        if level == 1 {
            self.out.push('(');
        }
        for (at, chunk) in chunks.iter().enumerate() {
            if at > 0 {
                self.new_line("", indent);
            }
            self.out.push_str(chunk);
        }
        if level == 1 {
            self.out.push(')');
        }
    }

    /// The repr, with the keys of dictionaries sorted.
    fn repr(&mut self, value: &Value) -> Result<String> {
        self.run.budget.enter()?;
        let shown = match value {
            Value::Dict(_) => {
                let mut parts = Vec::new();
                for (key, item) in self.sorted(value)? {
                    parts.push(format!("{}: {}", self.repr(&key)?, self.repr(&item)?));
                }
                format!("{{{}}}", parts.join(", "))
            }
            Value::List(list) => format!("[{}]", self.reprs(&list.items())?),
            Value::Tuple(tuple) if tuple.items().len() == 1 => format!("({},)", self.reprs(tuple.items())?),
            Value::Tuple(tuple) => format!("({})", self.reprs(tuple.items())?),
            other => value::repr(other, &mut self.run.budget)?,
        };
        self.run.budget.leave();
        self.run.budget.make_text(shown.len())?;
        Ok(shown)
    }

    fn reprs(&mut self, items: &[Value]) -> Result<String> {
        let shown = items.iter().map(|item| self.repr(item)).collect::<Result<Vec<_>>>()?;
        Ok(shown.join(", "))
    }

    /// The entries by key; keys that cannot be compared are ordered by their kinds.
    fn sorted(&mut self, value: &Value) -> Result<Vec<(Value, Value)>> {
        let Value::Dict(dict) = value else { return Ok(Vec::new()) };
        let mut entries = dict.entries();
        self.run.budget.pay_items(entries.len() * 2)?;
        let budget = &mut self.run.budget;
        let kinds_are_one = entries.windows(2).all(|pair| pair[0].0.type_name() == pair[1].0.type_name());
        entries.sort_by(|(a, _), (b, _)| {
            let kinds = a.type_name().cmp(b.type_name());
            let order = value::order(a, b, "<", budget).ok().flatten().unwrap_or(Ordering::Equal);
            if kinds_are_one { order } else { kinds.then(order) }
        });
        Ok(entries)
    }
}

/// Words, each with the blanks behind it.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(is_space).unwrap_or(rest.len());
        let blanks = rest[word..].find(|c| !is_space(c)).unwrap_or(rest.len() - word);
        words.push(&rest[..word + blanks]);
        rest = &rest[word + blanks..];
    }
    words
}
