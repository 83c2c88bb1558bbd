//! Operators on values.

use std::{cmp::Ordering, rc::Rc};

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::{
    date::Span,
    error::{Error, Result},
    lazy, regex,
    runtime::Runtime,
    value::{Key, Number, Value},
};

/// Bits an integer may have; more takes too long to write out.
const MAX_BITS: u64 = 1 << 16;

/// `left mark right`, both evaluated.
pub(super) fn binary(rt: &Runtime<'_>, mark: &str, left: Value, right: Value) -> Result<Value> {
    let none = || Err(Error::no_function(&format!("#operator_{mark}")));
    match mark {
        "=" | "!=" => {
            rt.pay(left.weight().min(right.weight()))?;
            Ok(Value::Bool(left.equals(&right) == (mark == "=")))
        }
        "<" | ">" | "<=" | ">=" => {
            compare(mark, &left, &right).map_or_else(none, |found| Ok(Value::Bool(found)))
        }
        "=~" | "!~" => {
            let Value::Str(text) = &left else { return none() };
            let pattern = match &right {
                Value::Regex(pattern) => Rc::clone(pattern),
                Value::Str(source) => Rc::new(regex::Pattern::new(rt, source, false, false, false)?),
                _ => return none(),
            };
            Ok(Value::Bool(pattern.is_match(rt, text)? == (mark == "=~")))
        }
        "in" => match (&left, &right) {
            (Value::Str(part), Value::Str(whole)) => {
                rt.pay_text(whole.len())?;
                Ok(Value::Bool(whole.contains(&**part)))
            }
            (_, items) if items.is_iterable() => contains(rt, items, &left).map(Value::Bool),
            _ => none(),
        },
        _ => match arithmetic(rt, mark, &left, &right)? {
            Some(value) => Ok(value),
            None => none(),
        },
    }
}

/// Whether the items have an equal one.
pub(super) fn contains(rt: &Runtime<'_>, items: &Value, wanted: &Value) -> Result<bool> {
    if let Value::Set(set) = items {
        rt.check_size(set.items.len())?;
        rt.pay(wanted.weight())?;
        return Ok(set.items.contains(&Key::new(wanted.clone())?));
    }
    let limited = lazy::limited(rt, items.clone())?;
    let iter = lazy::iter(&limited)?;
    while let Some(item) = iter.next(rt)? {
        rt.pay(item.weight().min(wanted.weight()))?;
        if item.equals(wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ordered(mark: &str, order: Option<Ordering>) -> bool {
    order.is_some_and(|order| match mark {
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        _ => order.is_ge(),
    })
}

fn compare(mark: &str, left: &Value, right: &Value) -> Option<bool> {
    if let (Some(a), Some(b)) = (strict(left), strict(right)) {
        return Some(ordered(mark, a.compare(&b)));
    }
    let order = match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Span(a), Value::Span(b)) => Some(a.0.cmp(&b.0)),
        (Value::DateTime(a), Value::DateTime(b)) => Some(a.instant().cmp(&b.instant())),
        (Value::Set(a), Value::Set(b)) => {
            let (a, b) = (&a.items, &b.items);
            return Some(match mark {
                "<" => a.len() < b.len() && a.is_subset(b),
                "<=" => a.is_subset(b),
                ">" => a.len() > b.len() && b.is_subset(a),
                _ => b.is_subset(a),
            });
        }
        _ => return None,
    };
    Some(ordered(mark, order))
}

/// A number that is no boolean.
pub(super) fn strict(value: &Value) -> Option<Number> {
    if matches!(value, Value::Bool(_)) { None } else { value.number() }
}

fn arithmetic(rt: &Runtime<'_>, mark: &str, left: &Value, right: &Value) -> Result<Option<Value>> {
    if let (Some(a), Some(b)) = (strict(left), strict(right)) {
        return numbers(rt, mark, &a, &b).map(Some);
    }
    let found = match (mark, left, right) {
        ("+", Value::Str(a), Value::Str(b)) => {
            rt.pay_text(a.len() + b.len())?;
            Value::text(format!("{a}{b}"))
        }
        ("+", Value::Tuple(a), Value::Tuple(b)) => {
            rt.check_size(a.items.len().max(b.items.len()))?;
            rt.pay((a.items.len() + b.items.len()) as u64)?;
            Value::tuple(a.items.iter().chain(&b.items).cloned().collect())?
        }
        ("+", Value::Set(a), Value::Set(b)) => {
            rt.pay(left.weight() + right.weight())?;
            Value::set(a.items.union(&b.items).cloned().collect())?
        }
        ("+", a, b) if a.is_iterable() && b.is_iterable() => {
            chain(vec![lazy::limited(rt, a.clone())?, lazy::limited(rt, b.clone())?])?
        }
        ("+", Value::Dict(a), Value::Dict(b)) => {
            rt.pay(left.weight() + right.weight())?;
            let mut items = a.items.clone();
            items.extend(b.items.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::dict(items)?
        }
        ("-", Value::Set(a), Value::Set(b)) => {
            rt.pay(left.weight() + right.weight())?;
            Value::set(a.items.difference(&b.items).cloned().collect())?
        }
        ("*", Value::Str(text), count) | ("*", count, Value::Str(text)) => {
            let Some(count) = int(count) else { return Ok(None) };
            let count = count.max(0).unsigned_abs() as usize;
            rt.pay_text(text.len().saturating_mul(count))?;
            Value::text(text.repeat(count))
        }
        ("*", list @ (Value::Tuple(_) | Value::List(_)), count)
        | ("*", count, list @ (Value::Tuple(_) | Value::List(_))) => {
            let Some(count) = int(count) else { return Ok(None) };
            let items = list.items().unwrap_or_default();
            let count = count.max(0).unsigned_abs();
            rt.pay((items.len() as u64).saturating_mul(count))?;
            let repeated = items.iter().cycle().take(items.len() * count as usize).cloned().collect();
            if matches!(list, Value::List(_)) { Value::list(repeated)? } else { Value::tuple(repeated)? }
        }
        ("+", Value::DateTime(date), Value::Span(span)) | ("+", Value::Span(span), Value::DateTime(date)) => {
            Value::DateTime(Rc::new(date.plus(*span)?))
        }
        ("-", Value::DateTime(date), Value::Span(span)) => {
            Value::DateTime(Rc::new(date.plus(Span(-span.0))?))
        }
        ("-", Value::DateTime(a), Value::DateTime(b)) => Value::Span(Span(a.instant() - b.instant())),
        ("+", Value::Span(a), Value::Span(b)) => Value::Span(Span::new(a.0 + b.0)?),
        ("-", Value::Span(a), Value::Span(b)) => Value::Span(Span::new(a.0 - b.0)?),
        ("*", Value::Span(span), number) | ("*", number, Value::Span(span)) => match strict(number) {
            Some(number) => Value::Span(span.times(&number)?),
            None => return Ok(None),
        },
        ("/", Value::Span(a), Value::Span(b)) => {
            if b.0 == 0 {
                return Err(Error::new("ZeroDivisionError", "float division by zero"));
            }
            Value::Float(a.0 as f64 / b.0 as f64)
        }
        ("/", Value::Span(span), number) => match strict(number) {
            Some(number) => Value::Span(span.over(number.to_float()?, matches!(number, Number::Float(_)))?),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(found))
}

/// An integer as Python's `int` parameters take it, booleans among them.
fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Big(value) => Some(if value.is_negative() { i64::MIN } else { i64::MAX }),
        _ => None,
    }
}

/// One sequence after the other.
pub(super) fn chain(parts: Vec<Value>) -> Result<Value> {
    let refs: Vec<&Value> = parts.iter().collect();
    let iters = parts.iter().map(lazy::iter).collect::<Result<Vec<_>>>()?;
    let mut at = 0;
    lazy::lazy_value(&refs, move |rt| {
        while let Some(iter) = iters.get(at) {
            if let Some(item) = iter.next(rt)? {
                return Ok(Some(item));
            }
            at += 1;
        }
        Ok(None)
    })
}

/// A large integer, unless it is too large to work with.
pub(super) fn checked_big(rt: &Runtime<'_>, value: BigInt) -> Result<Value> {
    if value.bits() > MAX_BITS {
        return Err(Error::limit(format!("the expression makes a number of more than {MAX_BITS} bits")));
    }
    rt.pay(value.bits() / 64)?;
    Ok(Value::big(value))
}

fn zero(message: &str) -> Error {
    Error::new("ZeroDivisionError", message)
}

fn numbers(rt: &Runtime<'_>, mark: &str, left: &Number, right: &Number) -> Result<Value> {
    if let (Number::Int(a), Number::Int(b)) = (left, right) {
        let quick = match mark {
            "+" => a.checked_add(*b),
            "-" => a.checked_sub(*b),
            "*" => a.checked_mul(*b),
            _ if *b == 0 => None,
            "/" => a.checked_div_euclid(*b).filter(|_| *b > 0),
            _ => a.checked_rem_euclid(*b).filter(|_| *b > 0),
        };
        if let Some(result) = quick {
            return Ok(Value::Int(result));
        }
    }
    if let (Some(a), Some(b)) = (left.to_big(), right.to_big()) {
        return match mark {
            "+" => checked_big(rt, a + b),
            "-" => checked_big(rt, a - b),
            "*" => checked_big(rt, a * b),
            "/" if b.is_zero() => Err(zero("integer division or modulo by zero")),
            _ if b.is_zero() => Err(zero("integer modulo by zero")),
            _ => {
                let (quotient, rest) = (&a / &b, &a % &b);
                let down = !rest.is_zero() && (rest.is_negative() != b.is_negative());
                Ok(Value::big(match mark {
                    "/" if down => quotient - 1,
                    "/" => quotient,
                    _ if down => rest + b,
                    _ => rest,
                }))
            }
        };
    }
    let (a, b) = (left.to_float()?, right.to_float()?);
    Ok(Value::Float(match mark {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if b == 0.0 => return Err(zero("float division by zero")),
        "/" => a / b,
        _ if b == 0.0 => return Err(zero("float modulo")),
        _ => {
            let rest = a % b;
            if rest == 0.0 {
                0.0_f64.copysign(b)
            } else if (rest < 0.0) != (b < 0.0) {
                rest + b
            } else {
                rest
            }
        }
    }))
}

/// A sign or `not` before a value.
pub(super) fn unary(mark: &str, value: &Value) -> Result<Value> {
    if mark == "not" {
        return Ok(Value::Bool(!value.truthy()));
    }
    match (mark, value) {
        ("-", Value::Span(span)) => return Span::new(-span.0).map(Value::Span),
        (_, Value::Span(span)) => return Ok(Value::Span(*span)),
        _ => {}
    }
    match (mark, strict(value)) {
        (_, None) => Err(Error::no_function(&format!("#unary_operator_{mark}"))),
        ("-", Some(Number::Float(float))) => Ok(Value::Float(-float)),
        ("-", Some(number)) => Ok(Value::big(-number.to_big().unwrap_or_default())),
        _ => Ok(value.clone()),
    }
}
