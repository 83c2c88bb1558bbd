//! The operators: what they compare, and what Python says where they cannot.

use super::{fnmatch, order};
use crate::{
    model::time,
    pytext::{self, search},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::cmp::Ordering;

/// An operator, ready to compare.
#[derive(Debug)]
pub enum Operator {
    /// One that compares by itself.
    Plain(Kind),
    /// A regular expression, compiled if its pattern is a constant text.
    Pattern(Search, Option<Result<Box<search::Search>, String>>),
    /// `search`, by exactly this name.
    Search,
    /// `search` in other letters, which StackStorm knows and cannot call.
    Miscalled,
    /// Nothing of that name.
    Unknown(String),
}

/// Operators that need nothing but the two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `equals`
    Equals,
    /// `nequals`
    NotEquals,
    /// `iequals`
    EqualsAnyCase,
    /// `contains`
    Contains,
    /// `ncontains`
    NotContains,
    /// `icontains`
    ContainsAnyCase,
    /// `incontains`
    NotContainsAnyCase,
    /// `startswith`
    Starts,
    /// `istartswith`
    StartsAnyCase,
    /// `endswith`
    Ends,
    /// `iendswith`
    EndsAnyCase,
    /// `lessthan`
    Less,
    /// `greaterthan`
    Greater,
    /// `matchwildcard`
    Wildcard,
    /// `timediff_lt`
    Younger,
    /// `timediff_gt`
    Older,
    /// `exists`
    Exists,
    /// `nexists`
    NotExists,
    /// `inside`
    Inside,
    /// `ninside`
    NotInside,
}

/// How a regular expression is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// `regex`: anywhere.
    Anywhere,
    /// `iregex`: anywhere, in any case.
    AnyCase,
    /// `matchregex`: at the start, where a dot is any character.
    AtStart,
}

impl Operator {
    /// The operator of this name. Letters may be of any case, but for `search`.
    pub fn new(name: &str, pattern: Option<&Value>) -> Self {
        let expression = |search: Search| {
            let compiled = pattern.and_then(Value::as_str).map(|text| search.compile(text).map(Box::new));
            Self::Pattern(search, compiled)
        };
        Self::Plain(match name.to_lowercase().as_str() {
            "equals" | "eq" => Kind::Equals,
            "nequals" | "neq" => Kind::NotEquals,
            "iequals" | "ieq" => Kind::EqualsAnyCase,
            "contains" => Kind::Contains,
            "ncontains" => Kind::NotContains,
            "icontains" => Kind::ContainsAnyCase,
            "incontains" => Kind::NotContainsAnyCase,
            "startswith" => Kind::Starts,
            "istartswith" => Kind::StartsAnyCase,
            "endswith" => Kind::Ends,
            "iendswith" => Kind::EndsAnyCase,
            "lessthan" | "lt" => Kind::Less,
            "greaterthan" | "gt" => Kind::Greater,
            "matchwildcard" => Kind::Wildcard,
            "timediff_lt" | "td_lt" => Kind::Younger,
            "timediff_gt" | "td_gt" => Kind::Older,
            "exists" => Kind::Exists,
            "nexists" => Kind::NotExists,
            "inside" | "in" => Kind::Inside,
            "ninside" | "nin" => Kind::NotInside,
            "regex" => return expression(Search::Anywhere),
            "iregex" => return expression(Search::AnyCase),
            "matchregex" => return expression(Search::AtStart),
            "search" if name == "search" => return Self::Search,
            "search" => return Self::Miscalled,
            _ => return Self::Unknown(name.to_owned()),
        })
    }

    /// Compares; `search` is not compared here.
    ///
    /// # Errors
    /// Python's words for two values that this operator cannot compare.
    pub fn compare(&self, value: &Value, pattern: &Value, now: DateTime<Utc>) -> Result<bool, String> {
        match self {
            Self::Plain(kind) => kind.compare(value, pattern, now),
            Self::Pattern(_, _) if pattern.is_null() => Ok(false),
            Self::Pattern(_, Some(Ok(compiled))) => found(compiled, value),
            Self::Pattern(_, Some(Err(error))) => Err(error.clone()),
            Self::Pattern(search, None) => match pattern {
                Value::String(text) => found(&search.compile(text)?, value),
                Value::Array(_) | Value::Object(_) => Err(unhashable(pattern)),
                _ => Err("first argument must be string or compiled pattern".to_owned()),
            },
            Self::Search | Self::Miscalled => Err(
                "search() missing 2 required positional arguments: 'criteria_condition' and 'check_function'"
                    .to_owned(),
            ),
            Self::Unknown(name) => Err(format!("Invalid operator: {}", name.to_lowercase())),
        }
    }

    /// Comparing takes no longer than reading both values.
    pub(super) fn is_calm(&self) -> bool {
        !matches!(self, Self::Pattern(..))
    }

    /// Comparing never fails, whatever the values.
    pub(super) fn never_fails(&self) -> bool {
        use Kind::{Equals, Exists, NotEquals, NotExists};
        matches!(self, Self::Plain(Equals | NotEquals | Exists | NotExists))
    }
}

impl Search {
    fn compile(self, text: &str) -> Result<search::Search, String> {
        match self {
            Self::Anywhere => search::Search::new(text),
            Self::AnyCase => search::Search::ignoring_case(text),
            Self::AtStart => search::Search::at_start(text),
        }
    }
}

fn found(expression: &search::Search, value: &Value) -> Result<bool, String> {
    let Value::String(text) = value else {
        return Err(format!("expected string or bytes-like object, got '{}'", pytext::type_name(value)));
    };
    expression.is_match(text).map_err(|error| error.to_string())
}

impl Kind {
    fn compare(self, value: &Value, pattern: &Value, now: DateTime<Utc>) -> Result<bool, String> {
        match self {
            Self::NotEquals => return Ok(!pytext::py_eq(value, pattern)),
            Self::Exists => return Ok(!value.is_null()),
            Self::NotExists => return Ok(value.is_null()),
            _ if pattern.is_null() => return Ok(false),
            _ => {}
        }
        match self {
            Self::Equals => Ok(pytext::py_eq(value, pattern)),
            Self::EqualsAnyCase => Ok(lower(value)? == lower(pattern)?),
            Self::Contains => is_in(pattern, value),
            Self::NotContains => is_in(pattern, value).map(|is_in| !is_in),
            Self::ContainsAnyCase | Self::NotContainsAnyCase => {
                let pattern = lower(pattern)?;
                let contains = lower(value)?.contains(&pattern);
                Ok(contains == (self == Self::ContainsAnyCase))
            }
            Self::Starts => end(value, pattern, "startswith", |value, part| value.starts_with(part)),
            Self::Ends => end(value, pattern, "endswith", |value, part| value.ends_with(part)),
            Self::StartsAnyCase => Ok(lower(value)?.starts_with(&lower(pattern)?)),
            Self::EndsAnyCase => Ok(lower(value)?.ends_with(&lower(pattern)?)),
            Self::Less => Ok(order::compare(value, pattern, "<")? == Some(Ordering::Less)),
            Self::Greater => Ok(order::compare(value, pattern, ">")? == Some(Ordering::Greater)),
            Self::Wildcard => Ok(fnmatch::matches(path(value)?, path(pattern)?)),
            Self::Younger => age(value, pattern, now).map(|(age, limit)| age < limit),
            Self::Older => age(value, pattern, now).map(|(age, limit)| age > limit),
            Self::Inside => is_in(value, pattern),
            Self::NotInside => is_in(value, pattern).map(|is_in| !is_in),
            Self::NotEquals | Self::Exists | Self::NotExists => Ok(false),
        }
    }
}

fn lower(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.to_lowercase()),
        other => Err(format!("'{}' object has no attribute 'lower'", pytext::type_name(other))),
    }
}

/// Python's `item in container`.
fn is_in(item: &Value, container: &Value) -> Result<bool, String> {
    match (container, item) {
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::String(_), other) => {
            Err(format!("'in <string>' requires string as left operand, not {}", pytext::type_name(other)))
        }
        (Value::Array(items), item) => Ok(items.iter().any(|it| pytext::py_eq(it, item))),
        (Value::Object(fields), Value::String(name)) => Ok(fields.contains_key(name)),
        (Value::Object(_), Value::Array(_) | Value::Object(_)) => Err(unhashable(item)),
        (Value::Object(_), _) => Ok(false),
        (other, _) => Err(format!("argument of type '{}' is not iterable", pytext::type_name(other))),
    }
}

fn unhashable(value: &Value) -> String {
    format!("unhashable type: '{}'", pytext::type_name(value))
}

fn end(value: &Value, part: &Value, name: &str, test: fn(&str, &str) -> bool) -> Result<bool, String> {
    match (value, part) {
        (Value::String(value), Value::String(part)) => Ok(test(value, part)),
        (Value::String(_), other) => {
            Err(format!("{name} first arg must be str or a tuple of str, not {}", pytext::type_name(other)))
        }
        (other, _) => Err(format!("'{}' object has no attribute '{name}'", pytext::type_name(other))),
    }
}

fn path(value: &Value) -> Result<&str, String> {
    let kind = || format!("expected str, bytes or os.PathLike object, not {}", pytext::type_name(value));
    value.as_str().ok_or_else(kind)
}

/// Seconds from a moment to now, and the seconds they are compared with.
fn age(value: &Value, limit: &Value, now: DateTime<Utc>) -> Result<(f64, f64), String> {
    let moment = time::parse_any(&pytext::str(value), now).map_err(|error| error.to_string())?;
    let age = now.signed_duration_since(moment);
    let age = age.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6;
    Ok((age, float(limit)?))
}

/// Python's `float(value)`.
fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => Ok(pytext::to_f64(number)),
        Value::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        Value::String(text) => pytext::float(text),
        other => {
            let kind = pytext::type_name(other);
            Err(format!("float() argument must be a string or a real number, not '{kind}'"))
        }
    }
}
