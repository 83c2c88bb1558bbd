//! Equality, identity and order, as Python has them.

use std::{cmp::Ordering, sync::Arc};

use num_bigint::BigInt;
use num_traits::FromPrimitive;

use super::Value;
use crate::expr::jinja::{
    budget::Budget,
    error::{Error, Result},
};

/// `a == b`.
///
/// # Errors
/// A strict undefined value on either side, or values that nest too deeply.
pub(in super::super) fn eq(a: &Value, b: &Value, budget: &mut Budget) -> Result<bool> {
    budget.pay(1)?;
    if let (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) = (a, b) {
        if undefined.is_strict() {
            return Err(undefined.error());
        }
        return Ok(a.is_undefined() && b.is_undefined());
    }
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        budget.pay_text(a.len().min(b.len()))?;
        return Ok(a == b);
    }
    if let Some(order) = numbers(a, b) {
        return Ok(order == Some(Ordering::Equal));
    }
    match (a, b) {
        (Value::None, Value::None) => Ok(true),
        (Value::Bytes(a), Value::Bytes(b)) => Ok(a == b),
        (Value::Range(a), Value::Range(b)) => Ok(a.len() == b.len()
            && (a.len() == 0 || (a.start == b.start && (a.len() == 1 || a.step == b.step)))),
        (Value::List(a), Value::List(b)) if a.len() == b.len() => eq_items(&a.items(), &b.items(), budget),
        (Value::Tuple(a), Value::Tuple(b)) if a.items().len() == b.items().len() => {
            eq_items(a.items(), b.items(), budget)
        }
        (Value::Dict(a), Value::Dict(b)) if a.len() == b.len() => {
            budget.pay_items(a.len())?;
            let pairs = a.read(|a| {
                b.read(|b| {
                    let both = |(key, item): (&super::Key, &Value)| Some((item.clone(), b.get(key)?.clone()));
                    a.iter().map(both).collect::<Option<Vec<_>>>()
                })
            });
            let Some(pairs) = pairs else { return Ok(false) };
            let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            eq_items(&a, &b, budget)
        }
        (Value::Object(a), Value::Object(b)) if !Arc::ptr_eq(a, b) => {
            budget.enter()?;
            let answer = a.equals(&**b, budget).unwrap_or(Ok(false));
            budget.leave();
            answer
        }
        _ => Ok(identical(a, b)),
    }
}

fn eq_items(a: &[Value], b: &[Value], budget: &mut Budget) -> Result<bool> {
    budget.enter()?;
    let mut answer = Ok(true);
    for (a, b) in a.iter().zip(b) {
        // Containers ask for identity first, so that even an undefined item equals itself.
        answer = if identical(a, b) { Ok(true) } else { eq(a, b, budget) };
        if !matches!(answer, Ok(true)) {
            break;
        }
    }
    budget.leave();
    answer
}

/// `a is b`, as far as values know: equal small values of one kind are the same value.
pub(in super::super) fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Big(a), Value::Big(b)) => Arc::ptr_eq(a, b),
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() && !a.is_nan(),
        (Value::Str(a), Value::Str(b)) | (Value::Markup(a), Value::Markup(b)) => Arc::ptr_eq(a, b) || a == b,
        (Value::Bytes(a), Value::Bytes(b)) => Arc::ptr_eq(a, b),
        (Value::List(a), Value::List(b)) => a.is(b),
        (Value::Tuple(a), Value::Tuple(b)) => a.is(b),
        (Value::Dict(a), Value::Dict(b)) => a.is(b),
        (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b),
        (Value::Undefined(a), Value::Undefined(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

/// How `a` and `b` are ordered; `None` if neither way, as with a NaN.
///
/// # Errors
/// `TypeError` for kinds that have no order, named with the `operator` that asked.
pub(in super::super) fn order(
    a: &Value,
    b: &Value,
    operator: &str,
    budget: &mut Budget,
) -> Result<Option<Ordering>> {
    budget.pay(1)?;
    if let (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) = (a, b) {
        return Err(undefined.error());
    }
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        budget.pay_text(a.len().min(b.len()))?;
        return Ok(Some(a.cmp(b)));
    }
    if let Some(order) = numbers(a, b) {
        return Ok(order);
    }
    match (a, b) {
        (Value::Bytes(a), Value::Bytes(b)) => Ok(Some(a.cmp(b))),
        (Value::List(a), Value::List(b)) => order_items(&a.items(), &b.items(), operator, budget),
        (Value::Tuple(a), Value::Tuple(b)) => order_items(a.items(), b.items(), operator, budget),
        _ => Err(Error::of_type(format!(
            "'{operator}' not supported between instances of '{}' and '{}'",
            a.type_name(),
            b.type_name()
        ))),
    }
}

/// Sequences are ordered by their first items that differ.
fn order_items(a: &[Value], b: &[Value], operator: &str, budget: &mut Budget) -> Result<Option<Ordering>> {
    for (a, b) in a.iter().zip(b) {
        if identical(a, b) || eq(a, b, budget)? {
            continue;
        }
        budget.enter()?;
        let found = order(a, b, operator, budget);
        budget.leave();
        return found;
    }
    Ok(Some(a.len().cmp(&b.len())))
}

/// The order of two numbers; the outer `None` if they are not both numbers.
#[expect(clippy::option_option, reason = "no number and no order are two answers")]
fn numbers(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    let (a, b) = (Number::of(a)?, Number::of(b)?);
    Some(match (a, b) {
        (Number::Small(a), Number::Small(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Float(a), b) => int_float(&b.big(), a).map(Ordering::reverse),
        (a, Number::Float(b)) => int_float(&a.big(), b),
        (a, b) => Some(a.big().cmp(&b.big())),
    })
}

enum Number<'a> {
    Small(i64),
    Big(&'a BigInt),
    Float(f64),
}

impl<'a> Number<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Bool(flag) => Self::Small(i64::from(*flag)),
            Value::Int(int) => Self::Small(*int),
            Value::Big(int) => Self::Big(int),
            Value::Float(float) => Self::Float(*float),
            _ => return None,
        })
    }

    fn big(&self) -> BigInt {
        match self {
            Self::Small(int) => BigInt::from(*int),
            Self::Big(int) => (*int).clone(),
            Self::Float(_) => BigInt::default(),
        }
    }
}

/// An integer is never rounded to be compared.
fn int_float(int: &BigInt, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let Some(whole) = BigInt::from_f64(float.trunc()) else {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    };
    let fraction = float.fract().partial_cmp(&0.0).map_or(Ordering::Equal, Ordering::reverse);
    Some(int.cmp(&whole).then(fraction))
}
