//! Evaluates a parsed expression in a context.

use std::{rc::Rc, sync::Arc};

use indexmap::IndexMap;

use super::{
    ast::Expr,
    context::Context,
    error::{Error, Result},
    lazy, library, ops,
    overload::{self, Arg},
    runtime::Runtime,
    text,
    value::{Key, Value},
};

/// The value of an expression.
pub(super) fn eval(rt: &Runtime<'_>, expr: &Arc<Expr>, context: &Context) -> Result<Value> {
    rt.pay(1)?;
    match &**expr {
        Expr::Const(literal) => Ok(literal.value()),
        Expr::Keyword(word) => Ok(Value::Str(Arc::clone(word))),
        Expr::Variable(name) => Ok(context.get(name)),
        Expr::NoValue => Ok(Value::NoValue),
        _ => rt.deeper(|| eval_deep(rt, expr, context)),
    }
}

fn eval_deep(rt: &Runtime<'_>, expr: &Arc<Expr>, context: &Context) -> Result<Value> {
    match &**expr {
        Expr::Wrap(inner) => eval(rt, inner, context),
        Expr::Function(name, args) => {
            overload::call(rt, context, name, None, args.iter().map(Arg::of).collect(), Vec::new())
        }
        Expr::Binary(mark @ ("." | "?."), left, right) => {
            if !matches!(**right, Expr::Keyword(_) | Expr::Function(..)) && *mark == "." {
                return Err(Error::no_function("#operator_."));
            }
            if let Some(found) = followed(rt, expr, context)? {
                return Ok(found);
            }
            let receiver = eval(rt, left, context)?;
            if *mark == "?." && matches!(receiver, Value::Null) {
                return Ok(Value::Null);
            }
            dot(rt, context, &receiver, right)
        }
        Expr::Binary("and", left, right) => {
            let first = eval(rt, left, &context.child()?)?;
            if first.truthy() { eval(rt, right, &context.child()?) } else { Ok(first) }
        }
        Expr::Binary("or", left, right) => {
            let first = eval(rt, left, &context.child()?)?;
            if first.truthy() { Ok(first) } else { eval(rt, right, &context.child()?) }
        }
        Expr::Binary("->", left, right) => match eval(rt, left, context)? {
            Value::Context(inner) => eval(rt, right, &inner),
            _ => Err(Error::no_function("#operator_->")),
        },
        // Where a constant fits no definition there is none, and nothing is evaluated.
        Expr::Binary(mark @ ("-" | "/" | "mod" | "+"), left, right)
            if [left, right].into_iter().any(|side| never_fits(mark, side)) =>
        {
            Err(Error::no_function(&format!("#operator_{mark}")))
        }
        Expr::Binary(mark, left, right) => {
            let left = eval(rt, left, context)?;
            let right = eval(rt, right, context)?;
            ops::binary(rt, mark, left, right)
        }
        Expr::Unary(mark, inner) => ops::unary(mark, &eval(rt, inner, context)?),
        Expr::Index(args) => {
            overload::call(rt, context, "#indexer", None, args.iter().map(Arg::of).collect(), Vec::new())
        }
        Expr::List(args) => {
            if args.iter().any(|arg| matches!(**arg, Expr::Rule(..))) {
                return Err(Error::no_function("#list"));
            }
            Value::tuple(args.iter().map(|arg| eval(rt, arg, context)).collect::<Result<_>>()?)
        }
        Expr::Map(args) => {
            let mut items = IndexMap::with_capacity(args.len());
            for arg in args {
                let Expr::Rule(key, value) = &**arg else { return Err(Error::no_function("#map")) };
                let key = eval(rt, key, context)?;
                let value = eval(rt, value, context)?;
                rt.pay(key.weight())?;
                items.insert(Key::new(key)?, value);
            }
            Value::dict(items)
        }
        Expr::Rule(from, to) => Ok(Value::Rule(Rc::new((eval(rt, from, context)?, eval(rt, to, context)?)))),
        _ => Ok(Value::Null),
    }
}

/// Whether an operand, not yet evaluated, is a constant that no arithmetic takes.
fn never_fits(mark: &str, operand: &Expr) -> bool {
    match operand.constant() {
        Some(Value::Null | Value::Bool(_)) => true,
        Some(Value::Str(_)) => mark != "+",
        _ => false,
    }
}

/// `f(…).a.b` where the host can say what stands there without telling all that `f(…)` answers.
fn followed(rt: &Runtime<'_>, expr: &Arc<Expr>, context: &Context) -> Result<Option<Value>> {
    let mut words: Vec<&Arc<str>> = Vec::new();
    let mut base = expr;
    while let Expr::Binary(".", left, right) = &**base {
        let Expr::Keyword(word) = &**right else { return Ok(None) };
        words.push(word);
        base = left;
    }
    let Expr::Function(name, args) = &**base else { return Ok(None) };
    if overload::is_known(name) || context.function(name).is_some() {
        return Ok(None);
    }
    let args: Option<Vec<Value>> = args.iter().map(|arg| arg.constant()).collect();
    let Some(args) = args else { return Ok(None) };
    let path: Vec<&str> = words.iter().rev().map(|word| &***word).collect();
    rt.pay(path.len() as u64)?;
    let Some(found) = rt.host.follow(name, &args, &path) else { return Ok(None) };
    let (mut value, taken) = found?;
    for word in words.iter().rev().skip(taken) {
        value = attribute(rt, &value, word)?;
    }
    Ok(Some(value))
}

/// `receiver.right`: an attribute or a method.
fn dot(rt: &Runtime<'_>, context: &Context, receiver: &Value, right: &Arc<Expr>) -> Result<Value> {
    match &**right {
        Expr::Keyword(word) => attribute(rt, receiver, word),
        Expr::Function(name, args) => {
            overload::call(rt, context, name, Some(receiver), args.iter().map(Arg::of).collect(), Vec::new())
        }
        _ => Err(Error::no_function("#operator_.")),
    }
}

/// `value.word`.
fn attribute(rt: &Runtime<'_>, value: &Value, word: &Arc<str>) -> Result<Value> {
    if let Value::Dict(dict) = value {
        let key = Key::text(word);
        return dict.items.get(&key).cloned().ok_or_else(|| missing(key.get()));
    }
    if value.is_iterable() {
        let items = lazy::limited(rt, value.clone())?;
        let iter = lazy::iter(&items)?;
        let word = Arc::clone(word);
        return lazy::lazy_value(&[&items], move |rt| match iter.next(rt)? {
            Some(item) => attribute(rt, &item, &word).map(Some),
            None => Ok(None),
        });
    }
    match library::date::property(value, word) {
        Some(found) => found,
        None if library::date::is_property(word) => Err(Error::no_function(&format!("#property#{word}"))),
        None => {
            Err(Error::new("NoFunctionRegisteredException", format!("Unknown function \"#property#{word}\"")))
        }
    }
}

/// A key that is not there.
pub(super) fn missing(key: &Value) -> Error {
    Error::new("KeyError", text::repr(key))
}
