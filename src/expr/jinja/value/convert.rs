//! Between JSON values and template values.

use serde_json::{Map as JsonMap, Number, Value as Json};

use super::{Key, Map, Value, str_of};
use crate::{
    expr::jinja::{
        budget::Budget,
        error::{Error, Result},
    },
    pytext,
};

/// The template value of a JSON value.
pub fn to_value(value: &Json) -> Value {
    match value {
        Json::Null => Value::None,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => number_value(number),
        Json::String(text) => Value::str(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(to_value).collect()),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, item)| (Key::text(key.clone()), to_value(item)));
            Value::dict(entries.collect::<Map>())
        }
    }
}

fn number_value(number: &Number) -> Value {
    match number.as_i64() {
        Some(int) if pytext::is_int(number) => Value::Int(int),
        _ => pytext::big(number).map_or_else(|| Value::Float(pytext::to_f64(number)), Value::int),
    }
}

/// The JSON value of a template value: tuples and ranges become lists, keys become text.
///
/// # Errors
/// Undefined values and objects, which JSON has no form for, and what nests too deeply. Infinities and
/// NaN become `null`.
pub fn from_value(value: &Value) -> Result<Json> {
    convert(value, &mut Budget::new())
}

fn convert(value: &Value, budget: &mut Budget) -> Result<Json> {
    budget.pay(1)?;
    Ok(match value {
        Value::None => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(int) => Json::from(*int),
        Value::Big(int) => Json::Number(pytext::from_big(int)),
        Value::Float(float) => pytext::from_f64(*float),
        Value::Str(text) | Value::Markup(text) => Json::from(&**text),
        Value::List(list) => items(&list.items(), budget)?,
        Value::Tuple(tuple) => items(tuple.items(), budget)?,
        Value::Range(range) => (0..range.len()).filter_map(|index| range.get(index)).collect(),
        Value::Dict(dict) => {
            let mut entries = JsonMap::new();
            budget.enter()?;
            for (key, item) in dict.entries() {
                entries.insert(key_text(&key, budget)?, convert(&item, budget)?);
            }
            budget.leave();
            Json::Object(entries)
        }
        Value::Undefined(undefined) => return Err(undefined.error()),
        Value::Bytes(_) | Value::Object(_) => {
            return Err(Error::of_type(format!(
                "Object of type {} is not JSON serializable",
                value.type_name()
            )));
        }
    })
}

fn items(items: &[Value], budget: &mut Budget) -> Result<Json> {
    budget.enter()?;
    let converted = items.iter().map(|item| convert(item, budget)).collect::<Result<Vec<_>>>()?;
    budget.leave();
    Ok(Json::Array(converted))
}

fn key_text(key: &Value, budget: &mut Budget) -> Result<String> {
    match key {
        Value::None => Ok("null".to_owned()),
        Value::Bool(flag) => Ok(flag.to_string()),
        key => str_of(key, budget),
    }
}
