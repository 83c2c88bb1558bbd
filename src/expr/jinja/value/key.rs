//! Keys of dictionaries: values with a hash, equal as Python's are (`1`, `1.0` and `True` are one key).

use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};
use num_bigint::BigInt;
use num_traits::FromPrimitive;

use super::{Value, repr};
use crate::expr::jinja::error::{Error, Result};

/// The entries of a dictionary, in the order they were put in.
///
/// The hash is a fast one with a seed of its own for each process.
pub(in super::super) type Map = IndexMap<Key, Value, foldhash::fast::RandomState>;

/// An empty dictionary with room for so many entries.
pub(in super::super) fn map_for(count: usize) -> Map {
    Map::with_capacity_and_hasher(count, foldhash::fast::RandomState::default())
}

/// A value that can be a key.
#[derive(Clone, Debug)]
pub(in super::super) struct Key(Value);

/// A text to look up without making a key of it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Key {
    /// The key for a value.
    ///
    /// # Errors
    /// `TypeError` for what has no hash: lists, dictionaries, and tuples with such in them.
    pub(in super::super) fn new(value: Value) -> Result<Self> {
        check(&value, 0)?;
        Ok(Self(value))
    }

    /// The key for a text.
    pub(in super::super) fn text(text: String) -> Self {
        Self(Value::str(text))
    }

    pub(in super::super) fn value(&self) -> &Value {
        &self.0
    }

    pub(in super::super) fn into_value(self) -> Value {
        self.0
    }

    pub(in super::super) fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }
}

/// Whether two texts are equal; most names are short, and asking the C library costs more than looking at them.
#[inline]
pub(in super::super) fn is_same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..=3 => a.iter().eq(b),
        4..=7 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}

/// Tuples nest; deeper than this they are refused as keys, as hashing them goes by recursion.
const MAX_DEPTH: u32 = 100;

fn check(value: &Value, depth: u32) -> Result<()> {
    match value {
        Value::List(_) | Value::Dict(_) => Err(unhashable(value)),
        Value::Object(object) if object.type_name().starts_with("dict_") => Err(unhashable(value)),
        Value::Undefined(undefined) if undefined.is_strict() => Err(undefined.error()),
        Value::Tuple(_) if depth >= MAX_DEPTH => Err(Error::of_type("the key nests too deeply")),
        Value::Tuple(tuple) => tuple.items().iter().try_for_each(|item| check(item, depth + 1)),
        _ => Ok(()),
    }
}

fn unhashable(value: &Value) -> Error {
    Error::of_type(format!("unhashable type: '{}'", value.type_name()))
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Text<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.as_str() == Some(self.0)
    }
}

/// Equality of values that have a hash.
fn same(a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return a == b;
    }
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Tuple(a), Value::Tuple(b)) => {
            let (a, b) = (a.items(), b.items());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Range(a), Value::Range(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => std::sync::Arc::ptr_eq(a, b),
        // Values that are not strict are equal to each other wherever they are from.
        (Value::Undefined(_), Value::Undefined(_)) => true,
        _ => false,
    }
}

/// A number in the one form that equal numbers share.
#[derive(PartialEq)]
enum Number {
    Small(i64),
    Big(BigInt),
    Fraction(u64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(flag) => Self::Small(i64::from(*flag)),
            Value::Int(int) => Self::Small(*int),
            Value::Big(int) => Self::Big((**int).clone()),
            Value::Float(float) => Self::of_float(*float),
            _ => return None,
        })
    }

    fn of_float(float: f64) -> Self {
        if float.fract() != 0.0 || !float.is_finite() {
            return Self::Fraction(float.to_bits());
        }
        if float.abs() < 9e18 {
            return Self::Small(float as i64);
        }
        BigInt::from_f64(float).map_or(Self::Fraction(float.to_bits()), Self::Big)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    if let Some(text) = value.as_str() {
        return text.hash(state);
    }
    match (value, Number::of(value)) {
        (_, Some(Number::Small(int))) => int.hash(state),
        (_, Some(Number::Big(int))) => int.hash(state),
        (_, Some(Number::Fraction(bits))) => bits.hash(state),
        (Value::Tuple(tuple), _) => tuple.items().iter().for_each(|item| hash(item, state)),
        (Value::Bytes(bytes), _) => bytes.hash(state),
        (Value::Object(object), _) => std::sync::Arc::as_ptr(object).cast::<()>().hash(state),
        // What is left is rare as a key; the kind is hash enough.
        _ => value.type_name().hash(state),
    }
}

/// `KeyError`, whose text is the repr of the key.
pub(in super::super) fn missing(key: &Value, budget: &mut crate::expr::jinja::budget::Budget) -> Error {
    match repr::repr(key, budget) {
        Ok(text) => Error::new(crate::expr::jinja::error::Class::KeyError, text),
        Err(error) => error,
    }
}
