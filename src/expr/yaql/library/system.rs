//! Names, functions made in expressions, and calls by name.

use std::rc::Rc;

use crate::expr::yaql::{
    error::{Error, Result},
    lazy,
    lazy::Memo,
    overload::{self, Arg, Call, Row},
    value::{Key, Value},
};

pub(super) const ROWS: &[Row] = &[
    ("F", "let", "*A **A", |call| {
        positional(call)?;
        for (name, value) in std::mem::take(&mut call.named) {
            call.context.set(&name, value)?;
        }
        Ok(Value::Context(call.context.clone()))
    }),
    ("F", "with", "*A", |call| {
        positional(call)?;
        Ok(Value::Context(call.context.clone()))
    }),
    ("F", "def", "name:S func:L", |call| {
        call.context.define(&call.text(0), call.need_lambda(1)?);
        Ok(Value::Context(call.context.clone()))
    }),
    ("F", "call", "name:S args:Seq kwargs:D receiver=none", |call| {
        let Value::Dict(named) = &call.args[2] else { return Ok(Value::Null) };
        let word = |key: &Key| if let Value::Str(text) = key.get() { Some(text.clone()) } else { None };
        let named = named
            .items
            .iter()
            .map(|(key, value)| {
                let name = word(key).ok_or_else(|| Error::kind("expected string or bytes-like object"))?;
                Ok((name, Arg::Value(value.clone())))
            })
            .collect::<Result<_>>()?;
        let args = call.args[1].items().unwrap_or_default().iter().cloned().map(Arg::Value).collect();
        let receiver = Some(&call.args[3]).filter(|value| !matches!(value, Value::NoValue));
        overload::call(call.rt, &call.context, &call.text(0), receiver, args, named)
    }),
    ("M", "unpack", "sequence:It *S", |call| {
        let names = std::mem::take(&mut call.rest);
        let iter = lazy::iter(&call.args[0])?;
        if names.is_empty() && !matches!(call.args[0], Value::Tuple(_) | Value::List(_) | Value::Set(_)) {
            // What gives its items once has lost the first by then, as it was counted against the names.
            iter.next(call.rt)?;
        }
        let mut items = Vec::new();
        while names.is_empty() || items.len() <= names.len() {
            let Some(item) = iter.next(call.rt)? else { break };
            items.push(item);
        }
        if !names.is_empty() && names.len() != items.len() {
            return Err(Error::value(format!("Cannot unpack {} elements into {}", items.len(), names.len())));
        }
        for (index, item) in items.into_iter().enumerate() {
            match names.get(index) {
                Some(Value::Str(name)) => call.context.set(name, item)?,
                _ => call.context.set_positional(index + 1, item)?,
            }
        }
        Ok(Value::Context(call.context.clone()))
    }),
    ("M", "assert", "obj condition:L message:S=Assertion_failed", |call| {
        let value = match call.take(0) {
            Value::Iter(iter) => Value::Memo(Rc::new(Memo::new(iter))),
            other => other,
        };
        if call.need_lambda(1)?.call(call.rt, std::slice::from_ref(&value))?.truthy() {
            return Ok(value);
        }
        // The table of definitions is split at blanks, so the default is spelled without one.
        Err(Error::new("AssertionError", call.text(2).replace("Assertion_failed", "Assertion failed")))
    }),
];

fn positional(call: &mut Call<'_, '_>) -> Result<()> {
    for (index, value) in std::mem::take(&mut call.rest).into_iter().enumerate() {
        call.context.set_positional(index + 1, value)?;
    }
    Ok(())
}
