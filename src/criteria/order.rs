//! `<` between JSON values, as Python 3 orders them: numbers with numbers, texts by code point, lists item by item;
//! anything else has no order.

use crate::pytext;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// How `left` stands to `right`; `sign` is for the message.
///
/// # Errors
/// Python's words for two that have no order.
pub(super) fn compare(left: &Value, right: &Value, sign: &str) -> Result<Option<Ordering>, String> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(Some(left.cmp(right))),
        (Value::Array(left), Value::Array(right)) => {
            match left.iter().zip(right).find(|(left, right)| !pytext::py_eq(left, right)) {
                Some((left, right)) => compare(left, right, sign),
                None => Ok(Some(left.len().cmp(&right.len()))),
            }
        }
        _ => {
            if let (Some(left), Some(right)) = (number(left), number(right)) {
                return Ok(pytext::number_cmp(&left, &right));
            }
            let (left, right) = (pytext::type_name(left), pytext::type_name(right));
            Err(format!("'{sign}' not supported between instances of '{left}' and '{right}'"))
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::Bool(flag) => Some(Number::from(u8::from(*flag))),
        _ => None,
    }
}
