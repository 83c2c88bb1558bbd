//! The values templates work with: Python's, not JSON's.
//!
//! Lists and dictionaries are shared and can change, as `{% set _ = items.append(x) %}` is common;
//! integers have any size; what is missing is a value too ([`Undefined`]) that fails where it is used.
//! Bytes exist because `encode()` does; sets, complex numbers and classes do not.

mod cell;
mod compare;
mod convert;
mod hint;
mod key;
mod object;
mod repr;
mod undefined;

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::ToPrimitive;

pub(super) use cell::{Dict, List, Tuple};
pub(super) use compare::{eq, identical, order};
pub use convert::{from_value, to_value};
pub(super) use hint::Hint;
pub(super) use key::{Key, Map, is_same_text, map_for, missing as missing_key};
pub use object::Object;
pub(super) use object::shown;
pub(super) use repr::{big as big_text, object_type, repr, str_of, write_str_of};
pub(super) use undefined::Undefined;

/// A value in a template.
#[derive(Clone)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer that does not fit into 64 bits; never one that does.
    Big(Arc<BigInt>),
    /// A float.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// Text that is HTML already: what `safe` and `escape` give.
    Markup(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(List),
    /// A tuple.
    Tuple(Tuple),
    /// A dictionary.
    Dict(Dict),
    /// `range(start, stop, step)`.
    Range(Box<Range>),
    /// Everything else: functions, methods, views, generators, what the product brings along.
    Object(Arc<dyn Object>),
    /// What a missing name or member evaluates to.
    Undefined(Arc<Undefined>),
}

/// The numbers of a `range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) step: i64,
}

impl Range {
    pub(super) fn len(self) -> usize {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let span = if step > 0 { stop - start + step - 1 } else { start - stop - step - 1 };
        usize::try_from(span / step.abs()).unwrap_or(0)
    }

    pub(super) fn get(self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.start + self.step * index as i64)
    }
}

impl Value {
    pub(super) fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// A list.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// A tuple.
    pub fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Tuple::new(items))
    }

    pub(super) fn dict(entries: Map) -> Self {
        Self::Dict(Dict::new(entries))
    }

    pub(super) fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// An integer of any size, in its smaller form where it fits.
    pub(super) fn int(value: BigInt) -> Self {
        value.to_i64().map_or_else(|| Self::Big(Arc::new(value)), Self::Int)
    }

    /// A count as an integer.
    pub(super) fn count(count: usize) -> Self {
        Self::Int(count as i64)
    }

    /// The text of a string, HTML or not.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// An integer; `True` and `False` are integers too.
    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// The name of the value's class.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Markup(_) => "Markup",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::Object(object) => object.type_name(),
            Self::Undefined(undefined) => undefined.type_name(),
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Contents may be secret and may be endless; the kind is enough to find a fault.
        write!(f, "<{}>", self.type_name())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        to_value(value)
    }
}

/// A dictionary from names and values: the usual context of a template.
impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Key::text(key.into()), value.into()));
        Self::dict(entries.collect())
    }
}
