//! Going through the items of a value.

use std::sync::Arc;

use super::{Run, held::Next, passing::Passing};
use crate::expr::jinja::{
    error::{Class, Error, Result},
    value::{Dict, List, Object, Range, Tuple, Value},
};

/// What is done with each item of a value.
pub(in super::super) type Each<'e> = dyn for<'v> FnMut(&mut Run<'_>, Item<'v>) -> Result<()> + 'e;

/// An item on its way to who asked for it: a value is made of it only where one is needed.
pub enum Item<'v> {
    /// Seen where it lies.
    Seen(&'v Value),
    /// Made for who asked.
    Own(Value),
    /// What a filter wrote.
    Text(&'v str),
}

impl Item<'_> {
    /// Looks at it as a value.
    #[inline]
    pub(in super::super) fn with<T>(&self, look: impl FnOnce(&Value) -> T) -> T {
        match self {
            Self::Seen(value) => look(value),
            Self::Own(value) => look(value),
            Self::Text(text) => look(&Value::str(*text)),
        }
    }

    pub(in super::super) fn into_value(self) -> Value {
        match self {
            Self::Seen(value) => value.clone(),
            Self::Own(value) => value,
            Self::Text(text) => Value::str(text),
        }
    }
}

/// Where in its items a walk is.
pub(in super::super) enum Iteration {
    /// A list, read as it is when its turn comes: it may grow meanwhile.
    List(List, usize),
    Tuple(Tuple, usize),
    /// Items that were taken when the walk began.
    Items(std::vec::IntoIter<Value>),
    /// Items taken from a dictionary, which must not grow or shrink meanwhile.
    Entries {
        items: std::vec::IntoIter<Value>,
        of: Dict,
        length: usize,
    },
    /// Text, and the byte of the next character.
    Text(Arc<str>, usize),
    Range(Range, usize),
    /// An object that gives its items itself.
    Own(Arc<dyn Object>),
    /// What the `if` of a loop lets through.
    Passing(Box<Passing>),
}

impl Iteration {
    /// The next item, paid for.
    pub(in super::super) fn next(&mut self, run: &mut Run) -> Result<Option<Value>> {
        run.budget.pay(1)?;
        Ok(match self {
            Self::List(list, at) => {
                let item = list.get(*at);
                *at += 1;
                item
            }
            Self::Tuple(tuple, at) => {
                let item = tuple.items().get(*at).cloned();
                *at += 1;
                item
            }
            Self::Items(items) => items.next(),
            Self::Entries { of, length, .. } if of.len() != *length => {
                return Err(Error::new(Class::RuntimeError, "dictionary changed size during iteration"));
            }
            Self::Entries { items, .. } => items.next(),
            Self::Text(text, at) => {
                let c = text.get(*at..).and_then(|rest| rest.chars().next());
                *at += c.map_or(0, char::len_utf8);
                c.map(|c| Value::str(&*c.encode_utf8(&mut [0; 4])))
            }
            Self::Range(range, at) => {
                let item = range.get(*at).map(Value::Int);
                *at += 1;
                item
            }
            Self::Own(object) => return run.deeper(|run| object.next(run)),
            Self::Passing(passing) => {
                let next = passing.next(run)?;
                return Ok(next.map(|next| next.into_value(passing.items().list())));
            }
        })
    }
}

impl Iteration {
    /// The next item, paid for, and left where it lies if it can be.
    #[inline]
    pub(super) fn next_held(&mut self, run: &mut Run) -> Result<Option<Next>> {
        match self {
            Self::List(list, at) if let Some(items) = list.unchanged() => {
                run.budget.pay(1)?;
                let place = *at;
                *at += 1;
                Ok((place < items.len()).then_some(Next::Place(place)))
            }
            Self::Passing(passing) => passing.next(run),
            other => Ok(other.next(run)?.map(Next::Value)),
        }
    }

    /// The list in which [`Next::Place`] is.
    pub(super) fn list(&self) -> Option<&List> {
        match self {
            Self::List(list, _) => Some(list),
            Self::Passing(passing) => passing.items().list(),
            _ => None,
        }
    }

    /// Whether it has its items at hand, so that nothing is run to find the next.
    pub(super) fn runs_nothing(&self) -> bool {
        !matches!(self, Self::Own(_) | Self::Passing(_))
    }

    /// The values it goes through.
    pub(super) fn held(&self) -> Vec<Value> {
        match self {
            Self::List(list, _) => vec![Value::List(list.clone())],
            Self::Tuple(tuple, _) => vec![Value::Tuple(tuple.clone())],
            Self::Items(items) | Self::Entries { items, .. } => items.as_slice().to_vec(),
            Self::Own(object) => vec![Value::Object(object.clone())],
            Self::Passing(passing) => passing.items().held(),
            Self::Text(..) | Self::Range(..) => Vec::new(),
        }
    }
}

impl Run<'_> {
    /// `iter(value)`, or `None` for what has no items.
    pub(in super::super) fn iterate_if_possible(&mut self, value: &Value) -> Result<Option<Iteration>> {
        Ok(Some(match value {
            Value::List(list) => Iteration::List(list.clone(), 0),
            Value::Tuple(tuple) => Iteration::Tuple(tuple.clone(), 0),
            Value::Dict(dict) => {
                self.budget.pay_items(dict.len())?;
                let keys: Vec<_> = dict.read(|map| map.keys().map(|key| key.value().clone()).collect());
                Iteration::Entries { items: keys.into_iter(), of: dict.clone(), length: dict.len() }
            }
            Value::Str(text) | Value::Markup(text) => Iteration::Text(text.clone(), 0),
            Value::Range(range) => Iteration::Range(**range, 0),
            Value::Bytes(bytes) => {
                let items: Vec<_> = bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect();
                Iteration::Items(items.into_iter())
            }
            Value::Object(object) if object.is_iterator() => Iteration::Own(object.clone()),
            Value::Object(object) => match object.items(self)? {
                Some(items) => match object.shown_dict() {
                    Some(of) => Iteration::Entries { length: of.len(), items: items.into_iter(), of },
                    None => Iteration::Items(items.into_iter()),
                },
                None => return Ok(None),
            },
            Value::Undefined(undefined) if undefined.is_strict() => return Err(undefined.error()),
            Value::Undefined(_) => Iteration::Items(Vec::new().into_iter()),
            _ => return Ok(None),
        }))
    }

    /// `iter(value)`.
    pub(in super::super) fn iterate(&mut self, value: &Value) -> Result<Iteration> {
        match self.iterate_if_possible(value)? {
            Some(items) => Ok(items),
            None => Err(Error::of_type(format!("'{}' object is not iterable", value.type_name()))),
        }
    }

    /// Does something with every item of `iter(value)`, in order.
    pub(in super::super) fn each(
        &mut self,
        value: &Value,
        mut each: impl for<'v> FnMut(&mut Run<'_>, Item<'v>) -> Result<()>,
    ) -> Result<()> {
        if let Value::List(list) = value {
            let mut at = 0;
            // Looked at anew for each item: what is done to one may change the list.
            while let Some(item) = list.unchanged().and_then(|items| items.get(at)) {
                self.budget.pay(1)?;
                each(self, Item::Seen(item))?;
                at += 1;
            }
            while let Some(item) = list.get(at) {
                self.budget.pay(1)?;
                each(self, Item::Own(item))?;
                at += 1;
            }
            return Ok(());
        }
        match self.iterate(value)? {
            Iteration::Own(object) => self.deeper(|run| object.drain(run, &mut each)),
            mut items => {
                while let Some(item) = items.next(self)? {
                    each(self, Item::Own(item))?;
                }
                Ok(())
            }
        }
    }

    /// `list(value)`.
    pub(in super::super) fn items(&mut self, value: &Value) -> Result<Vec<Value>> {
        if let Value::List(list) = value {
            self.budget.make_items(list.len())?;
            return Ok(list.items());
        }
        let mut items = Vec::new();
        self.each(value, |_, item| {
            items.push(item.into_value());
            Ok(())
        })?;
        Ok(items)
    }
}
