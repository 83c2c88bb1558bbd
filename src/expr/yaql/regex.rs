//! Compiled patterns, and matches as expressions see them.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    error::{Error, Result},
    runtime::Runtime,
    value::{Key, Value},
};
use crate::pytext::search::{Found, Manner, Search, TooManySteps};

/// Steps of a search that count as one here.
const STEPS_PER_STEP: usize = 10;

/// Steps that it takes to compile a pattern, and each byte of it.
const COMPILING: (u64, u64) = (200, 10);

/// A pattern with what it was made of.
#[derive(Debug)]
pub struct Pattern {
    pub(super) source: String,
    pub(super) flags: String,
    search: Arc<Search>,
}

impl Pattern {
    pub(super) fn new(
        rt: &Runtime<'_>,
        source: &str,
        ignores_case: bool,
        multi_line: bool,
        dot_all: bool,
    ) -> Result<Self> {
        let flags: String = [(ignores_case, 'i'), (multi_line, 'm'), (dot_all, 's')]
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag)
            .collect();
        let manner = Manner { ignores_case, multi_line, dot_all, at_start: false };
        let known = rt.patterns.borrow().find(source, manner);
        let search = if let Some(known) = known {
            known
        } else {
            rt.pay(COMPILING.0 + COMPILING.1 * source.len() as u64)?;
            let added = rt.patterns.borrow_mut().add(source, manner);
            added.map_err(|message| Error::new("error", message))?
        };
        Ok(Self { source: source.to_owned(), flags, search })
    }

    /// The number of the group of that name.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.search.group(name)
    }

    pub(super) fn is_match(&self, rt: &Runtime<'_>, text: &str) -> Result<bool> {
        paid(rt, |steps| self.search.is_match_within(text, steps))
    }

    /// The first match.
    pub(super) fn find<'t>(&self, rt: &Runtime<'_>, text: &'t str) -> Result<Option<Found<'t>>> {
        paid(rt, |steps| self.search.find_within(text, steps))
    }

    /// All matches, or so many of them; 0 is all.
    pub(super) fn find_all<'t>(
        &self,
        rt: &Runtime<'_>,
        text: &'t str,
        most: usize,
    ) -> Result<Vec<Found<'t>>> {
        let most = if most == 0 { usize::MAX } else { most };
        paid(rt, |steps| self.search.find_all_within(text, most, steps))
    }
}

/// Runs a search within the limits of the evaluation, and pays for its steps.
fn paid<T>(
    rt: &Runtime<'_>,
    search: impl FnOnce(&mut usize) -> std::result::Result<T, TooManySteps>,
) -> Result<T> {
    let given = (rt.steps() as usize).saturating_mul(STEPS_PER_STEP);
    let mut left = given;
    let found = search(&mut left);
    rt.pay(((given - left) / STEPS_PER_STEP) as u64 + 1)?;
    found.map_err(|error| Error::limit(error.to_string()))
}

/// `{value, start, end}` of a group; a group that took no part has no value and stands at -1.
pub(super) fn record(text: &str, found: &Found<'_>, group: usize) -> Result<Value> {
    let chars = |bytes: usize| Value::Int(text[..bytes].chars().count() as i64);
    let (value, start, end) = match found.span(group) {
        Some((start, end)) => (Value::text(&text[start..end]), chars(start), chars(end)),
        None => (Value::Null, Value::Int(-1), Value::Int(-1)),
    };
    Value::dict(IndexMap::from([
        (Key::text("value"), value),
        (Key::text("start"), start),
        (Key::text("end"), end),
    ]))
}
