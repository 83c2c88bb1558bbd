//! Members: `a.b`, `a[b]`, slices, and what the sandbox lets nobody see.

use super::Run;
use crate::{
    expr::jinja::{
        error::{Error, Result},
        methods,
        value::{self, Key, Undefined, Value},
    },
    pytext::repr_str,
};

impl Run<'_> {
    /// `value.name`: an attribute, else the item under that name.
    pub(in super::super) fn attribute(&mut self, value: &Value, name: &str) -> Result<Value> {
        if let Some(found) = self.own_attribute(value, name)? {
            return Ok(found);
        }
        let key = match value {
            Value::Dict(dict) => {
                return Ok(dict.get_str(name).unwrap_or_else(|| self.no_attribute(value, name)));
            }
            Value::Undefined(undefined) => return Err(undefined.error()),
            Value::Object(_) => Value::str(name),
            _ => return Ok(self.no_attribute(value, name)),
        };
        Ok(self.own_item(value, &key)?.unwrap_or_else(|| self.no_attribute(value, name)))
    }

    /// `value[key]`: the item, else the attribute of that name.
    pub(in super::super) fn item(&mut self, value: &Value, key: &Value) -> Result<Value> {
        if let Some(found) = self.own_item(value, key)? {
            return Ok(found);
        }
        if let Some(name) = key.as_str() {
            return Ok(match self.own_attribute(value, name)? {
                Some(found) => found,
                None => self.no_attribute(value, name),
            });
        }
        let key = value::repr(key, &mut self.budget)?;
        Ok(self.undefined(format!("{} has no element {key}", value::object_type(value))))
    }

    pub(in super::super) fn no_attribute(&self, value: &Value, name: &str) -> Value {
        let object = repr_str(&value::object_type(value));
        self.undefined(format!("{object} has no attribute {}", repr_str(name)))
    }

    /// An attribute as `getattr()` finds it, or a value that fails if it is not safe to see.
    pub(in super::super) fn own_attribute(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        if let Value::Object(object) = value
            && let Some(found) = object.attribute(name, self)?
        {
            if name.starts_with('_') {
                return Ok(Some(self.unsafe_attribute(value, name)));
            }
            return Ok(Some(found));
        }
        if methods::is_hidden(value, name) {
            return Ok(Some(self.unsafe_attribute(value, name)));
        }
        if let Value::Tuple(tuple) = value
            && let Some(member) = tuple.member(name)
        {
            return Ok(Some(member.clone()));
        }
        if methods::has(value, name) {
            return Ok(Some(methods::bound(value.clone(), name)));
        }
        Ok(methods::property(value, name))
    }

    fn unsafe_attribute(&self, value: &Value, name: &str) -> Value {
        let kind = value.type_name();
        let message = format!("access to attribute {} of '{kind}' object is unsafe.", repr_str(name));
        Undefined::unsafe_access(message, self.is_strict())
    }

    /// An item as subscription finds it.
    fn own_item(&mut self, value: &Value, key: &Value) -> Result<Option<Value>> {
        match value {
            Value::Dict(dict) => {
                let key = match Key::new(key.clone()) {
                    Ok(key) => key,
                    // What has no hash is no key; what is undefined stays an error.
                    Err(error) if key.is_undefined() => return Err(error),
                    Err(_) => return Ok(None),
                };
                Ok(dict.read(|map| map.get(&key).cloned()))
            }
            Value::Undefined(undefined) => Err(undefined.error()),
            Value::Object(object) => object.item(key, self),
            other => {
                let Some(index) = key.as_int() else { return Ok(None) };
                self.indexed(other, index)
            }
        }
    }

    fn indexed(&mut self, value: &Value, index: i64) -> Result<Option<Value>> {
        // Text is counted from its beginning: the cost is its length, unless the index is small.
        if let Value::Str(text) | Value::Markup(text) = value {
            let at = if index >= 0 {
                self.budget.pay_text(text.len().min(index as usize * 4))?;
                text.chars().nth(index as usize)
            } else {
                let from_end = index.unsigned_abs() as usize - 1;
                self.budget.pay_text(text.len().min(from_end.saturating_mul(4)))?;
                text.chars().rev().nth(from_end)
            };
            return Ok(at.map(|c| {
                let c: std::sync::Arc<str> = (&*c.encode_utf8(&mut [0; 4])).into();
                if matches!(value, Value::Markup(_)) { Value::Markup(c) } else { Value::Str(c) }
            }));
        }
        let length = match value {
            Value::List(list) => list.len(),
            Value::Tuple(tuple) => tuple.items().len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Range(range) => range.len(),
            _ => return Ok(None),
        };
        let Some(at) = index_in(index, length) else { return Ok(None) };
        Ok(match value {
            Value::List(list) => list.get(at),
            Value::Tuple(tuple) => tuple.items().get(at).cloned(),
            Value::Bytes(bytes) => bytes.get(at).map(|byte| Value::Int(i64::from(*byte))),
            Value::Range(range) => range.get(at).map(Value::Int),
            _ => None,
        })
    }

    /// `value[start:stop:step]`.
    pub(super) fn slice(&mut self, value: &Value, bounds: &[Value; 3]) -> Result<Value> {
        if let Value::Undefined(undefined) = value {
            return Err(undefined.error());
        }
        let indexes = self.sliced_indexes(value, bounds)?;
        self.budget.make_items(indexes.count())?;
        match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.pay_text(text.len())?;
                let chars: Vec<char> = text.chars().collect();
                let part: String = indexes.iter().map(|at| chars[at]).collect();
                Ok(if matches!(value, Value::Markup(_)) {
                    Value::Markup(part.into())
                } else {
                    Value::str(part)
                })
            }
            Value::List(list) => {
                let items = list.items();
                Ok(Value::list(indexes.iter().filter_map(|at| items.get(at).cloned()).collect()))
            }
            Value::Tuple(tuple) => {
                Ok(Value::tuple(indexes.iter().map(|at| tuple.items()[at].clone()).collect()))
            }
            Value::Bytes(bytes) => Ok(Value::Bytes(indexes.iter().map(|at| bytes[at]).collect())),
            Value::Range(range) => Ok(Value::Range(Box::new(indexes.of_range(**range)))),
            other => Err(not_subscriptable(other)),
        }
    }

    fn sliced_indexes(&mut self, value: &Value, bounds: &[Value; 3]) -> Result<Indexes> {
        match value {
            Value::Str(_)
            | Value::Markup(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Bytes(_)
            | Value::Range(_) => {}
            Value::Dict(_) => return Err(Error::of_type("unhashable type: 'slice'")),
            other => return Err(not_subscriptable(other)),
        }
        let length = self.len(value)? as i64;
        let mut parts = [None, None, None];
        for (part, bound) in parts.iter_mut().zip(bounds) {
            *part = match bound {
                Value::None => None,
                Value::Big(int) => {
                    Some(if int.sign() == num_bigint::Sign::Minus { i64::MIN } else { i64::MAX })
                }
                other => match other.as_int() {
                    Some(int) => Some(int),
                    None => {
                        return Err(Error::of_type(
                            "slice indices must be integers or None or have an __index__ method",
                        ));
                    }
                },
            };
        }
        let [start, stop, step] = parts;
        if step == Some(0) {
            return Err(Error::of_value("slice step cannot be zero"));
        }
        Ok(Indexes::new(start, stop, step.unwrap_or(1), length))
    }
}

fn not_subscriptable(value: &Value) -> Error {
    Error::of_type(format!("'{}' object is not subscriptable", value.type_name()))
}

/// The place an index means, counted from the end if it is negative.
pub(in super::super) fn index_in(index: i64, length: usize) -> Option<usize> {
    let at = if index < 0 { index.checked_add(length as i64)? } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// The indexes a slice selects.
#[derive(Clone, Copy)]
struct Indexes {
    start: i64,
    stop: i64,
    step: i64,
}

impl Indexes {
    fn new(start: Option<i64>, stop: Option<i64>, step: i64, length: i64) -> Self {
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let place = |bound: i64| {
            let bound = if bound < 0 { bound.saturating_add(length) } else { bound };
            bound.clamp(low, high)
        };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        Self { start: start.map_or(first, place), stop: stop.map_or(last, place), step }
    }

    fn count(self) -> usize {
        value::Range { start: self.start, stop: self.stop, step: self.step }.len()
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        (0..self.count()).map(move |turn| (self.start + self.step * turn as i64) as usize)
    }

    fn of_range(self, range: value::Range) -> value::Range {
        value::Range {
            start: range.start + range.step * self.start,
            stop: range.start + range.step * self.stop,
            step: range.step.saturating_mul(self.step),
        }
    }
}
