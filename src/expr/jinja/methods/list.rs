//! Methods of lists, and the two that tuples and ranges have.

use super::{bounds, int_arg, no_args};
use crate::expr::jinja::{
    args::{Args, Signature},
    error::{Class, Error, Result},
    filters::sort_values,
    render::{Run, index_in},
    value::{self, List, Value},
};

/// Calls a method of a list.
pub(super) fn call(list: &List, name: &str, args: Args, run: &mut Run) -> Result<Value> {
    let receiver = Value::List(list.clone());
    match name {
        "append" => {
            let item = Signature::by_position("list.append", 1, &["object"]).bind(args)?.take(0);
            run.check_holding(&receiver, &item)?;
            list.change(|items| items.push(item));
        }
        "extend" => {
            let more = Signature::by_position("list.extend", 1, &["iterable"]).bind(args)?.take(0);
            let more = run.items(&more)?;
            for item in &more {
                run.check_holding(&receiver, item)?;
            }
            list.change(|items| items.extend(more));
        }
        "insert" => {
            let mut args = Signature::by_position("insert", 2, &["index", "object"]).bind(args)?;
            let (index, item) = (int_arg(&args.take(0))?, args.take(1));
            run.check_holding(&receiver, &item)?;
            run.budget.pay_items(list.len() / 64)?;
            list.change(|items| {
                let length = items.len() as i64;
                let at = if index < 0 { index.saturating_add(length).max(0) } else { index.min(length) };
                items.insert(at as usize, item);
            });
        }
        "pop" => {
            let index = Signature::by_position("pop", 0, &["index"]).bind(args)?.optional(0);
            let index = index.map_or(Ok(-1), |index| int_arg(&index))?;
            return pop(list, index, run);
        }
        "remove" => {
            let item = Signature::by_position("list.remove", 1, &["value"]).bind(args)?.take(0);
            let Some(at) = position(&list.items(), &item, 0, run)? else {
                return Err(Error::of_value("list.remove(x): x not in list"));
            };
            list.change(|items| items.remove(at));
        }
        "clear" => {
            no_args("list.clear", &args)?;
            drop(list.change(std::mem::take));
        }
        "reverse" => {
            no_args("list.reverse", &args)?;
            run.budget.pay_items(list.len())?;
            list.change(|items| items.reverse());
        }
        "sort" => {
            if !args.positional.is_empty() {
                return Err(Error::of_type("sort() takes no positional arguments"));
            }
            let mut args = Signature::new("sort", 0, &["key", "reverse"]).bind(args)?;
            let key = args.some(0);
            let reverse = args.optional(1).map_or(Ok(false), |flag| run.is_true(&flag))?;
            let items = run.items(&receiver)?;
            let keys = match key {
                Some(key) => items
                    .iter()
                    .map(|item| run.call(&key, Args::of(vec![item.clone()])))
                    .collect::<Result<Vec<_>>>()?,
                None => items.clone(),
            };
            let sorted = sort_values(items, keys, reverse, run)?;
            list.change(|items| *items = sorted);
        }
        "copy" => {
            no_args("list.copy", &args)?;
            return Ok(Value::list(run.items(&receiver)?));
        }
        _ => return call_fixed(&receiver, name, args, run),
    }
    Ok(Value::None)
}

fn pop(list: &List, index: i64, run: &mut Run) -> Result<Value> {
    let length = list.len();
    if length == 0 {
        return Err(Error::new(Class::IndexError, "pop from empty list"));
    }
    let Some(at) = index_in(index, length) else {
        return Err(Error::new(Class::IndexError, "pop index out of range"));
    };
    run.budget.pay_items((length - at) / 64)?;
    // A list shared with another rendering may have become shorter meanwhile.
    let popped = list.change(|items| (at < items.len()).then(|| items.remove(at)));
    popped.ok_or_else(|| Error::new(Class::IndexError, "pop index out of range"))
}

/// Calls a method that all sequences have.
pub(super) fn call_fixed(value: &Value, name: &str, args: Args, run: &mut Run) -> Result<Value> {
    let items = run.items(value)?;
    if name == "count" {
        let wanted = Signature::by_position("count", 1, &["value"]).bind(args)?.take(0);
        let mut count = 0;
        for item in &items {
            count += usize::from(value::identical(item, &wanted) || run.eq(item, &wanted)?);
        }
        return Ok(Value::count(count));
    }
    let mut args = Signature::by_position("index", 1, &["value", "start", "stop"]).bind(args)?;
    let wanted = args.take(0);
    let (start, end) = bounds(&mut args, 1, items.len())?;
    let inside = items.get(start..end).unwrap_or_default();
    if let Some(at) = position(inside, &wanted, start, run)? {
        return Ok(Value::count(at));
    }
    Err(Error::of_value(match value {
        Value::Tuple(_) => "tuple.index(x): x not in tuple".to_owned(),
        Value::Range(_) => format!("{} is not in range", value::repr(&wanted, &mut run.budget)?),
        _ => format!("{} is not in list", value::repr(&wanted, &mut run.budget)?),
    }))
}

fn position(items: &[Value], wanted: &Value, first: usize, run: &mut Run) -> Result<Option<usize>> {
    for (at, item) in items.iter().enumerate() {
        if value::identical(item, wanted) || run.eq(item, wanted)? {
            return Ok(Some(first + at));
        }
    }
    Ok(None)
}
