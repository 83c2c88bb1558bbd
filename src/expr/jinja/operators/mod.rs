//! `+ - * / // % **` and signs, for every kind of value that has them.

mod number;

pub(super) use number::{Number, float_of, of_small, round_half_even};

use super::{
    budget::Budget,
    error::{Class, Error, Result},
    filters::html,
    format,
    render::Run,
    syntax::ast::Operator,
    value::Value,
};

/// `left operator right`.
pub(super) fn arithmetic(run: &mut Run, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
    if let (Value::Int(a), Value::Int(b)) = (left, right)
        && let Some(found) = number::of_small(operator, *a, *b)
    {
        return Ok(Value::Int(found));
    }
    // Text formats whatever is on the right; everything else gives way to an undefined operand.
    if let (Operator::Mod, Value::Str(_) | Value::Markup(_)) = (operator, left) {
        return format::percent(left, right, run);
    }
    if let (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) = (left, right) {
        return Err(undefined.error());
    }
    if let (Some(a), Some(b)) = (Number::of(left), Number::of(right)) {
        return number::arithmetic(operator, a, b, &mut run.budget);
    }
    let sequence = match operator {
        Operator::Add => added(run, left, right)?,
        Operator::Mul => repeated(run, left, right)?,
        _ => None,
    };
    sequence.ok_or_else(|| {
        if operator == Operator::Add
            && let (Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Bytes(_), other) =
                (left, right.type_name())
        {
            let kind = left.type_name();
            return Error::of_type(match left {
                Value::Bytes(_) => format!("can't concat {other} to bytes"),
                _ => format!("can only concatenate {kind} (not \"{other}\") to {kind}"),
            });
        }
        unsupported(operator, left, right)
    })
}

fn unsupported(operator: Operator, left: &Value, right: &Value) -> Error {
    let spelling = match operator {
        Operator::Add => "+",
        Operator::Sub => "-",
        Operator::Mul => "*",
        Operator::Div => "/",
        Operator::FloorDiv => "//",
        Operator::Mod => "%",
        Operator::Pow => "** or pow()",
    };
    let (left, right) = (left.type_name(), right.type_name());
    Error::of_type(format!("unsupported operand type(s) for {spelling}: '{left}' and '{right}'"))
}

fn added(run: &mut Run, left: &Value, right: &Value) -> Result<Option<Value>> {
    Ok(Some(match (left, right) {
        (Value::Str(a), Value::Str(b)) => {
            run.budget.make_text(a.len() + b.len())?;
            Value::str(format!("{a}{b}"))
        }
        (Value::Markup(_), Value::Str(_)) | (Value::Str(_) | Value::Markup(_), Value::Markup(_)) => {
            let (a, b) = (html::escape(left, run)?, html::escape(right, run)?);
            run.budget.make_text(a.len() + b.len())?;
            Value::Markup(format!("{a}{b}").into())
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            run.budget.make_text(a.len() + b.len())?;
            Value::Bytes([&**a, &**b].concat().into())
        }
        (Value::List(a), Value::List(b)) => {
            run.budget.make_items(a.len() + b.len())?;
            let mut items = a.items();
            items.extend(b.items());
            Value::list(items)
        }
        (Value::Tuple(a), Value::Tuple(b)) => {
            run.budget.make_items(a.items().len() + b.items().len())?;
            Value::tuple([a.items(), b.items()].concat())
        }
        _ => return Ok(None),
    }))
}

fn repeated(run: &mut Run, left: &Value, right: &Value) -> Result<Option<Value>> {
    let (sequence, count) = match (left, right) {
        (count @ (Value::Int(_) | Value::Bool(_) | Value::Big(_)), sequence) => (sequence, count),
        (sequence, count) => (sequence, count),
    };
    let count = match count {
        Value::Big(_) if is_sequence(sequence) => {
            return Err(Error::new(Class::OverflowError, "cannot fit 'int' into an index-sized integer"));
        }
        other => match other.as_int() {
            Some(int) => usize::try_from(int).unwrap_or(0),
            None => return not_a_count(sequence, other),
        },
    };
    Ok(Some(match sequence {
        Value::Str(text) => Value::str(repeat_text(text, count, &mut run.budget)?),
        Value::Markup(text) => Value::Markup(repeat_text(text, count, &mut run.budget)?.into()),
        Value::Bytes(bytes) => {
            run.budget.make_text(bytes.len().saturating_mul(count))?;
            Value::Bytes(bytes.repeat(count).into())
        }
        Value::List(list) => {
            run.budget.make_items(list.len().saturating_mul(count))?;
            Value::list(repeat_items(&list.items(), count))
        }
        Value::Tuple(tuple) => {
            run.budget.make_items(tuple.items().len().saturating_mul(count))?;
            Value::tuple(repeat_items(tuple.items(), count))
        }
        _ => return Ok(None),
    }))
}

fn is_sequence(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Markup(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_))
}

fn not_a_count(sequence: &Value, count: &Value) -> Result<Option<Value>> {
    let other = match (is_sequence(sequence), is_sequence(count)) {
        (true, _) => count,
        (false, true) => sequence,
        _ => return Ok(None),
    };
    Err(Error::of_type(format!("can't multiply sequence by non-int of type '{}'", other.type_name())))
}

fn repeat_items(items: &[Value], count: usize) -> Vec<Value> {
    std::iter::repeat_n(items, if items.is_empty() { 0 } else { count }).flatten().cloned().collect()
}

/// A text over and over.
pub(super) fn repeat_text(text: &str, count: usize, budget: &mut Budget) -> Result<String> {
    budget.make_text(text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

/// `-operand` or `+operand`.
pub(super) fn sign(minus: bool, operand: &Value) -> Result<Value> {
    if let Value::Undefined(undefined) = operand {
        return Err(undefined.error());
    }
    match Number::of(operand) {
        Some(number) if minus => Ok(number.negated().into_value()),
        Some(number) => Ok(number.into_value()),
        None => {
            let (sign, kind) = (if minus { '-' } else { '+' }, operand.type_name());
            Err(Error::of_type(format!("bad operand type for unary {sign}: '{kind}'")))
        }
    }
}
