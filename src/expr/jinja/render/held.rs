//! What a name of a scope holds: a value of its own, or an item of a list where it lies.

use crate::expr::jinja::value::{List, Value};

/// What a name holds. The name of a loop goes from item to item without taking any of them out of its list: what a list
/// was first stays where it is, whatever is done to it.
pub(super) enum Held {
    Value(Value),
    Item { of: List, at: usize },
}

/// The next item of a walk: a value, or the place of one in the list that is walked through.
pub(in super::super) enum Next {
    Value(Value),
    Place(usize),
}

impl Held {
    pub(super) fn value(&self) -> &Value {
        static NONE: Value = Value::None;
        match self {
            Self::Value(value) => value,
            Self::Item { of, at } => of.first(*at).unwrap_or(&NONE),
        }
    }

    /// Goes on to the next item.
    #[inline]
    pub(super) fn go_on(&mut self, next: Next, of: Option<&List>) {
        match (next, of, &mut *self) {
            (Next::Place(next), Some(list), Self::Item { of, at }) if of.is(list) => *at = next,
            (Next::Place(at), Some(list), _) => *self = Self::Item { of: list.clone(), at },
            (Next::Place(_), None, _) => *self = Self::Value(Value::None),
            (Next::Value(value), ..) => *self = Self::Value(value),
        }
    }
}

impl Next {
    pub(super) fn into_value(self, of: Option<&List>) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Place(at) => of.and_then(|list| list.first(at)).cloned().unwrap_or(Value::None),
        }
    }
}
