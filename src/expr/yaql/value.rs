//! The values expressions work on: JSON's, and those that live only inside an expression.
//!
//! Containers know how deep they are and how much they weigh when written out in full, so that a value
//! which would take forever to compare, print or drop is refused when it is made.

use std::{
    hash::{Hash, Hasher},
    rc::Rc,
    sync::Arc,
};

use indexmap::{IndexMap, IndexSet};
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

use super::{
    context::Context,
    date::{DateTime, Span},
    error::{Error, Result},
    lambda::Lambda,
    lazy::{Iter, Memo, Ordered},
    regex::Pattern,
};

/// How deep values may nest: the recursion of comparing, printing and dropping stays within a small stack.
pub(super) const MAX_DEPTH: u32 = 120;

/// How much a value may weigh, written out in full: an item, or 64 bytes of text, weighs one.
pub(super) const MAX_WEIGHT: u64 = 4_000_000;

/// A value.
#[derive(Debug, Clone, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    Big(Rc<BigInt>),
    Float(f64),
    Str(Arc<str>),
    /// A list; nearly all lists are Python's tuples.
    Tuple(Rc<List>),
    /// One of Python's own lists, which a few functions answer: equal to no tuple, and never a key.
    List(Rc<List>),
    Dict(Rc<Dict>),
    Set(Rc<Set>),
    DateTime(Rc<DateTime>),
    Span(Span),
    Regex(Rc<Pattern>),
    /// Items that come one by one, once.
    Iter(Iter),
    /// Items that come one by one and are kept.
    Memo(Rc<Memo>),
    /// Items in an order still to be made.
    Ordered(Rc<Ordered>),
    Lambda(Rc<Lambda>),
    /// `a => b` evaluated.
    Rule(Rc<(Value, Value)>),
    Context(Context),
    /// An argument left out: `f(, 1)`.
    NoValue,
}

/// Items with their depth and weight.
#[derive(Debug)]
pub struct List {
    pub items: Vec<Value>,
    depth: u32,
    weight: u64,
}

/// Keys and values in their order, with depth and weight.
#[derive(Debug)]
pub struct Dict {
    pub items: IndexMap<Key, Value>,
    /// One of Python's own dictionaries, which a few functions answer: its own modules know how to write it.
    pub(super) is_plain: bool,
    depth: u32,
    weight: u64,
}

/// Different values in the order they came, with depth and weight.
#[derive(Debug)]
pub struct Set {
    pub items: IndexSet<Key>,
    depth: u32,
    weight: u64,
}

/// A value that can be hashed.
#[derive(Debug, Clone)]
pub struct Key(Value);

impl Key {
    /// The value as a key.
    ///
    /// # Errors
    /// Python's, for values it cannot hash.
    pub fn new(value: Value) -> Result<Self> {
        value.check_hashable()?;
        Ok(Self(value))
    }

    /// The value inside.
    pub fn get(&self) -> &Value {
        &self.0
    }

    /// A text as a key.
    pub fn text(text: &str) -> Self {
        Self(Value::Str(text.into()))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.feed(state);
    }
}

/// Depth and weight of what a container holds.
fn measure<'a>(values: impl Iterator<Item = &'a Value>) -> Result<(u32, u64)> {
    let (mut depth, mut weight) = (0, 1_u64);
    for value in values {
        depth = depth.max(value.depth());
        weight = weight.saturating_add(value.weight());
    }
    if depth >= MAX_DEPTH {
        return Err(Error::limit(format!("the expression makes a value more than {MAX_DEPTH} levels deep")));
    }
    if weight > MAX_WEIGHT {
        return Err(Error::new("MemoryQuotaExceededException", "Expression consumed too much memory"));
    }
    Ok((depth + 1, weight))
}

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Str(text.as_ref().into())
    }

    /// A list as expressions make them.
    pub fn tuple(items: Vec<Value>) -> Result<Self> {
        Ok(Self::Tuple(Rc::new(List::new(items)?)))
    }

    /// A list of Python's mutable kind.
    pub fn list(items: Vec<Value>) -> Result<Self> {
        Ok(Self::List(Rc::new(List::new(items)?)))
    }

    /// A dictionary.
    pub fn dict(items: IndexMap<Key, Value>) -> Result<Self> {
        let (depth, weight) = measure(items.values().chain(items.keys().map(Key::get)))?;
        Ok(Self::Dict(Rc::new(Dict { items, is_plain: false, depth, weight })))
    }

    /// A dictionary of Python's mutable kind.
    pub fn plain_dict(items: IndexMap<Key, Value>) -> Result<Self> {
        let (depth, weight) = measure(items.values().chain(items.keys().map(Key::get)))?;
        Ok(Self::Dict(Rc::new(Dict { items, is_plain: true, depth, weight })))
    }

    /// Whether the value is one of Python's own, or nothing Python could not write by itself.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Self::Dict(dict) if !dict.is_plain)
    }

    /// A set, in the order Python shows it.
    pub fn set(items: IndexSet<Key>) -> Result<Self> {
        let (depth, weight) = measure(items.iter().map(Key::get))?;
        let items = super::buckets::ordered(items);
        Ok(Self::Set(Rc::new(Set { items, depth, weight })))
    }

    /// An integer in its smallest form.
    pub fn big(value: BigInt) -> Self {
        value.to_i64().map_or_else(|| Self::Big(Rc::new(value)), Self::Int)
    }

    /// How deep the value is.
    pub(super) fn depth(&self) -> u32 {
        match self {
            Self::Tuple(list) | Self::List(list) => list.depth,
            Self::Dict(dict) => dict.depth,
            Self::Set(set) => set.depth,
            Self::Iter(iter) => iter.depth(),
            Self::Memo(memo) => memo.depth(),
            Self::Ordered(ordered) => ordered.depth(),
            Self::Rule(rule) => rule.0.depth().max(rule.1.depth()) + 1,
            Self::Context(context) => context.depth(),
            Self::Lambda(lambda) => lambda.depth(),
            _ => 0,
        }
    }

    /// How much the value weighs.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Tuple(list) | Self::List(list) => list.weight,
            Self::Dict(dict) => dict.weight,
            Self::Set(set) => set.weight,
            Self::Str(text) => 1 + (text.len() / 64) as u64,
            Self::Big(big) => 1 + big.bits() / 64,
            _ => 1,
        }
    }

    /// Python's truth.
    pub fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Tuple(list) | Self::List(list) => !list.items.is_empty(),
            Self::Dict(dict) => !dict.items.is_empty(),
            Self::Set(set) => !set.items.is_empty(),
            Self::Span(span) => span.0 != 0,
            _ => true,
        }
    }

    /// Python's `==`.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) | (Self::NoValue, Self::NoValue) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Tuple(a), Self::Tuple(b)) | (Self::List(a), Self::List(b)) => {
                a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| a.equals(b))
            }
            (Self::Dict(a), Self::Dict(b)) => {
                a.items.len() == b.items.len()
                    && a.items
                        .iter()
                        .all(|(key, value)| b.items.get(key).is_some_and(|found| found.equals(value)))
            }
            (Self::Set(a), Self::Set(b)) => a.items == b.items,
            (Self::DateTime(a), Self::DateTime(b)) => a.instant() == b.instant(),
            (Self::Span(a), Self::Span(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.source == b.source && a.flags == b.flags,
            (Self::Iter(a), Self::Iter(b)) => a.is_same(b),
            (Self::Memo(a), Self::Memo(b)) => Rc::ptr_eq(a, b),
            (Self::Ordered(a), Self::Ordered(b)) => Rc::ptr_eq(a, b),
            (Self::Context(a), Self::Context(b)) => a.is_same(b),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.compare(&b) == Some(std::cmp::Ordering::Equal),
                _ => false,
            },
        }
    }

    /// The value as a number, booleans among them.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(value) => Some(Number::Int(i64::from(*value))),
            Self::Int(value) => Some(Number::Int(*value)),
            Self::Big(value) => Some(Number::Big(BigInt::clone(value))),
            Self::Float(value) => Some(Number::Float(*value)),
            _ => None,
        }
    }

    fn check_hashable(&self) -> Result<()> {
        let unhashable = |name: &str| Err(Error::kind(format!("unhashable type: '{name}'")));
        match self {
            Self::List(_) => unhashable("list"),
            Self::Tuple(list) => list.items.iter().try_for_each(Self::check_hashable),
            Self::Dict(dict) => dict.items.values().try_for_each(Self::check_hashable),
            _ => Ok(()),
        }
    }

    /// Feeds a hash so that equal values feed the same.
    fn feed<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Str(text) => text.hash(state),
            Self::Bool(value) => i64::from(*value).hash(state),
            Self::Int(value) => value.hash(state),
            Self::Big(value) => value.hash(state),
            Self::Float(value) => match BigInt::from_f64(*value).filter(|_| value.fract() == 0.0) {
                Some(whole) => match whole.to_i64() {
                    Some(small) => small.hash(state),
                    None => whole.hash(state),
                },
                None => value.to_bits().hash(state),
            },
            Self::Tuple(list) | Self::List(list) => {
                list.items.len().hash(state);
                list.items.iter().for_each(|item| item.feed(state));
            }
            // Order does not count in these, so only their size may.
            Self::Dict(dict) => dict.items.len().hash(state),
            Self::Set(set) => set.items.len().hash(state),
            Self::DateTime(date) => date.instant().hash(state),
            Self::Span(span) => span.0.hash(state),
            _ => 0_u8.hash(state),
        }
    }

    /// Python's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Dict(dict) if dict.is_plain => "dict",
            Self::Dict(_) => "FrozenDict",
            Self::Set(_) => "frozenset",
            Self::DateTime(_) => "datetime.datetime",
            Self::Span(_) => "datetime.timedelta",
            Self::Regex(_) => "re.Pattern",
            Self::Iter(_) => "generator",
            Self::Memo(_) => "RememberingIterator",
            Self::Ordered(_) => "OrderingIterable",
            Self::Lambda(_) => "function",
            Self::Rule(_) => "MappingRule",
            Self::Context(_) => "Context",
            Self::NoValue => "MarkerClass",
        }
    }

    /// Whether items can be taken one by one; texts and dictionaries do not count.
    pub fn is_iterable(&self) -> bool {
        matches!(
            self,
            Self::Tuple(_) | Self::List(_) | Self::Set(_) | Self::Iter(_) | Self::Memo(_) | Self::Ordered(_)
        )
    }

    /// Whether the value is an iterator, which may end.
    pub(super) fn is_iterator(&self) -> bool {
        matches!(self, Self::Iter(_) | Self::Memo(_))
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Self::Tuple(list) | Self::List(list) => Some(&list.items),
            _ => None,
        }
    }
}

impl List {
    fn new(items: Vec<Value>) -> Result<Self> {
        let (depth, weight) = measure(items.iter())?;
        Ok(Self { items, depth, weight })
    }
}

/// A number taken out of a value.
#[derive(Debug, Clone)]
pub(super) enum Number {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

impl Number {
    pub(super) fn to_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(value) => Some(BigInt::from(*value)),
            Self::Big(value) => Some(value.clone()),
            Self::Float(_) => None,
        }
    }

    pub(super) fn to_float(&self) -> Result<f64> {
        match self {
            Self::Int(value) => Ok(*value as f64),
            Self::Big(value) => value
                .to_f64()
                .filter(|float| float.is_finite())
                .ok_or_else(|| Error::new("OverflowError", "int too large to convert to float")),
            Self::Float(value) => Ok(*value),
        }
    }

    /// Exact comparison, whatever the kinds; nothing for `nan`.
    pub(super) fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Float(a), b) => b.compare_float(*a).map(std::cmp::Ordering::reverse),
            (a, Self::Float(b)) => a.compare_float(*b),
            (a, b) => Some(a.to_big()?.cmp(&b.to_big()?)),
        }
    }

    /// An integer against a float.
    fn compare_float(&self, float: f64) -> Option<std::cmp::Ordering> {
        use std::cmp::Ordering;
        if float.is_nan() {
            return None;
        }
        let Some(floor) = BigInt::from_f64(float.floor()) else {
            return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
        };
        let order = self.to_big()?.cmp(&floor);
        Some(if order == Ordering::Equal && float.fract() != 0.0 { Ordering::Less } else { order })
    }
}
