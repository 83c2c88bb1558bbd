//! One failed keyword, borrowed from schema and instance, and the choice of the failure worth showing.
//!
//! Messages are only written for the chosen one: an `anyOf` over a large value may collect hundreds of failures,
//! each of which would repeat the value.

use super::{
    check::is_type,
    error::{Error, Kind, Step as OwnedStep},
    pretty,
};
use crate::pytext;
use serde_json::Value;
use std::cmp::Ordering;

/// One step of a path, borrowed. Indexes sort before keys; Python would refuse to compare the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step<'a> {
    Index(usize),
    Key(&'a str),
}

/// What a message needs beyond keyword, schema and instance.
#[derive(Clone, Debug)]
pub(super) enum Says<'a> {
    /// Nothing: keyword and its value tell all.
    Keyword,
    /// A property declared `required: true` is absent.
    Missing(&'a str),
    /// `each` must be present where `of` is.
    Dependency { each: &'a Value, of: &'a str },
    /// Keys that no property or pattern allows, sorted.
    Extras(Vec<&'a str>),
    /// Items past a positional list.
    ExtraItems(&'a [Value]),
    /// More than one branch of `oneOf` fits: the further ones, then the first.
    Each(Vec<&'a Value>),
}

/// A keyword that refused an instance. Paths are stored innermost step first, relative to the enclosing failure.
#[derive(Clone, Debug)]
pub(super) struct Failure<'a> {
    pub(super) says: Says<'a>,
    pub(super) keyword: &'a str,
    /// The keyword's value.
    pub(super) value: &'a Value,
    pub(super) schema: &'a Value,
    pub(super) instance: &'a Value,
    pub(super) path: Vec<Step<'a>>,
    pub(super) schema_path: Vec<Step<'a>>,
    /// The failures of the branches, for `anyOf` and `oneOf`.
    pub(super) context: Vec<Failure<'a>>,
}

/// Which failure to show, and the path that leads to it through its parents, outermost step first.
pub(super) struct Best<'a> {
    failure: Failure<'a>,
    path: Vec<Step<'a>>,
}

/// Picks as jsonschema's `best_match`: the outermost, then the last by path; and within `anyOf`/`oneOf` the
/// innermost of the branches, unless two are equally good.
pub(super) fn best(failures: Vec<Failure<'_>>) -> Option<Best<'_>> {
    // `max_by` keeps the last of equals and Python the first, hence the reversal.
    let mut failure = failures.into_iter().rev().max_by(Failure::relevance)?;
    let mut path: Vec<_> = failure.path.iter().rev().copied().collect();
    loop {
        let mut order: Vec<usize> = (0..failure.context.len()).collect();
        order.sort_by(|a, b| failure.context[*a].relevance(&failure.context[*b]));
        let Some(first) = order.first().copied() else { break };
        if let Some(second) = order.get(1)
            && failure.context[first].relevance(&failure.context[*second]) == Ordering::Equal
        {
            break;
        }
        failure = failure.context.swap_remove(first);
        path.extend(failure.path.iter().rev().copied());
    }
    Some(Best { failure, path })
}

/// The failure found first: what jsonschema shows of a broken schema.
pub(super) fn first(failures: Vec<Failure<'_>>) -> Option<Best<'_>> {
    let failure = failures.into_iter().next()?;
    let path = failure.path.iter().rev().copied().collect();
    Some(Best { failure, path })
}

impl Failure<'_> {
    fn relevance(&self, other: &Self) -> Ordering {
        other
            .path
            .len()
            .cmp(&self.path.len())
            .then_with(|| self.path.iter().rev().cmp(other.path.iter().rev()))
            .then_with(|| self.is_strong().cmp(&other.is_strong()))
            .then_with(|| self.misses_type().cmp(&other.misses_type()))
    }

    fn is_strong(&self) -> bool {
        !matches!(self.keyword, "anyOf" | "oneOf")
    }

    fn misses_type(&self) -> bool {
        match self.schema.get("type") {
            Some(Value::String(name)) => is_type(self.instance, name) != Some(true),
            Some(Value::Array(names)) => {
                !names.iter().filter_map(Value::as_str).any(|name| is_type(self.instance, name) == Some(true))
            }
            _ => true,
        }
    }

    fn message(&self) -> String {
        let instance = || pytext::repr(self.instance);
        match &self.says {
            Says::Missing(name) => format!("{} is a required property", repr_text(name)),
            Says::Dependency { each, of } => {
                format!("{} is a dependency of {}", pytext::repr(each), repr_text(of))
            }
            Says::Extras(extras) => self.extras(extras),
            Says::ExtraItems(items) => {
                format!(
                    "Additional items are not allowed ({} {} unexpected)",
                    reprs(items.iter()),
                    was(items.len())
                )
            }
            Says::Each(schemas) => {
                format!("{} is valid under each of {}", instance(), reprs(schemas.iter().copied()))
            }
            Says::Keyword => format!("{} {}", instance(), self.complaint()),
        }
    }

    fn extras(&self, extras: &[&str]) -> String {
        let names = extras.iter().map(|name| repr_text(name)).collect::<Vec<_>>().join(", ");
        let Some(patterns) = self.schema.get("patternProperties") else {
            return format!(
                "Additional properties are not allowed ({names} {} unexpected)",
                was(extras.len())
            );
        };
        let mut patterns: Vec<&str> =
            patterns.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
        patterns.sort_unstable();
        let patterns = patterns.into_iter().map(repr_text).collect::<Vec<_>>().join(", ");
        let verb = if extras.len() == 1 { "does" } else { "do" };
        format!("{names} {verb} not match any of the regexes: {patterns}")
    }

    /// What follows the instance in the message.
    fn complaint(&self) -> String {
        let value = || pytext::repr(self.value);
        let counted = |one: &str, zero: &str, other: &str| match self.value.as_u64() {
            Some(1) if !one.is_empty() => one.to_owned(),
            Some(0) if !zero.is_empty() => zero.to_owned(),
            _ => other.to_owned(),
        };
        let is_exclusive = |name: &str| self.schema.get(name).is_some_and(super::truthy);
        match self.keyword {
            "type" => match self.value {
                Value::Array(names) => format!("is not of type {}", reprs(names.iter())),
                _ => format!("is not of type {}", value()),
            },
            "enum" => format!("is not one of {}", value()),
            "pattern" => format!("does not match {}", value()),
            "format" => format!("is not a {}", value()),
            "minLength" | "minItems" => counted("should be non-empty", "", "is too short"),
            "maxLength" | "maxItems" => counted("", "is expected to be empty", "is too long"),
            "minProperties" => counted("should be non-empty", "", "does not have enough properties"),
            "maxProperties" => counted("", "is expected to be empty", "has too many properties"),
            "uniqueItems" => "has non-unique elements".to_owned(),
            "multipleOf" => format!("is not a multiple of {}", value()),
            "minimum" if is_exclusive("exclusiveMinimum") => {
                format!("is less than or equal to the minimum of {}", value())
            }
            "minimum" => format!("is less than the minimum of {}", value()),
            "maximum" if is_exclusive("exclusiveMaximum") => {
                format!("is greater than or equal to the maximum of {}", value())
            }
            "maximum" => format!("is greater than the maximum of {}", value()),
            "not" => format!("should not be valid under {}", value()),
            _ => "is not valid under any of the given schemas".to_owned(),
        }
    }
}

impl Best<'_> {
    /// The failure as a value of its own; `explain` adds the long text.
    pub(super) fn into_error(self, kind: Kind, explain: bool) -> Error {
        let message = self.failure.message();
        let explained = explain.then(|| self.explain(kind, &message));
        let path = self
            .path
            .iter()
            .map(|step| match step {
                Step::Index(index) => OwnedStep::Index(*index),
                Step::Key(key) => OwnedStep::Key((*key).to_owned()),
            })
            .collect();
        Error { message, path, validator: self.failure.keyword.to_owned(), kind, explained }
    }

    fn explain(&self, kind: Kind, message: &str) -> String {
        const INDENT: &str = "    ";
        let failure = &self.failure;
        let (schema_word, instance_word) =
            if kind == Kind::Schema { ("metaschema", "schema") } else { ("schema", "instance") };
        // The last step is the keyword itself, which the line names already.
        let schema_path = subscripts(schema_word, failure.schema_path.iter().skip(1).rev());
        let instance_path = subscripts(instance_word, failure.path.iter().rev());
        format!(
            "{message}\n\nFailed validating {} in {schema_path}:\n{INDENT}{}\n\nOn {instance_path}:\n{INDENT}{}",
            repr_text(failure.keyword),
            pretty::format(failure.schema, INDENT),
            pretty::format(failure.instance, INDENT),
        )
    }
}

fn subscripts<'a>(word: &str, steps: impl Iterator<Item = &'a Step<'a>>) -> String {
    let mut text = word.to_owned();
    for step in steps {
        text.push('[');
        text.push_str(&match step {
            Step::Index(index) => index.to_string(),
            Step::Key(key) => repr_text(key),
        });
        text.push(']');
    }
    text
}

fn repr_text(text: &str) -> String {
    pytext::repr(&Value::String(text.to_owned()))
}

fn reprs<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.map(pytext::repr).collect::<Vec<_>>().join(", ")
}

fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
