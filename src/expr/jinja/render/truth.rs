//! What counts as true, and how long things are.

use super::Run;
use crate::expr::jinja::{
    error::{Error, Result},
    value::Value,
};

impl Run<'_> {
    /// `bool(value)`.
    pub(in super::super) fn is_true(&mut self, value: &Value) -> Result<bool> {
        Ok(match value {
            Value::None => false,
            Value::Bool(flag) => *flag,
            Value::Int(int) => *int != 0,
            Value::Big(_) => true,
            Value::Float(float) => *float != 0.0,
            Value::Str(text) | Value::Markup(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(list) => list.len() > 0,
            Value::Tuple(tuple) => !tuple.items().is_empty(),
            Value::Dict(dict) => dict.len() > 0,
            Value::Range(range) => range.len() > 0,
            Value::Object(object) => object.is_true(self)?,
            Value::Undefined(undefined) if undefined.is_strict() => return Err(undefined.error()),
            Value::Undefined(_) => false,
        })
    }

    /// `len(value)`.
    pub(in super::super) fn len(&mut self, value: &Value) -> Result<usize> {
        let length = match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.pay_text(text.len())?;
                Some(text.chars().count())
            }
            Value::Bytes(bytes) => Some(bytes.len()),
            Value::List(list) => Some(list.len()),
            Value::Tuple(tuple) => Some(tuple.items().len()),
            Value::Dict(dict) => Some(dict.len()),
            Value::Range(range) => Some(range.len()),
            Value::Object(object) => object.length(self)?,
            Value::Undefined(undefined) if undefined.is_strict() => return Err(undefined.error()),
            Value::Undefined(_) => Some(0),
            _ => None,
        };
        length.ok_or_else(|| Error::of_type(format!("object of type '{}' has no len()", value.type_name())))
    }
}
