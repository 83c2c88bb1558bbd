//! Grouping, zipping and cutting sequences into pieces.

use std::{cell::RefCell, rc::Rc};

use indexmap::IndexMap;

use crate::expr::yaql::{
    error::{Error, Result},
    lambda::Lambda,
    lazy::{self, Iter, collect, iter, lazy_value},
    overload::{Call, Row},
    runtime::Runtime,
    value::{Key, Value},
};

pub(super) const ROWS: &[Row] = &[
    ("M", "groupBy", "collection:It keySelector:L valueSelector:L=null aggregator:L=null", group_by),
    ("M", "zip", "*It", |call| zip(call, None)),
    ("M", "zipLongest", "*It **A", |call| {
        let fill = call.named.iter().find(|(name, _)| **name == *"default");
        let fill = fill.map_or(Value::Null, |(_, value)| value.clone());
        zip(call, Some(fill))
    }),
    ("M", "slice", "collection:It length:I", |call| {
        let length = call.int(1);
        let size = usize::try_from(length).map_err(|_| {
            Error::value("Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
        })?;
        let source = call.take(0);
        let items = iter(&source)?;
        lazy_value(&[&source], move |rt| {
            let mut part = Vec::new();
            while part.len() < size {
                let Some(item) = items.next(rt)? else { break };
                part.push(item);
            }
            if part.is_empty() { Ok(None) } else { Value::tuple(part).map(Some) }
        })
    }),
    ("M", "splitWhere", "collection:It predicate:L", |call| {
        let test = call.need_lambda(1)?;
        let items = collect(call.rt, &call.args[0])?;
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut is_open = false;
        for item in items {
            is_open = !test.call(call.rt, std::slice::from_ref(&item))?.truthy();
            if is_open {
                part.push(item);
            } else {
                parts.push(Value::tuple(std::mem::take(&mut part))?);
            }
        }
        if is_open {
            parts.push(Value::tuple(part)?);
        }
        iter(&Value::tuple(parts)?).map(Value::Iter)
    }),
    ("M", "sliceWhere", "collection:It predicate:L", |call| {
        let test = call.need_lambda(1)?;
        let mut parts = Vec::new();
        let mut part: Vec<Value> = Vec::new();
        let mut before: Option<Value> = None;
        for item in collect(call.rt, &call.args[0])? {
            let now = test.call(call.rt, std::slice::from_ref(&item))?;
            if before.as_ref().is_some_and(|before| !before.equals(&now)) {
                parts.push(Value::tuple(std::mem::take(&mut part))?);
            }
            part.push(item);
            before = Some(now);
        }
        if !part.is_empty() {
            parts.push(Value::tuple(part)?);
        }
        iter(&Value::tuple(parts)?).map(Value::Iter)
    }),
    ("M", "splitAt", "collection:It index:I", |call| {
        let mut left = collect(call.rt, &call.args[0])?;
        let size = left.len() as i64;
        let at = call.int(1);
        let at = if at < 0 { at.saturating_add(size).max(0) } else { at.min(size) };
        let right = left.split_off(usize::try_from(at).unwrap_or(0));
        Value::list(vec![Value::tuple(left)?, Value::tuple(right)?])
    }),
];

fn zip(call: &mut Call<'_, '_>, fill: Option<Value>) -> Result<Value> {
    let sources = std::mem::take(&mut call.rest);
    let iters: Vec<Iter> = sources.iter().map(lazy::iter).collect::<Result<_>>()?;
    lazy_value(&sources.iter().collect::<Vec<_>>(), move |rt| {
        let mut row = Vec::with_capacity(iters.len());
        let mut ended = 0;
        for iter in &iters {
            match (iter.next(rt)?, &fill) {
                (Some(item), _) => row.push(item),
                (None, None) => return Ok(None),
                (None, Some(fill)) => {
                    ended += 1;
                    row.push(fill.clone());
                }
            }
        }
        if ended == iters.len() { Ok(None) } else { Value::tuple(row).map(Some) }
    })
}

fn group_by(call: &mut Call<'_, '_>) -> Result<Value> {
    let (by, value_of) = (call.need_lambda(1)?, call.lambda(2));
    let mut groups: IndexMap<Key, Vec<Value>> = IndexMap::new();
    let items = iter(&call.args[0])?;
    while let Some(item) = items.next(call.rt)? {
        let of = std::slice::from_ref(&item);
        let value = match &value_of {
            Some(by) => by.call(call.rt, of)?,
            None => item.clone(),
        };
        let key = by.call(call.rt, of)?;
        call.rt.pay(key.weight())?;
        groups.entry(Key::new(key)?).or_default().push(value);
    }
    let aggregator = call.lambda(3).map(|lambda| Aggregator { lambda, state: RefCell::default() });
    let mut groups = groups.into_iter();
    lazy_value(&[], move |rt| {
        let Some((key, values)) = groups.next() else { return Ok(None) };
        let values = Value::list(values)?;
        match &aggregator {
            None => Value::tuple(vec![key.get().clone(), values]).map(Some),
            Some(aggregator) => aggregator.group(rt, key.get(), &values).map(Some),
        }
    })
}

/// What is made of each group: of its values, or, as old expressions want it, of key and values.
struct Aggregator {
    lambda: Rc<Lambda>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Why the new way failed; from then on only the old way is tried.
    failure: Option<Error>,
    /// The new way has shown that it is meant.
    is_settled: bool,
}

impl Aggregator {
    fn group(&self, rt: &Runtime<'_>, key: &Value, values: &Value) -> Result<Value> {
        let failed = self.state.borrow().failure.clone();
        let failure = match failed {
            Some(failure) => failure,
            None => match self.lambda.call(rt, std::slice::from_ref(values)) {
                Ok(result) => {
                    let items = values.items().unwrap_or_default();
                    let looks_old = items.len() == 2
                        && result.items().is_some_and(|made| made.len() == 2 && made[0].equals(&items[0]));
                    if !looks_old {
                        self.state.borrow_mut().is_settled = true;
                    }
                    return Value::tuple(vec![key.clone(), result]);
                }
                Err(error) => {
                    let known = ["NoMatchingMethodException", "NoMatchingFunctionException", "IndexError"];
                    if !known.contains(&error.class) {
                        return Err(error);
                    }
                    self.state.borrow_mut().failure = Some(error.clone());
                    error
                }
            },
        };
        if !self.state.borrow().is_settled {
            let pair = Value::tuple(vec![key.clone(), values.clone()])?;
            match self.lambda.call(rt, &[pair]) {
                Ok(result) if result.items().is_some_and(|made| made.len() == 2) => return Ok(result),
                Err(error) if error.class == "YaqlLimitException" => return Err(error),
                _ => {}
            }
        }
        Err(failure)
    }
}
