//! Between JSON and the values of expressions.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value as Json;

use super::{
    error::{Error, Result},
    lazy,
    runtime::Runtime,
    text,
    value::{Key, Value},
};
use crate::pytext;

/// A JSON value as expressions see it: lists cannot be changed and may be keys.
///
/// # Errors
/// That the value is too deep or too large.
pub fn from_json(json: &Json) -> Result<Value> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(small) => Value::Int(small),
            None if pytext::is_float(number) => Value::Float(pytext::to_f64(number)),
            None => pytext::big(number).map_or(Value::Null, Value::big),
        },
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::tuple(items.iter().map(from_json).collect::<Result<_>>()?)?,
        Json::Object(object) => {
            let mut items = IndexMap::with_capacity(object.len());
            for (key, value) in object {
                items.insert(Key::text(key), from_json(value)?);
            }
            Value::dict(items)?
        }
    })
}

/// A JSON value as Python's own modules would read it: lists that can be changed, and are no keys.
///
/// # Errors
/// That the value is too deep or too large.
pub fn from_python(json: &Json) -> Result<Value> {
    match json {
        Json::Array(items) => Value::list(items.iter().map(from_python).collect::<Result<_>>()?),
        Json::Object(object) => {
            let mut items = IndexMap::with_capacity(object.len());
            for (key, value) in object {
                items.insert(Key::text(key), from_python(value)?);
            }
            Value::plain_dict(items)
        }
        other => from_json(other),
    }
}

/// The value with every sequence laid out as a list: what an evaluation answers.
pub(super) fn finish(rt: &Runtime<'_>, value: &Value) -> Result<Value> {
    rt.pay(1)?;
    match value {
        Value::Tuple(list) | Value::List(list) => {
            rt.check_size(list.items.len())?;
            Value::list(list.items.iter().map(|item| finish(rt, item)).collect::<Result<_>>()?)
        }
        Value::Dict(dict) => {
            rt.check_size(dict.items.len())?;
            let mut items = IndexMap::with_capacity(dict.items.len());
            for (key, value) in &dict.items {
                let (key, value) = (finish(rt, key.get())?, finish(rt, value)?);
                items.insert(hashed(key)?, value);
            }
            Value::dict(items)
        }
        Value::Set(set) => {
            rt.check_size(set.items.len())?;
            let items = set.items.iter().map(|key| finish(rt, key.get()));
            if rt.options.sets_to_lists {
                return Value::list(items.collect::<Result<_>>()?);
            }
            let mut kept = IndexSet::with_capacity(set.items.len());
            for item in items {
                kept.insert(hashed(item?)?);
            }
            Value::set(kept)
        }
        Value::Iter(_) | Value::Memo(_) | Value::Ordered(_) => rt.deeper(|| {
            let limited = lazy::limited(rt, value.clone())?;
            let iter = lazy::iter(&limited)?;
            let mut items = Vec::new();
            while let Some(item) = iter.next(rt)? {
                items.push(finish(rt, &item)?);
            }
            Value::list(items)
        }),
        other => Ok(other.clone()),
    }
}

/// A key of what leaves: there, dictionaries and sets can be changed and have no hash any more.
fn hashed(key: Value) -> Result<Key> {
    match key {
        Value::Dict(_) => Err(Error::kind("unhashable type: 'dict'")),
        Value::Set(_) => Err(Error::kind("unhashable type: 'set'")),
        other => Key::new(other),
    }
}

/// How many steps [`to_json`] is worth.
pub fn to_json_cost(value: &Value) -> usize {
    value.weight() as usize
}

/// The value as JSON: sets become lists, times text, and keys text.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Big(value) => Json::Number(pytext::from_big(value)),
        Value::Float(value) => pytext::from_f64(*value),
        Value::Str(text) => Json::String(text.to_string()),
        Value::Tuple(list) | Value::List(list) => Json::Array(list.items.iter().map(to_json).collect()),
        Value::Set(set) => Json::Array(set.items.iter().map(|key| to_json(key.get())).collect()),
        Value::Dict(dict) => Json::Object(
            dict.items.iter().map(|(key, value)| (key_text(key.get()), to_json(value))).collect(),
        ),
        Value::DateTime(date) => Json::String(date.to_iso()),
        other => Json::String(text::str(other)),
    }
}

/// A key as JSON writes it.
fn key_text(key: &Value) -> String {
    match key {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        other => text::str(other),
    }
}
