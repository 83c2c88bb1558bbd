//! What an expression of a workflow evaluates to, as JSON or as text.
//!
//! StackStorm keeps Python's own objects here and fails later, when it stores them. What has items (views,
//! iterators) is laid out instead, times are texts, and the rest is refused at once.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{
    error::{Error, Result},
    render::Run,
    value::{Value, from_value, repr, str_of},
};

/// What is done with a value that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It stands for itself.
    Json,
    /// It is part of a text.
    Text,
}

/// A value, in the form that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A text.
    Text(Arc<str>),
    /// Nothing: a name or member that is not there.
    Missing,
    /// Any other value.
    Json(Json),
    /// `str()` of any other value.
    Shown(String),
}

impl Answer {
    pub(super) fn of(run: &mut Run<'_>, value: Value, form: Form) -> Result<Self> {
        let value = match value {
            Value::Str(text) | Value::Markup(text) => return Ok(Self::Text(text)),
            Value::Undefined(undefined) if undefined.is_strict() => return Ok(Self::Missing),
            Value::Object(object) if object.type_name() == "generator" => {
                Value::list(run.items(&Value::Object(object))?)
            }
            other => other,
        };
        Ok(match form {
            Form::Json => Self::Json(json(run, &value)?),
            Form::Text => Self::Shown(run.str(&value)?),
        })
    }
}

/// The value as JSON, as far as it has such a form.
pub(super) fn json(run: &mut Run<'_>, value: &Value) -> Result<Json> {
    run.budget.pay(1)?;
    run.deeper(|run| match value {
        Value::List(list) => array(run, list.items()),
        Value::Tuple(tuple) => array(run, tuple.items().to_vec()),
        Value::Dict(dict) => {
            let mut object = Map::new();
            for (key, item) in dict.entries() {
                let key = match key {
                    Value::None => "null".to_owned(),
                    Value::Bool(flag) => flag.to_string(),
                    key => str_of(&key, &mut run.budget)?,
                };
                object.insert(key, json(run, &item)?);
            }
            Ok(Json::Object(object))
        }
        Value::Bytes(bytes) => Ok(bytes.iter().copied().collect()),
        Value::Undefined(undefined) if !undefined.is_strict() => Ok(Json::Null),
        Value::Object(object) if matches!(object.type_name(), "datetime" | "date") => {
            str_of(value, &mut run.budget).map(Json::String)
        }
        Value::Object(object) if !object.is_callable() => match run.iterate_if_possible(value)? {
            Some(_) => {
                let items = run.items(value)?;
                array(run, items)
            }
            None => Err(unfit(run, value)),
        },
        Value::Object(_) => Err(unfit(run, value)),
        other => from_value(other),
    })
}

fn array(run: &mut Run<'_>, items: Vec<Value>) -> Result<Json> {
    items.iter().map(|item| json(run, item)).collect::<Result<Vec<_>>>().map(Json::Array)
}

fn unfit(run: &mut Run<'_>, value: &Value) -> Error {
    let shown = repr(value, &mut run.budget).unwrap_or_default();
    Error::of_type(format!("Object of type {} is not JSON serializable: {shown}", value.type_name()))
}
