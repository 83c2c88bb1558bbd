//! One criterion against one event, or against one item of a list inside a `search`.

use super::{Comparison, Criterion, Event, Fault, Operator, Pattern, Place, pattern};
use crate::{expr::jinja, pytext};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::{borrow::Cow, cell::OnceCell, sync::Arc};

/// How deep a `search` may hold others.
const DEEPEST: usize = 20;

/// What paths and templates start from.
pub(super) struct Root<'a> {
    /// `trigger`, or `item` inside a `search`.
    name: &'static str,
    value: &'a Value,
    now: DateTime<Utc>,
    datastore: &'a Arc<dyn jinja::Datastore>,
    /// `{name: value}`, made when a path needs it.
    whole: OnceCell<Value>,
}

impl<'a> Root<'a> {
    pub(super) fn of(event: &Event<'a>) -> Self {
        let Event { payload, now, datastore } = *event;
        Self { name: "trigger", value: payload, now, datastore, whole: OnceCell::new() }
    }

    /// `{name: value}`.
    pub(super) fn whole(&self) -> &Value {
        self.whole.get_or_init(|| json!({self.name: self.value}))
    }

    fn item(&self, value: &'a Value) -> Self {
        Self { name: "item", value, whole: OnceCell::new(), ..*self }
    }
}

impl Criterion {
    pub(super) fn new(key: &str, given: &Value, depth: usize) -> Self {
        let part = |name: &str| given.get(name).cloned().unwrap_or_default();
        let pattern = Pattern::new(&part("pattern"));
        let operator = match given {
            Value::Object(fields) => fields.get("type").map(|kind| match kind {
                Value::String(name) => Operator::new(name, pattern.plain()),
                other => Operator::Unknown(pytext::str(other)),
            }),
            _ => None,
        };
        let inner = match (&operator, pattern.plain()) {
            (Some(Operator::Search), Some(Value::Object(inner))) if depth < DEEPEST => {
                inner.iter().map(|(key, given)| Self::new(key, given, depth + 1)).collect()
            }
            _ => Vec::new(),
        };
        let kind = pytext::str(&part("type"));
        Self {
            key: key.to_owned(),
            kind,
            place: Place::new(key),
            operator,
            pattern,
            condition: part("condition"),
            inner,
        }
    }

    /// Testing it leaves no fault, whatever the event.
    pub(super) fn never_fails(&self) -> bool {
        self.pattern.plain().is_some()
            && matches!(self.place, Place::Names(_))
            && self.operator.as_ref().is_none_or(Operator::never_fails)
    }

    pub(super) fn is_calm(&self) -> bool {
        self.pattern.plain().is_some()
            && !matches!(self.place, Place::Stored(_))
            && self.operator.as_ref().is_none_or(Operator::is_calm)
            && self.inner.iter().all(Self::is_calm)
    }

    pub(super) fn test(&self, root: &Root<'_>, faults: &mut Vec<Fault>) -> bool {
        self.attempt(root, faults).unwrap_or_else(|cause| {
            faults.push(Fault::Operator { cause });
            false
        })
    }

    /// Tests; faults end up in `faults`.
    ///
    /// # Errors
    /// There is no such operator: that ends the whole `search` it is in.
    fn attempt(&self, root: &Root<'_>, faults: &mut Vec<Fault>) -> Result<bool, String> {
        let Some(operator) = &self.operator else { return Ok(false) };
        let compared = self.sides(root).and_then(|(value, pattern)| {
            if matches!(operator, Operator::Unknown(_)) {
                return Ok(operator.compare(&value, &pattern, root.now));
            }
            let compared = self.compare(operator, root, &value, &pattern, faults);
            compared.map(Ok).map_err(|cause| Fault::Operator { cause })
        });
        compared.unwrap_or_else(|fault| {
            faults.push(fault);
            Ok(false)
        })
    }

    pub(super) fn explain(&self, root: &Root<'_>) -> Comparison {
        let mut faults = Vec::new();
        let fits = self.test(root, &mut faults);
        let (value, pattern) =
            self.sides(root).unwrap_or_else(|_| (Cow::Owned(Value::Null), Cow::Owned(Value::Null)));
        let pattern = if pattern.is_null() { self.pattern.source() } else { pattern.into_owned() };
        Comparison {
            key: self.key.clone(),
            operator: self.kind.clone(),
            value: value.into_owned(),
            pattern,
            fits,
            fault: faults.into_iter().next(),
        }
    }

    /// What is compared: first the pattern is made, then the value is looked for.
    fn sides<'a>(&'a self, root: &'a Root<'_>) -> Result<(Cow<'a, Value>, Cow<'a, Value>), Fault> {
        let context = || pattern::context(root.name, root.value, root.datastore);
        let pattern = self.pattern.value(context).map_err(|cause| Fault::Pattern {
            pattern: pytext::str(&self.pattern.source()),
            key: self.key.clone(),
            cause,
        })?;
        let wrong = |cause| Fault::Key { key: self.key.clone(), cause };
        let value = match &self.place {
            // StackStorm compares an object of its own here, so that nothing ever equals it.
            Place::Stored(key) => {
                Cow::Owned(root.datastore.system(key).map_err(wrong)?.map_or(Value::Null, Value::String))
            }
            place => place.find(root.name, root.value, || root.whole()).map_err(wrong)?,
        };
        Ok((value, pattern))
    }

    fn compare(
        &self,
        operator: &Operator,
        root: &Root<'_>,
        value: &Value,
        pattern: &Value,
        faults: &mut Vec<Fault>,
    ) -> Result<bool, String> {
        if !matches!(operator, Operator::Search) {
            return operator.compare(value, pattern, root.now);
        }
        let condition = pytext::str(&self.condition);
        let (every_item, every_criterion) = match condition.as_str() {
            "all" => (true, true),
            "any" => (false, true),
            "all2any" => (true, false),
            "any2any" => (false, false),
            _ => {
                return Err(format!(
                    "The '{condition}' condition is not recognized for type search, 'any', 'all', 'any2any' and \
                     'all2any' are allowed"
                ));
            }
        };
        // Everything is looked at, whatever came before: people see all that is wrong.
        let mut results = Vec::new();
        for item in items(value)? {
            let made = self.made(pattern)?;
            let inner = made.as_ref().unwrap_or(&self.inner);
            let root = root.item(&item);
            let fits = inner.iter().map(|criterion| criterion.attempt(&root, faults));
            let fits = fits.collect::<Result<Vec<bool>, String>>()?;
            results.push(if every_criterion { fits.iter().all(|fits| *fits) } else { fits.contains(&true) });
        }
        Ok(if every_item { results.iter().all(|fits| *fits) } else { results.contains(&true) })
    }

    /// The criteria inside a pattern that is a template; `None`: they are known beforehand.
    fn made(&self, pattern: &Value) -> Result<Option<Vec<Self>>, String> {
        match pattern {
            // Those too deep were not compiled, and must not count as fitting.
            Value::Object(fields) if self.pattern.plain().is_some() && self.inner.len() < fields.len() => {
                Err(format!("searches are nested deeper than {DEEPEST} levels"))
            }
            Value::Object(_) if self.pattern.plain().is_some() => Ok(None),
            // What a template makes is not searched for more searches.
            Value::Object(fields) => {
                Ok(Some(fields.iter().map(|(key, given)| Self::new(key, given, DEEPEST)).collect()))
            }
            other => Err(format!("'{}' object has no attribute 'items'", pytext::type_name(other))),
        }
    }
}

/// What a `search` walks over: a list, an object as its only item, the characters of a text.
fn items(value: &Value) -> Result<Vec<Cow<'_, Value>>, String> {
    match value {
        Value::Array(items) => Ok(items.iter().map(Cow::Borrowed).collect()),
        Value::Object(_) => Ok(vec![Cow::Borrowed(value)]),
        Value::String(text) => Ok(text.chars().map(|c| Cow::Owned(Value::String(c.to_string()))).collect()),
        other => Err(format!("'{}' object is not iterable", pytext::type_name(other))),
    }
}
