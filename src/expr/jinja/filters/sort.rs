//! Order: sorting, grouping, the smallest and the largest.

use std::{
    cmp::Ordering,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use super::{
    Filter, Table,
    getter::{Getter, getter},
};
use crate::expr::jinja::{
    args::{Bound, Signature},
    error::{Class, Error, Result},
    render::Run,
    value::{self, Tuple, Value},
};

pub(super) const FILTERS: Table = &[
    (
        "sort",
        Filter::new(Signature::new("do_sort", 1, &["value", "reverse", "case_sensitive", "attribute"]), sort),
    ),
    (
        "dictsort",
        Filter::new(
            Signature::new("do_dictsort", 1, &["value", "case_sensitive", "by", "reverse"]),
            dictsort,
        ),
    ),
    (
        "groupby",
        Filter::new(
            Signature::new("sync_do_groupby", 2, &["value", "attribute", "default", "case_sensitive"]),
            groupby,
        ),
    ),
    (
        "min",
        Filter::new(Signature::new("do_min", 1, &["value", "case_sensitive", "attribute"]), |run, args| {
            extreme(run, args, "<", Ordering::is_lt)
        }),
    ),
    (
        "max",
        Filter::new(Signature::new("do_max", 1, &["value", "case_sensitive", "attribute"]), |run, args| {
            extreme(run, args, ">", Ordering::is_gt)
        }),
    ),
];

/// The items in the order of their keys; equal ones keep their places.
///
/// Written out because comparing may fail, and because answers that contradict each other (NaN) must
/// not matter.
pub(in super::super) fn sort_values(
    items: Vec<Value>,
    keys: Vec<Value>,
    reverse: bool,
    run: &mut Run,
) -> Result<Vec<Value>> {
    if let Some(plain) = Plain::of(&keys, Some) {
        let order = plain.order(reverse, run)?;
        return Ok(order.into_iter().map(|at| items[at].clone()).collect());
    }
    let mut pairs: Vec<(Value, Value)> = keys.into_iter().zip(items).collect();
    run.budget.pay_items(pairs.len())?;
    if reverse {
        pairs.reverse();
    }
    let mut sorted = merge_sort(pairs, run)?;
    if reverse {
        sorted.reverse();
    }
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

/// Keys of one kind that are all in one order: no comparison of them can fail.
enum Plain<'a> {
    Texts(Vec<&'a str>),
    Ints(Vec<i64>),
}

impl<'a> Plain<'a> {
    fn of(items: &'a [Value], key: impl Fn(&'a Value) -> Option<&'a Value>) -> Option<Self> {
        let int = |key: &Value| if let Value::Int(int) = key { Some(*int) } else { None };
        // Text that is HTML stays what it is where a key is shown.
        let text = |key: &'a Value| if let Value::Str(text) = key { Some(&**text) } else { None };
        match key(items.first()?)? {
            Value::Int(_) => plain_keys(items, |item| int(key(item)?)).map(Self::Ints),
            _ => plain_keys(items, |item| text(key(item)?)).map(Self::Texts),
        }
    }

    /// The places of the keys in their order; equal ones keep theirs, also in reverse.
    fn order(self, reverse: bool, run: &mut Run) -> Result<Vec<usize>> {
        let count = match &self {
            Self::Texts(keys) => keys.len(),
            Self::Ints(keys) => keys.len(),
        };
        // What the comparisons may cost, at most.
        let rounds = usize::BITS - count.leading_zeros();
        run.budget.pay_items(count * rounds as usize)?;
        Ok(match self {
            Self::Texts(keys) => ordered(&keys, reverse),
            Self::Ints(keys) => ordered(&keys, reverse),
        })
    }
}

fn plain_keys<'a, K>(items: &'a [Value], key: impl Fn(&'a Value) -> Option<K>) -> Option<Vec<K>> {
    let mut keys = Vec::with_capacity(items.len());
    for item in items {
        keys.push(key(item)?);
    }
    Some(keys)
}

fn ordered<K: Ord + Copy>(keys: &[K], reverse: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..keys.len()).collect();
    if reverse {
        places.sort_by(|a, b| keys[*b].cmp(&keys[*a]));
    } else {
        places.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
    }
    places
}

fn merge_sort(pairs: Vec<(Value, Value)>, run: &mut Run) -> Result<Vec<(Value, Value)>> {
    let mut runs: Vec<Vec<(Value, Value)>> = pairs.into_iter().map(|pair| vec![pair]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pending = runs.into_iter();
        while let Some(left) = pending.next() {
            merged.push(match pending.next() {
                Some(right) => merge(left, right, run)?,
                None => left,
            });
        }
        runs = merged;
    }
    Ok(runs.pop().unwrap_or_default())
}

fn merge(
    left: Vec<(Value, Value)>,
    right: Vec<(Value, Value)>,
    run: &mut Run,
) -> Result<Vec<(Value, Value)>> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
        let right_first = value::order(b, a, "<", &mut run.budget)?.is_some_and(Ordering::is_lt);
        merged.extend(if right_first { right.next() } else { left.next() });
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

fn flag(run: &mut Run, value: Option<Value>) -> Result<bool> {
    value.map_or(Ok(false), |flag| run.is_true(&flag))
}

fn sort(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let (reverse, keeps_case) = (args.optional(1), args.optional(2));
    let (reverse, keeps_case) = (flag(run, reverse)?, flag(run, keeps_case)?);
    // Several attributes stand in one text with commas; their values are compared as a list.
    let attributes = match args.take(3) {
        Value::Str(names) => names.split(',').map(Value::str).collect(),
        other => vec![other],
    };
    let getters = attributes
        .iter()
        .map(|attribute| getter(attribute, None, !keeps_case))
        .collect::<Result<Vec<Getter>>>()?;
    if let [only] = &getters[..]
        && let Value::List(list) = &value
        && let Some(items) = list.unchanged()
        && let Some(plain) = Plain::of(items, |item| only.peek(item))
    {
        run.budget.make_items(items.len())?;
        let order = plain.order(reverse, run)?;
        return Ok(Value::list(order.into_iter().map(|at| items[at].clone()).collect()));
    }
    let items = run.items(&value)?;
    let mut keys = Vec::with_capacity(items.len());
    if let [only] = &getters[..] {
        for item in &items {
            keys.push(only.get(item, run)?);
        }
        if Plain::of(&keys, Some).is_none() {
            keys = keys.into_iter().map(|key| Value::tuple(vec![key])).collect();
        }
    } else {
        for item in &items {
            let parts = getters.iter().map(|getter| getter.get(item, run)).collect::<Result<Vec<_>>>()?;
            keys.push(Value::tuple(parts));
        }
    }
    sort_values(items, keys, reverse, run).map(Value::list)
}

fn dictsort(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let keeps_case = args.optional(1);
    let keeps_case = flag(run, keeps_case)?;
    let by = args.optional(2).unwrap_or_else(|| Value::str("key"));
    let reverse = args.optional(3);
    let reverse = flag(run, reverse)?;
    let by_value = match by.as_str() {
        Some("key") => false,
        Some("value") => true,
        _ => {
            return Err(Error::new(
                Class::FilterArgumentError,
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    let entries = match &value {
        Value::Dict(dict) => dict.entries(),
        Value::Undefined(undefined) => return Err(undefined.error()),
        other => return Err(crate::expr::jinja::methods::no_method(other, "items")),
    };
    run.budget.make_items(entries.len())?;
    let case = getter(&Value::None, None, !keeps_case)?;
    let mut keys = Vec::with_capacity(entries.len());
    let mut pairs = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        keys.push(case.get(if by_value { &value } else { &key }, run)?);
        pairs.push(Value::tuple(vec![key, value]));
    }
    sort_values(pairs, keys, reverse, run).map(Value::list)
}

fn groupby(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, attribute, default) = (args.take(0), args.take(1), args.some(2));
    let keeps_case = args.optional(3);
    let keeps_case = flag(run, keeps_case)?;
    let by = getter(&attribute, default.clone(), !keeps_case)?;
    let shown = getter(&attribute, default, false)?;
    let groups = if let Value::List(list) = &value
        && let Some(items) = list.unchanged()
        && let Some(plain) = Plain::of(items, |item| by.peek(item))
    {
        run.budget.pay_items(items.len() * 2)?;
        match plain {
            Plain::Texts(keys) => grouped(keys, items, Value::str),
            Plain::Ints(keys) => grouped(keys, items, Value::Int),
        }
    } else {
        let items = run.items(&value)?;
        let keys = items.iter().map(|item| by.get(item, run)).collect::<Result<Vec<_>>>()?;
        let sorted = sort_values(items, keys, false, run)?;
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for item in sorted {
            let key = by.get(&item, run)?;
            match groups.last_mut() {
                Some((last, members)) if run.eq(last, &key)? => members.push(item),
                _ => groups.push((key, vec![item])),
            }
        }
        groups
    };
    let mut named = Vec::with_capacity(groups.len());
    for (key, members) in groups {
        // The group is shown by the key of its first member, in the case that has.
        let key = match members.first() {
            Some(first) if !keeps_case => shown.get(first, run)?,
            _ => key,
        };
        named.push(Value::Tuple(Tuple::named(vec![key, Value::list(members)], &["grouper", "list"])));
    }
    Ok(Value::list(named))
}

/// A key that is compared without running anything.
trait PlainKey: Copy + Ord + Hash {
    fn is_same(self, other: Self) -> bool;
}

impl PlainKey for i64 {
    fn is_same(self, other: Self) -> bool {
        self == other
    }
}

impl PlainKey for &str {
    fn is_same(self, other: Self) -> bool {
        value::is_same_text(self, other)
    }
}

/// Groups by plain keys: found first, and only then sorted.
fn grouped<K: PlainKey>(
    keys: Vec<K>,
    items: &[Value],
    value: impl Fn(K) -> Value,
) -> Vec<(Value, Vec<Value>)> {
    let (places, mut groups) = told_apart(&keys);
    let mut members: Vec<Vec<Value>> = groups.iter().map(|(_, count)| Vec::with_capacity(*count)).collect();
    for (item, place) in items.iter().zip(places) {
        members[place].push(item.clone());
    }
    let mut members: Vec<_> = groups.drain(..).map(|(key, _)| key).zip(members).collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    members.into_iter().map(|(key, members)| (value(key), members)).collect()
}

/// The group of each key, and the groups: their keys, which differ, and how many there are of each.
fn told_apart<K: PlainKey>(keys: &[K]) -> (Vec<usize>, Vec<(K, usize)>) {
    /// So many are told apart by looking at them, which takes less than hashing.
    const FEW: usize = 8;
    let mut groups: Vec<(K, usize)> = Vec::new();
    let mut all: HashMap<K, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut places = Vec::with_capacity(keys.len());
    for key in keys {
        let place = if groups.len() <= FEW {
            groups.iter().position(|(known, _)| known.is_same(*key))
        } else {
            if all.is_empty() {
                all.extend(groups.iter().enumerate().map(|(place, (key, _))| (*key, place)));
            }
            match all.entry(*key) {
                Entry::Occupied(known) => Some(*known.get()),
                Entry::Vacant(new) => {
                    new.insert(groups.len());
                    None
                }
            }
        };
        let place = place.unwrap_or_else(|| {
            groups.push((*key, 0));
            groups.len() - 1
        });
        groups[place].1 += 1;
        places.push(place);
    }
    (places, groups)
}

fn extreme(run: &mut Run, mut args: Bound, operator: &str, wins: fn(Ordering) -> bool) -> Result<Value> {
    let value = args.take(0);
    let keeps_case = args.optional(1);
    let keeps_case = flag(run, keeps_case)?;
    let attribute = args.take(2);
    let mut items = run.iterate(&value)?;
    let Some(mut best) = items.next(run)? else {
        return Ok(run.undefined("No aggregated item, sequence was empty."));
    };
    let by = getter(&attribute, None, !keeps_case)?;
    let mut best_key = by.get(&best, run)?;
    while let Some(item) = items.next(run)? {
        let key = by.get(&item, run)?;
        if value::order(&key, &best_key, operator, &mut run.budget)?.is_some_and(wins) {
            (best, best_key) = (item, key);
        }
    }
    Ok(best)
}
