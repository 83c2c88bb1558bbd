//! One keyword of one schema against one instance: what can be decided without looking at other schemas.

use super::{
    error::Error,
    failure::{Failure, Says},
    number, truthy,
};
use crate::pytext;
use serde_json::{Map, Number, Value};
use std::cmp::Ordering;

/// One keyword of one schema against one instance.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) keyword: &'a str,
    pub(super) value: &'a Value,
    pub(super) schema: &'a Value,
    pub(super) keywords: &'a Map<String, Value>,
    pub(super) instance: &'a Value,
}

impl<'a> Check<'a> {
    pub(super) fn failure(&self) -> Failure<'a> {
        self.failure_saying(Says::Keyword)
    }

    pub(super) fn failure_saying(&self, says: Says<'a>) -> Failure<'a> {
        Failure {
            says,
            keyword: self.keyword,
            value: self.value,
            schema: self.schema,
            instance: self.instance,
            path: vec![],
            schema_path: vec![],
            context: vec![],
        }
    }

    /// `min…` and `max…` of a length, an item count or a property count.
    pub(super) fn size(&self, noun: &str, failures: &mut Vec<Failure<'a>>, size: impl Fn() -> usize) {
        let Some((bound, measured)) = self.keyword.split_at_checked(3) else { return };
        let Value::Number(limit) = self.value else { return };
        if measured != noun {
            return;
        }
        let wrong = match bound {
            "min" => Ordering::Less,
            "max" => Ordering::Greater,
            _ => return,
        };
        if pytext::number_cmp(&Number::from(size()), limit) == Some(wrong) {
            failures.push(self.failure());
        }
    }

    pub(super) fn is_within(&self, number: &Number, limit: &Number) -> bool {
        let (wrong, exclusive) = match self.keyword {
            "minimum" => (Ordering::Less, "exclusiveMinimum"),
            "maximum" => (Ordering::Greater, "exclusiveMaximum"),
            _ => return number::is_multiple_of(number, limit),
        };
        match pytext::number_cmp(number, limit) {
            None => false,
            Some(Ordering::Equal) => !self.keywords.get(exclusive).is_some_and(truthy),
            Some(order) => order != wrong,
        }
    }
}

/// The keyword `type`.
///
/// # Errors
/// It names a type that does not exist.
pub(super) fn check_type<'a>(check: &Check<'a>, failures: &mut Vec<Failure<'a>>) -> Result<(), Box<Error>> {
    let names = match check.value {
        Value::Array(names) => names.as_slice(),
        name => std::slice::from_ref(name),
    };
    for name in names {
        match name.as_str().and_then(|name| is_type(check.instance, name)) {
            Some(true) => return Ok(()),
            Some(false) => {}
            None => {
                let name = pytext::repr(name);
                return Err(Box::new(Error::fault(format!("Unknown type {name} for validator with schema"))));
            }
        }
    }
    failures.push(check.failure());
    Ok(())
}

/// Draft 4's types: `true` is no number, `1.0` no integer. `None` for a type that does not exist.
pub(super) fn is_type(instance: &Value, name: &str) -> Option<bool> {
    Some(match name {
        "array" => instance.is_array(),
        "boolean" => instance.is_boolean(),
        "integer" => matches!(instance, Value::Number(number) if pytext::is_int(number)),
        "null" => instance.is_null(),
        "number" => instance.is_number(),
        "object" => instance.is_object(),
        "string" => instance.is_string(),
        _ => return None,
    })
}
