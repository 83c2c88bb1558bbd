//! Dictionaries.

use std::rc::Rc;

use indexmap::IndexMap;

use crate::expr::yaql::{
    error::{Error, Result},
    eval::missing,
    lambda::Lambda,
    lazy,
    overload::{Call, Row},
    runtime::Runtime,
    value::{Dict, Key, Value},
};

pub(super) const ROWS: &[Row] = &[
    ("F!", "dict", "*Rule", |call| {
        let rules = std::mem::take(&mut call.rest);
        with_rules(call.rt, IndexMap::new(), rules)
    }),
    ("F!", "#map", "*Rule", |call| {
        let rules = std::mem::take(&mut call.rest);
        with_rules(call.rt, IndexMap::new(), rules)
    }),
    ("F!", "dict", "items:It", |call| {
        let mut items = IndexMap::new();
        let iter = lazy::iter(&call.args[0])?;
        while let Some(pair) = iter.next(call.rt)? {
            let pair = lazy::iter(&pair)?;
            let key = pair.next(call.rt)?.ok_or_else(Error::stop)?;
            let value = pair.next(call.rt)?.ok_or_else(Error::stop)?;
            put(call.rt, &mut items, key, value)?;
        }
        Value::dict(items)
    }),
    ("M", "toDict", "collection:It keySelector:L valueSelector:L=null", |call| {
        let mut items = IndexMap::new();
        let (key, value) = (call.need_lambda(1)?, call.lambda(2));
        let iter = lazy::iter(&call.args[0])?;
        while let Some(item) = iter.next(call.rt)? {
            let of = std::slice::from_ref(&item);
            let name = key.call(call.rt, of)?;
            let value = match &value {
                Some(value) => value.call(call.rt, of)?,
                None => item,
            };
            put(call.rt, &mut items, name, value)?;
        }
        Value::dict(items)
    }),
    ("F", "#indexer", "dict:D key", |call| {
        let key = call.take(1);
        let found = dict(call, 0).items.get(&Key::new(key.clone())?).cloned();
        found.ok_or_else(|| missing(&key))
    }),
    ("F", "#indexer", "dict:D key default", get),
    ("M", "get", "dict:D key default=null", get),
    ("M!", "set", "dict:D key value", |call| {
        let (key, value) = (call.take(1), call.take(2));
        let mut items = copied(call)?;
        put(call.rt, &mut items, key, value)?;
        Value::dict(items)
    }),
    ("M!", "set", "dict:D replacements:D", |call| {
        let mut items = copied(call)?;
        call.rt.pay(call.args[1].weight())?;
        items.extend(dict(call, 1).items.iter().map(|(key, value)| (key.clone(), value.clone())));
        Value::dict(items)
    }),
    ("M!", "set", "dict:D *Rule", |call| {
        let items = copied(call)?;
        let rules = std::mem::take(&mut call.rest);
        with_rules(call.rt, items, rules)
    }),
    ("M", "keys", "dict:D", |call| {
        call.rt.pay(call.args[0].weight())?;
        Value::tuple(dict(call, 0).items.keys().map(|key| key.get().clone()).collect())
    }),
    ("M", "values", "dict:D", |call| {
        call.rt.pay(call.args[0].weight())?;
        Value::tuple(dict(call, 0).items.values().cloned().collect())
    }),
    ("M", "items", "dict:D", |call| {
        call.rt.pay(call.args[0].weight())?;
        let dict = dict(call, 0);
        let pairs =
            dict.items.iter().map(|(key, value)| Value::tuple(vec![key.get().clone(), value.clone()]));
        Value::tuple(pairs.collect::<Result<_>>()?)
    }),
    ("M", "containsKey", "dict:D key", |call| {
        let key = Key::new(call.take(1))?;
        Ok(Value::Bool(dict(call, 0).items.contains_key(&key)))
    }),
    ("M", "containsValue", "dict:D value", |call| {
        call.rt.pay(call.args[0].weight())?;
        let wanted = &call.args[1];
        Ok(Value::Bool(dict(call, 0).items.values().any(|value| value.equals(wanted))))
    }),
    ("F", "isDict", "arg", |call| Ok(Value::Bool(matches!(call.args[0], Value::Dict(_))))),
    ("FM", "len", "dict:D", |call| Ok(Value::Int(dict(call, 0).items.len() as i64))),
    ("M", "delete", "dict:D *A", |call| {
        let keys = std::mem::take(&mut call.rest);
        delete(call, keys)
    }),
    ("M", "deleteAll", "dict:D keys:It", |call| {
        let keys = lazy::collect(call.rt, &call.args[1])?;
        delete(call, keys)
    }),
    ("M", "mergeWith", "dict:D another:D listMerger:L=null itemMerger:L=null maxLevels:I=0", |call| {
        let merge = Merge { rt: call.rt, list: call.lambda(2), item: call.lambda(3) };
        merge.dicts(&dict(call, 0), &dict(call, 1), call.int(4))
    }),
];

fn dict(call: &Call<'_, '_>, index: usize) -> Rc<Dict> {
    match &call.args[index] {
        Value::Dict(dict) => Rc::clone(dict),
        _ => unreachable!("the parameter takes only dictionaries"),
    }
}

fn copied(call: &Call<'_, '_>) -> Result<IndexMap<Key, Value>> {
    call.rt.pay(call.args[0].weight())?;
    Ok(dict(call, 0).items.clone())
}

fn get(call: &mut Call<'_, '_>) -> Result<Value> {
    let key = Key::new(call.take(1))?;
    let default = call.take(2);
    Ok(dict(call, 0).items.get(&key).cloned().unwrap_or(default))
}

fn put(rt: &Runtime<'_>, items: &mut IndexMap<Key, Value>, key: Value, value: Value) -> Result<()> {
    rt.pay(key.weight())?;
    items.insert(Key::new(key)?, value);
    Ok(())
}

fn with_rules(rt: &Runtime<'_>, mut items: IndexMap<Key, Value>, rules: Vec<Value>) -> Result<Value> {
    for rule in rules {
        if let Value::Rule(rule) = rule {
            put(rt, &mut items, rule.0.clone(), rule.1.clone())?;
        }
    }
    Value::dict(items)
}

fn delete(call: &Call<'_, '_>, keys: Vec<Value>) -> Result<Value> {
    let mut items = copied(call)?;
    for key in keys {
        items.shift_remove(&Key::new(key)?);
    }
    Value::dict(items)
}

/// How two dictionaries become one.
struct Merge<'a, 'h> {
    rt: &'a Runtime<'h>,
    list: Option<Rc<Lambda>>,
    item: Option<Rc<Lambda>>,
}

impl Merge<'_, '_> {
    fn dicts(&self, left: &Dict, right: &Dict, levels: i64) -> Result<Value> {
        self.rt.pay((left.items.len() + right.items.len()) as u64)?;
        let mut items = IndexMap::new();
        for (key, a) in &left.items {
            let merged = match right.items.get(key) {
                None => a.clone(),
                Some(b) => self.values(a, b, levels)?,
            };
            items.insert(key.clone(), merged);
        }
        for (key, value) in &right.items {
            if !items.contains_key(key) {
                items.insert(key.clone(), value.clone());
            }
        }
        Value::dict(items)
    }

    fn values(&self, a: &Value, b: &Value, levels: i64) -> Result<Value> {
        let mismatch = || {
            let class = |value: &Value| match value {
                Value::Dict(_) => "yaql.language.utils.FrozenDict",
                other => other.type_name(),
            };
            Error::kind(format!("Cannot merge <class '{}'> with <class '{}'>", class(a), class(b)))
        };
        if levels != 1 {
            if let Value::Dict(right) = b {
                let Value::Dict(left) = a else { return Err(mismatch()) };
                return self.dicts(left, right, if levels == 0 { 0 } else { levels - 1 });
            }
            if let Some(right) = b.items() {
                let left = a.items().ok_or_else(mismatch)?;
                if let Some(merge) = &self.list {
                    return merge.call(self.rt, &[a.clone(), b.clone()]);
                }
                let mut seen = indexmap::IndexSet::new();
                for item in left.iter().chain(right) {
                    self.rt.pay(item.weight())?;
                    seen.insert(Key::new(item.clone())?);
                }
                return Value::tuple(seen.iter().map(|key| key.get().clone()).collect());
            }
        }
        match &self.item {
            Some(merge) => merge.call(self.rt, &[a.clone(), b.clone()]),
            None => Ok(b.clone()),
        }
    }
}
