//! Queries over sequences: most make a new sequence, lazily.

use std::{collections::VecDeque, rc::Rc};

use indexmap::IndexSet;

use crate::expr::yaql::{
    error::{Error, Result},
    lazy::{self, Memo, Ordered, collect, iter, lazy_value},
    ops,
    overload::{Call, Row},
    runtime::Runtime,
    value::{Key, Value},
};

pub(super) const ROWS: &[Row] = &[
    ("M", "where", "collection:It predicate:L", filter),
    ("M", "filter", "collection:It predicate:L", filter),
    ("M", "select", "collection:It selector:L", map),
    ("M", "map", "collection:It selector:L", map),
    ("M", "skip", "collection:It count:I", |call| {
        let message = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
        let mut left = u64::try_from(call.int(1)).map_err(|_| Error::value(message))?;
        let source = call.take(0);
        let items = iter(&source)?;
        lazy_value(&[&source], move |rt| {
            while left > 0 {
                left -= 1;
                if items.next(rt)?.is_none() {
                    return Ok(None);
                }
            }
            items.next(rt)
        })
    }),
    ("M", "limit", "collection:It count:I", take),
    ("M", "take", "collection:It count:I", take),
    ("M", "skipWhile", "collection:It predicate:L", |call| {
        let (source, test) = (call.take(0), call.need_lambda(1)?);
        let items = iter(&source)?;
        let mut is_skipping = true;
        lazy_value(&[&source], move |rt| {
            loop {
                let Some(item) = items.next(rt)? else { return Ok(None) };
                if !is_skipping || !test.call(rt, std::slice::from_ref(&item))?.truthy() {
                    is_skipping = false;
                    return Ok(Some(item));
                }
            }
        })
    }),
    ("M", "takeWhile", "collection:It predicate:L", |call| {
        let (source, test) = (call.take(0), call.need_lambda(1)?);
        let items = iter(&source)?;
        lazy_value(&[&source], move |rt| match items.next(rt)? {
            Some(item) if test.call(rt, std::slice::from_ref(&item))?.truthy() => Ok(Some(item)),
            _ => Ok(None),
        })
    }),
    ("FM", "append", "collection:It *A", |call| {
        let more = Value::tuple(std::mem::take(&mut call.rest))?;
        ops::chain(vec![call.take(0), more])
    }),
    ("FM", "concat", "*It", |call| ops::chain(std::mem::take(&mut call.rest))),
    ("FM", "distinct", "collection:It keySelector:L=null", |call| {
        let (source, by) = (call.take(0), call.lambda(1));
        let items = iter(&source)?;
        let mut seen = IndexSet::new();
        lazy_value(&[&source], move |rt| {
            while let Some(item) = items.next(rt)? {
                let key = match &by {
                    Some(by) => by.call(rt, std::slice::from_ref(&item))?,
                    None => item.clone(),
                };
                rt.pay(key.weight())?;
                if seen.insert(Key::new(key)?) {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        })
    }),
    ("FM", "enumerate", "collection:It start:I?=0", |call| {
        let (mut at, source) = (call.int(1), call.take(0));
        let items = iter(&source)?;
        lazy_value(&[&source], move |rt| match items.next(rt)? {
            Some(item) => {
                at = at.saturating_add(1);
                Value::list(vec![Value::Int(at - 1), item]).map(Some)
            }
            None => Ok(None),
        })
    }),
    ("FM", "any", "collection:It predicate:L=null", |call| {
        let (items, test) = (iter(&call.args[0])?, call.lambda(1));
        while let Some(item) = items.next(call.rt)? {
            let hit = match &test {
                Some(test) => test.call(call.rt, &[item])?.truthy(),
                None => true,
            };
            if hit {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    ("FM", "all", "collection:It predicate:L=null", |call| {
        let (items, test) = (iter(&call.args[0])?, call.lambda(1));
        while let Some(item) = items.next(call.rt)? {
            let item = match &test {
                Some(test) => test.call(call.rt, &[item])?,
                None => item,
            };
            if !item.truthy() {
                return Ok(Value::Bool(false));
            }
        }
        Ok(Value::Bool(true))
    }),
    ("M", "memorize", "collection:It", |call| match call.take(0) {
        Value::Iter(iter) => Ok(Value::Memo(Rc::new(Memo::new(iter)))),
        other => Ok(other),
    }),
    ("M", "sum", "collection:It initial=none", |call| fold(call, |rt, a, b| ops::binary(rt, "+", a, b))),
    ("M", "max", "collection:It initial=none", |call| {
        fold(call, |rt, a, b| Ok(if ops::binary(rt, ">", b.clone(), a.clone())?.truthy() { b } else { a }))
    }),
    ("M", "min", "collection:It initial=none", |call| {
        fold(call, |rt, a, b| Ok(if ops::binary(rt, ">", b.clone(), a.clone())?.truthy() { a } else { b }))
    }),
    ("M", "first", "collection:It default=none", |call| {
        let default = call.take(1);
        let found = iter(&call.args[0])?.next(call.rt)?;
        found.map_or_else(|| or_default(default), Ok)
    }),
    ("M", "last", "collection:It default=none", |call| {
        let default = call.take(1);
        let items = iter(&call.args[0])?;
        let mut last = None;
        while let Some(item) = items.next(call.rt)? {
            last = Some(item);
        }
        last.map_or_else(|| or_default(default), Ok)
    }),
    ("M", "single", "collection:It", |call| {
        let items = iter(&call.args[0])?;
        let item = items.next(call.rt)?.ok_or_else(Error::stop)?;
        match items.next(call.rt)? {
            None => Ok(item),
            Some(_) => Err(Error::new("StopIteration", "Collection contains more than one item")),
        }
    }),
    ("M", "selectMany", "collection:It selector:L", |call| {
        let (source, by) = (call.take(0), call.need_lambda(1)?);
        let items = iter(&source)?;
        let mut inner: Option<lazy::Iter> = None;
        lazy_value(&[&source], move |rt| {
            loop {
                if let Some(open) = &inner {
                    if let Some(item) = open.next(rt)? {
                        return Ok(Some(item));
                    }
                    inner = None;
                }
                let Some(item) = items.next(rt)? else { return Ok(None) };
                let made = by.call(rt, &[item])?;
                if !made.is_iterable() {
                    return Ok(Some(made));
                }
                inner = Some(iter(&made)?);
            }
        })
    }),
    ("F", "range", "stop:I", |call| range(0, call.int(0), 1)),
    ("F", "range", "start:I stop:I step:I=1", |call| range(call.int(0), call.int(1), call.int(2))),
    ("F", "sequence", "start:I=0 step:I=1", |call| {
        let (mut at, step) = (call.int(0), call.int(1));
        lazy_value(&[], move |_| {
            let now = at;
            at = at.saturating_add(step);
            Ok(Some(Value::Int(now)))
        })
    }),
    ("M", "orderBy", "collection:It selector:L", |call| order(call, true)),
    ("M", "orderByDescending", "collection:It selector:L", |call| order(call, false)),
    ("M", "thenBy", "collection:Ord selector:L", |call| then(call, true)),
    ("M", "thenByDescending", "collection:Ord selector:L", |call| then(call, false)),
    ("M", "join", "collection1:It collection2:It predicate:L selector:L", |call| {
        let (left, test, by) = (call.take(0), call.need_lambda(2)?, call.need_lambda(3)?);
        let outer = iter(&left)?;
        let inner = Rc::new(Memo::new(iter(&call.args[1])?));
        let mut now: Option<Value> = None;
        let mut at = 0;
        lazy_value(&[&left, &call.args[1]], move |rt| {
            loop {
                if now.is_none() {
                    now = outer.next(rt)?;
                    at = 0;
                }
                let Some(item) = &now else { return Ok(None) };
                let Some(other) = inner.at(rt, at)? else {
                    now = None;
                    continue;
                };
                at += 1;
                let pair = [item.clone(), other];
                if test.call(rt, &pair)?.truthy() {
                    return by.call(rt, &pair).map(Some);
                }
            }
        })
    }),
    ("M", "repeat", "value times:I=-1", |call| {
        let (value, times) = (call.take(0), call.int(1));
        let mut left = u64::try_from(times).unwrap_or(u64::MAX);
        lazy_value(&[&value.clone()], move |_| {
            if left == 0 {
                return Ok(None);
            }
            left -= u64::from(left < u64::MAX);
            Ok(Some(value.clone()))
        })
    }),
    ("M", "cycle", "collection:It", |call| {
        let source = call.take(0);
        let memo = Memo::new(iter(&source)?);
        let mut at = 0;
        lazy_value(&[&source], move |rt| {
            if let Some(item) = memo.at(rt, at)? {
                at += 1;
                return Ok(Some(item));
            }
            at = 1;
            memo.at(rt, 0)
        })
    }),
    ("M", "indexOf", "collection:It item", |call| {
        let wanted = call.take(1);
        place(call, false, move |_, item| Ok(item.equals(&wanted)))
    }),
    ("M", "lastIndexOf", "collection:It item", |call| {
        let wanted = call.take(1);
        place(call, true, move |_, item| Ok(item.equals(&wanted)))
    }),
    ("M", "indexWhere", "collection:It predicate:L", |call| {
        let test = call.need_lambda(1)?;
        place(call, false, move |rt, item| Ok(test.call(rt, std::slice::from_ref(item))?.truthy()))
    }),
    ("M", "lastIndexWhere", "collection:It predicate:L", |call| {
        let test = call.need_lambda(1)?;
        place(call, true, move |rt, item| Ok(test.call(rt, std::slice::from_ref(item))?.truthy()))
    }),
    ("M", "aggregate", "collection:It selector:L seed=none", aggregate),
    ("M", "reduce", "collection:It selector:L seed=none", aggregate),
    ("M", "accumulate", "collection:It selector:L seed=none", |call| {
        let (source, by, seed) = (call.take(0), call.need_lambda(1)?, call.take(2));
        let items = iter(&source)?;
        let mut total: Option<Value> = None;
        lazy_value(&[&source, &seed.clone()], move |rt| {
            let next = match (&total, &seed) {
                (None, Value::NoValue) => match items.next(rt)? {
                    Some(first) => first,
                    None => return Err(Error::kind("accumulate() of empty sequence with no initial value")),
                },
                (None, seed) => seed.clone(),
                (Some(so_far), _) => match items.next(rt)? {
                    Some(item) => by.call(rt, &[so_far.clone(), item])?,
                    None => return Ok(None),
                },
            };
            total = Some(next.clone());
            Ok(Some(next))
        })
    }),
    ("M", "reverse", "collection:It", |call| {
        let mut items = collect(call.rt, &call.args[0])?;
        items.reverse();
        iter(&Value::tuple(items)?).map(Value::Iter)
    }),
    ("F", "generate", "initial predicate:L producer:L selector:L=null decycle:B=false", |call| {
        let (first, test, make, by) =
            (call.take(0), call.need_lambda(1)?, call.need_lambda(2)?, call.lambda(3));
        let is_decycling = call.args[4].truthy();
        let mut seen = IndexSet::new();
        let mut now = Some(first.clone());
        let mut is_first = true;
        lazy_value(&[&first], move |rt| {
            let Some(mut item) = now.take() else { return Ok(None) };
            if !is_first {
                item = make.call(rt, &[item])?;
            }
            is_first = false;
            let of = std::slice::from_ref(&item);
            if !test.call(rt, of)?.truthy() || (is_decycling && !seen.insert(Key::new(item.clone())?)) {
                return Ok(None);
            }
            let made = match &by {
                Some(by) => by.call(rt, of)?,
                None => item.clone(),
            };
            now = Some(item);
            Ok(Some(made))
        })
    }),
    ("F", "generateMany", "initial producer:L selector:L=null decycle:B=false depthFirst:B=false", |call| {
        let (first, make, by) = (call.take(0), call.need_lambda(1)?, call.lambda(2));
        let (is_decycling, is_deep) = (call.args[3].truthy(), call.args[4].truthy());
        let mut seen = IndexSet::new();
        let mut queue = VecDeque::from([first.clone()]);
        let mut last: Option<Value> = None;
        lazy_value(&[&first], move |rt| {
            if let Some(item) = last.take() {
                let produced = collect(rt, &make.call(rt, &[item])?)?;
                if is_deep {
                    produced.into_iter().rev().for_each(|item| queue.push_front(item));
                } else {
                    queue.extend(produced);
                }
            }
            while let Some(item) = queue.pop_front() {
                if is_decycling && !seen.insert(Key::new(item.clone())?) {
                    continue;
                }
                last = Some(item.clone());
                return match &by {
                    Some(by) => by.call(rt, &[item]).map(Some),
                    None => Ok(Some(item)),
                };
            }
            Ok(None)
        })
    }),
    ("M", "defaultIfEmpty", "collection:It default:It", |call| {
        let (source, default) = (call.take(0), call.take(1));
        match source {
            Value::Iter(inner) => {
                let memo = Memo::new(inner);
                let is_empty = memo.at(call.rt, 0)?.is_none();
                Ok(if is_empty { default } else { Value::Memo(Rc::new(memo)) })
            }
            other if other.truthy() => Ok(other),
            _ => Ok(default),
        }
    }),
];

fn filter(call: &mut Call<'_, '_>) -> Result<Value> {
    let (source, test) = (call.take(0), call.need_lambda(1)?);
    let items = iter(&source)?;
    lazy_value(&[&source], move |rt| {
        while let Some(item) = items.next(rt)? {
            if test.call(rt, std::slice::from_ref(&item))?.truthy() {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn map(call: &mut Call<'_, '_>) -> Result<Value> {
    let (source, by) = (call.take(0), call.need_lambda(1)?);
    let items = iter(&source)?;
    lazy_value(&[&source], move |rt| match items.next(rt)? {
        Some(item) => by.call(rt, &[item]).map(Some),
        None => Ok(None),
    })
}

fn take(call: &mut Call<'_, '_>) -> Result<Value> {
    let message = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    let mut left = u64::try_from(call.int(1)).map_err(|_| Error::value(message))?;
    let source = call.take(0);
    let items = iter(&source)?;
    lazy_value(&[&source], move |rt| {
        if left == 0 {
            return Ok(None);
        }
        left -= 1;
        items.next(rt)
    })
}

fn or_default(default: Value) -> Result<Value> {
    if matches!(default, Value::NoValue) { Err(Error::stop()) } else { Ok(default) }
}

/// Python's `reduce`.
fn reduce(
    rt: &Runtime<'_>,
    items: &Value,
    seed: Value,
    step: impl Fn(Value, Value) -> Result<Value>,
) -> Result<Value> {
    let items = iter(items)?;
    let mut total = match seed {
        Value::NoValue => match items.next(rt)? {
            Some(first) => first,
            None => return Err(Error::kind("reduce() of empty iterable with no initial value")),
        },
        seed => seed,
    };
    while let Some(item) = items.next(rt)? {
        total = step(total, item)?;
    }
    Ok(total)
}

fn fold(call: &mut Call<'_, '_>, step: fn(&Runtime<'_>, Value, Value) -> Result<Value>) -> Result<Value> {
    let seed = call.take(1);
    reduce(call.rt, &call.args[0], seed, |a, b| step(call.rt, a, b))
}

fn aggregate(call: &mut Call<'_, '_>) -> Result<Value> {
    let (by, seed) = (call.need_lambda(1)?, call.take(2));
    reduce(call.rt, &call.args[0], seed, |a, b| by.call(call.rt, &[a, b]))
}

fn range(start: i64, stop: i64, step: i64) -> Result<Value> {
    if step == 0 {
        return Err(Error::value("range() arg 3 must not be zero"));
    }
    let mut at = Some(start);
    lazy_value(&[], move |_| {
        let Some(now) = at.filter(|now| if step > 0 { *now < stop } else { *now > stop }) else {
            return Ok(None);
        };
        at = now.checked_add(step);
        Ok(Some(Value::Int(now)))
    })
}

fn order(call: &mut Call<'_, '_>, upwards: bool) -> Result<Value> {
    let (source, by) = (call.take(0), call.need_lambda(1)?);
    Ok(Value::Ordered(Rc::new(Ordered::new(source, by, upwards))))
}

fn then(call: &mut Call<'_, '_>, upwards: bool) -> Result<Value> {
    let by = call.need_lambda(1)?;
    let ordered = call.take(0);
    if let Value::Ordered(ordered) = &ordered {
        ordered.then(by, upwards);
    }
    Ok(ordered)
}

/// The place of the first or the last hit, or -1.
fn place(
    call: &Call<'_, '_>,
    is_last: bool,
    hit: impl Fn(&Runtime<'_>, &Value) -> Result<bool>,
) -> Result<Value> {
    let items = iter(&call.args[0])?;
    let (mut at, mut found) = (0, -1);
    while let Some(item) = items.next(call.rt)? {
        if hit(call.rt, &item)? {
            found = at;
            if !is_last {
                break;
            }
        }
        at += 1;
    }
    Ok(Value::Int(found))
}
