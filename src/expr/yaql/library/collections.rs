//! Lists and sets.

use std::rc::Rc;

use indexmap::IndexSet;

use crate::expr::yaql::{
    error::{Error, Result},
    lazy::{self, Iter},
    ops,
    overload::{Call, Row},
    runtime::Runtime,
    value::{Key, Set, Value},
};

pub(super) const ROWS: &[Row] = &[
    ("F", "list", "*A", |call| Value::tuple(unfold(call.rt, &call.rest)?)),
    ("F", "#list", "*A", |call| Value::tuple(std::mem::take(&mut call.rest))),
    ("F", "set", "*A", |call| to_set(call.rt, unfold(call.rt, &call.rest)?)),
    ("M", "toList", "collection:It", |call| match call.take(0) {
        tuple @ Value::Tuple(_) => Ok(tuple),
        other => Value::tuple(lazy::collect(call.rt, &other)?),
    }),
    ("M", "toSet", "collection:It", |call| {
        let items = lazy::collect(call.rt, &call.args[0])?;
        to_set(call.rt, items)
    }),
    ("M", "flatten", "collection:It", |call| {
        let mut open = vec![lazy::iter(&call.args[0])?];
        lazy::lazy_value(&[&call.args[0]], move |rt| {
            while let Some(last) = open.last() {
                match last.next(rt)? {
                    Some(item) if item.is_iterable() => open.push(lazy::iter(&item)?),
                    Some(item) => return Ok(Some(item)),
                    None => _ = open.pop(),
                }
            }
            Ok(None)
        })
    }),
    ("F", "#indexer", "list:Seq index:I", |call| {
        let items = call.args[0].items().unwrap_or_default();
        let index = call.int(1);
        let index = if index < 0 { index.saturating_add(items.len() as i64) } else { index };
        let found = usize::try_from(index).ok().and_then(|index| items.get(index));
        let name = call.args[0].type_name();
        found.cloned().ok_or_else(|| Error::new("IndexError", format!("{name} index out of range")))
    }),
    ("M", "contains", "collection:It value", |call| {
        ops::contains(call.rt, &call.args[0], &call.args[1]).map(Value::Bool)
    }),
    ("F", "isList", "arg", |call| Ok(Value::Bool(call.args[0].items().is_some()))),
    ("F", "isSet", "arg", |call| Ok(Value::Bool(matches!(call.args[0], Value::Set(_))))),
    ("F", "isIterable", "value", |call| Ok(Value::Bool(call.args[0].is_iterable()))),
    ("FM", "len", "sequence:Seq", |call| {
        Ok(Value::Int(call.args[0].items().unwrap_or_default().len() as i64))
    }),
    ("FM", "len", "set:Set", |call| Ok(Value::Int(set(call, 0).items.len() as i64))),
    ("FM", "len", "collection:Iter", |call| count(call.rt, &call.args[0])),
    ("M", "count", "collection:It", |call| count(call.rt, &call.args[0])),
    ("M", "delete", "collection:It position:I count:I=1", |call| {
        let range = Range { from: call.int(1), count: call.int(2) };
        numbered(call, move |_, at, item| Ok(if range.has(at) { vec![] } else { vec![item] }))
    }),
    ("M", "replace", "collection:It position:I value count:I=1", |call| {
        let range = Range { from: call.int(1), count: call.int(3) };
        let mut value = Some(call.take(2));
        numbered(call, move |_, at, item| {
            Ok(if range.has(at) { value.take().into_iter().collect() } else { vec![item] })
        })
    }),
    ("M", "replaceMany", "collection:It position:I values:It count:I=1", |call| {
        let range = Range { from: call.int(1), count: call.int(3) };
        let mut values = Some(call.take(2));
        numbered(call, move |rt, at, item| match (range.has(at), values.take_if(|_| range.has(at))) {
            (true, Some(values)) => lazy::collect(rt, &values),
            (true, None) => Ok(vec![]),
            (false, _) => Ok(vec![item]),
        })
    }),
    ("M", "insert", "collection:ItNoSet position:I value", |call| {
        let (position, value) = (call.int(1), call.take(2));
        insert(call, position, Value::tuple(vec![value])?, false)
    }),
    ("M", "insert", "collection:Seq position:I value", |call| {
        let mut items = lazy::collect(call.rt, &call.args[0])?;
        let size = items.len() as i64;
        let at = call.int(1);
        let at = if at < 0 { at.saturating_add(size).max(0) } else { at.min(size) };
        items.insert(usize::try_from(at).unwrap_or(0), call.take(2));
        Value::list(items)
    }),
    ("M", "insertMany", "collection:It position:I values:It", |call| {
        let (position, values) = (call.int(1), call.take(2));
        insert(call, position, values, true)
    }),
    ("M", "add", "set:Set *A", |call| {
        let items = std::mem::take(&mut call.rest);
        let Value::Set(new) = to_set(call.rt, items)? else { return Ok(Value::Null) };
        call.rt.pay(call.args[0].weight())?;
        Value::set(set(call, 0).items.union(&new.items).cloned().collect())
    }),
    ("M", "remove", "set:Set *A", |call| {
        let items = std::mem::take(&mut call.rest);
        let Value::Set(gone) = to_set(call.rt, items)? else { return Ok(Value::Null) };
        call.rt.pay(call.args[0].weight())?;
        Value::set(set(call, 0).items.difference(&gone.items).cloned().collect())
    }),
    ("M", "union", "left:Set right:Set", |call| both(call, |a, b| a.union(b).cloned().collect())),
    ("M", "intersect", "left:Set right:Set", |call| both(call, |a, b| a.intersection(b).cloned().collect())),
    ("M", "difference", "left:Set right:Set", |call| both(call, |a, b| a.difference(b).cloned().collect())),
    ("M", "symmetricDifference", "left:Set right:Set", |call| {
        both(call, |a, b| a.symmetric_difference(b).cloned().collect())
    }),
];

/// Arguments with the iterators among them laid open.
fn unfold(rt: &Runtime<'_>, args: &[Value]) -> Result<Vec<Value>> {
    let mut items = Vec::with_capacity(args.len());
    let mut count = 0_usize;
    for arg in args {
        if !arg.is_iterator() {
            items.push(arg.clone());
            continue;
        }
        let mut open: Vec<Iter> = vec![lazy::iter(arg)?];
        while let Some(last) = open.last() {
            match last.next(rt)? {
                Some(item) if item.is_iterator() => open.push(lazy::iter(&item)?),
                Some(item) => {
                    items.push(item);
                    count += 1;
                    rt.check_size(count)?;
                }
                None => _ = open.pop(),
            }
        }
    }
    rt.check_size(items.len())?;
    Ok(items)
}

pub(super) fn to_set(rt: &Runtime<'_>, items: Vec<Value>) -> Result<Value> {
    let mut set = IndexSet::with_capacity(items.len());
    for item in items {
        rt.pay(item.weight())?;
        set.insert(Key::new(item)?);
    }
    Value::set(set)
}

fn set(call: &Call<'_, '_>, index: usize) -> Rc<Set> {
    match &call.args[index] {
        Value::Set(set) => Rc::clone(set),
        _ => unreachable!("the parameter takes only sets"),
    }
}

fn both(call: &Call<'_, '_>, make: fn(&IndexSet<Key>, &IndexSet<Key>) -> IndexSet<Key>) -> Result<Value> {
    call.rt.pay(call.args[0].weight() + call.args[1].weight())?;
    Value::set(make(&set(call, 0).items, &set(call, 1).items))
}

fn count(rt: &Runtime<'_>, items: &Value) -> Result<Value> {
    let iter = lazy::iter(items)?;
    let mut count = 0;
    while iter.next(rt)?.is_some() {
        count += 1;
    }
    Ok(Value::Int(count))
}

/// Places from one on, or all from there on where the count is negative.
#[derive(Clone, Copy)]
struct Range {
    from: i64,
    count: i64,
}

impl Range {
    fn has(self, at: i64) -> bool {
        at >= self.from && (self.count < 0 || at < self.from.saturating_add(self.count))
    }
}

/// The first argument's items, each exchanged for what `make` answers for it and its place.
fn numbered(
    call: &mut Call<'_, '_>,
    mut make: impl FnMut(&Runtime<'_>, i64, Value) -> Result<Vec<Value>> + 'static,
) -> Result<Value> {
    let source = call.take(0);
    let iter = lazy::iter(&source)?;
    let mut at = -1;
    let mut ready: std::vec::IntoIter<Value> = Vec::new().into_iter();
    lazy::lazy_value(&[&source], move |rt| {
        loop {
            if let Some(item) = ready.next() {
                return Ok(Some(item));
            }
            let Some(item) = iter.next(rt)? else { return Ok(None) };
            at += 1;
            ready = make(rt, at, item)?.into_iter();
        }
    })
}

/// Items with others put in before a place, or at the end where the place is past it.
#[expect(clippy::single_match_else, reason = "both arms are equally likely")]
fn insert(call: &mut Call<'_, '_>, position: i64, values: Value, before_all: bool) -> Result<Value> {
    let source = call.take(0);
    let iter = lazy::iter(&source)?;
    let values_kept = values.clone();
    let mut values = Some(values);
    let mut ready: Option<Iter> = None;
    let mut held: Option<Value> = None;
    let mut at = -1;
    let mut is_over = false;
    if before_all && position < 0 {
        ready = values.take().as_ref().map(lazy::iter).transpose()?;
    }
    lazy::lazy_value(&[&source, &values_kept], move |rt| {
        loop {
            if let Some(iter) = &ready {
                if let Some(item) = iter.next(rt)? {
                    return Ok(Some(item));
                }
                ready = None;
            }
            if let Some(item) = held.take() {
                return Ok(Some(item));
            }
            if is_over {
                return Ok(None);
            }
            match iter.next(rt)? {
                Some(item) => {
                    at += 1;
                    if at == position {
                        ready = values.take().as_ref().map(lazy::iter).transpose()?;
                    }
                    held = Some(item);
                }
                None => {
                    is_over = true;
                    if position > at {
                        ready = values.take().as_ref().map(lazy::iter).transpose()?;
                    }
                }
            }
        }
    })
}
