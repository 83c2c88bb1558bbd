//! Compiled patterns, and matches as expressions see them.

use std::time::Instant;

use fancy_regex::Regex;
use indexmap::IndexMap;

use super::{
    error::{Error, Result},
    runtime::Runtime,
    value::{Key, Value},
};

/// What matched, group by group.
pub(super) type Captures<'t> = fancy_regex::Captures<'t, str>;

/// A pattern with what it was made of.
#[derive(Debug)]
pub struct Pattern {
    pub(super) source: String,
    pub(super) flags: String,
    regex: Regex,
}

impl Pattern {
    pub(super) fn new(source: &str, ignore_case: bool, multi_line: bool, dot_all: bool) -> Result<Self> {
        let flags: String = [(ignore_case, 'i'), (multi_line, 'm'), (dot_all, 's')]
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag)
            .collect();
        let whole = if flags.is_empty() { source.to_owned() } else { format!("(?{flags}){source}") };
        let regex = crate::pytext::regex::compile(&whole).map_err(|message| Error::new("error", message))?;
        Ok(Self { source: source.to_owned(), flags, regex })
    }

    pub(super) fn is_match(&self, rt: &Runtime<'_>, text: &str) -> Result<bool> {
        paid(rt, || self.regex.is_match(text))
    }

    /// The first match.
    pub(super) fn find<'t>(&self, rt: &Runtime<'_>, text: &'t str) -> Result<Option<Captures<'t>>> {
        paid(rt, || self.regex.captures(text))
    }

    /// The first match from a byte on.
    pub(super) fn find_from<'t>(
        &self,
        rt: &Runtime<'_>,
        text: &'t str,
        from: usize,
    ) -> Result<Option<Captures<'t>>> {
        paid(rt, || self.regex.captures_from_pos(text, from))
    }

    /// All matches, as Python finds them: an empty one may follow another at once.
    pub(super) fn find_all<'t>(
        &self,
        rt: &Runtime<'_>,
        text: &'t str,
        most: usize,
    ) -> Result<Vec<Captures<'t>>> {
        let mut found = Vec::new();
        let mut from = 0;
        let mut last_end = None;
        while from <= text.len() && (most == 0 || found.len() < most) {
            let Some(captures) = self.find_from(rt, text, from)? else { break };
            let Some(whole) = captures.get(0) else { break };
            let (start, end) = (whole.start(), whole.end());
            let step = || text[end..].chars().next().map_or(1, char::len_utf8);
            if start == end {
                from = end + step();
                // Python tries for a longer match where an empty one touches the one before.
                if last_end == Some(end) {
                    continue;
                }
            } else {
                from = end;
            }
            last_end = Some(end);
            found.push(captures);
        }
        Ok(found)
    }
}

/// Runs a search and charges the time it took, which no step can count.
fn paid<T>(rt: &Runtime<'_>, run: impl FnOnce() -> fancy_regex::Result<T>) -> Result<T> {
    let start = Instant::now();
    let found = run().map_err(|error| Error::limit(format!("the pattern takes too many steps: {error}")));
    rt.pay(start.elapsed().as_micros() as u64 * 10 + 1)?;
    found
}

/// `{value, start, end}` of a group; a group that took no part has no value and stands at -1.
pub(super) fn record(text: &str, captures: &Captures<'_>, group: usize) -> Result<Value> {
    let chars = |bytes: usize| Value::Int(text[..bytes].chars().count() as i64);
    let (value, start, end) = match captures.get(group) {
        Some(found) => (Value::text(found.as_str()), chars(found.start()), chars(found.end())),
        None => (Value::Null, Value::Int(-1), Value::Int(-1)),
    };
    Value::dict(IndexMap::from([
        (Key::text("value"), value),
        (Key::text("start"), start),
        (Key::text("end"), end),
    ]))
}
