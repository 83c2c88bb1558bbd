//! Methods of dictionaries.

use super::{no_args, views};
use crate::expr::jinja::{
    args::{Args, Signature},
    error::{Class, Error, Result},
    globals,
    render::Run,
    value::{self, Dict, Key, Map, Value},
};

/// Calls a method of a dictionary.
pub(super) fn call(dict: &Dict, name: &str, args: Args, run: &mut Run) -> Result<Value> {
    let receiver = Value::Dict(dict.clone());
    match name {
        "get" => {
            let mut args = Signature::by_position("get", 1, &["key", "default"]).bind(args)?;
            let key = Key::new(args.take(0))?;
            Ok(dict.read(|map| map.get(&key).cloned()).unwrap_or_else(|| args.take(1)))
        }
        "items" | "keys" | "values" => {
            no_args(&format!("dict.{name}"), &args)?;
            Ok(views::view(dict.clone(), name))
        }
        "setdefault" => {
            let mut args = Signature::by_position("setdefault", 1, &["key", "default"]).bind(args)?;
            let (key, default) = (Key::new(args.take(0))?, args.take(1));
            run.check_holding(&receiver, &default)?;
            Ok(dict.change(|map| map.entry(key).or_insert(default).clone()))
        }
        "update" => {
            let more = globals::entries("update", args, run)?;
            for value in more.values() {
                run.check_holding(&receiver, value)?;
            }
            dict.change(|map| map.extend(more));
            Ok(Value::None)
        }
        "pop" => {
            let mut args = Signature::by_position("pop", 1, &["key", "default"]).bind(args)?;
            let key = args.take(0);
            let popped = dict.change(|map| Ok(map.shift_remove(&Key::new(key.clone())?)))?;
            match popped.or_else(|| args.optional(1)) {
                Some(value) => Ok(value),
                None => Err(value::missing_key(&key, &mut run.budget)),
            }
        }
        "popitem" => {
            no_args("dict.popitem", &args)?;
            match dict.change(Map::pop) {
                Some((key, value)) => Ok(Value::tuple(vec![key.into_value(), value])),
                None => Err(Error::new(Class::KeyError, "'popitem(): dictionary is empty'")),
            }
        }
        "clear" => {
            no_args("dict.clear", &args)?;
            drop(dict.change(std::mem::take));
            Ok(Value::None)
        }
        "copy" => {
            no_args("dict.copy", &args)?;
            run.budget.make_items(dict.len())?;
            Ok(Value::dict(dict.read(Map::clone)))
        }
        _ => {
            let mut args = Signature::by_position("fromkeys", 1, &["iterable", "value"]).bind(args)?;
            let (keys, value) = (args.take(0), args.take(1));
            let keys = run.items(&keys)?;
            let entries = keys.into_iter().map(|key| Ok((Key::new(key)?, value.clone())));
            Ok(Value::dict(entries.collect::<Result<Map>>()?))
        }
    }
}
