//! Sequences: their ends, parts, sums and defaults.

use super::{
    Filter, Table,
    generator::{generator, iterator},
    getter::{Getter, getter},
    text::int,
};
use crate::expr::jinja::{
    args::{Bound, Signature},
    error::{Class, Error, Result},
    filters::html,
    operators,
    render::{Item, Run},
    syntax::ast::Operator,
    value::{Key, Value},
};

const fn of_value(name: &'static str) -> Signature {
    Signature::new(name, 1, &["value"])
}

pub(super) const FILTERS: Table = &[
    ("first", Filter::new(Signature::new("sync_do_first", 1, &["seq"]), first)),
    ("last", Filter::new(Signature::new("do_last", 1, &["seq"]), last)),
    ("random", Filter::new(Signature::new("do_random", 1, &["seq"]), random)),
    ("length", Filter::new(Signature::by_position("len", 1, &["obj"]), length)),
    ("count", Filter::new(Signature::by_position("len", 1, &["obj"]), length)),
    (
        "list",
        Filter::new(of_value("sync_do_list"), |run, mut args| run.items(&args.take(0)).map(Value::list)),
    ),
    ("reverse", Filter::new(of_value("do_reverse"), reverse)),
    (
        "join",
        Filter::writing(Signature::new("sync_do_join", 1, &["value", "d", "attribute"]), join, join_into),
    ),
    ("sum", Filter::new(Signature::new("sync_do_sum", 1, &["iterable", "attribute", "start"]), sum)),
    (
        "default",
        Filter::new(Signature::new("do_default", 1, &["value", "default_value", "boolean"]), default),
    ),
    ("d", Filter::new(Signature::new("do_default", 1, &["value", "default_value", "boolean"]), default)),
    (
        "slice",
        Filter::new(Signature::new("sync_do_slice", 2, &["value", "slices", "fill_with"]), |_, args| {
            Ok(slice(args))
        }),
    ),
    (
        "batch",
        Filter::new(Signature::new("do_batch", 2, &["value", "linecount", "fill_with"]), |_, args| {
            Ok(batch(args))
        }),
    ),
    ("items", Filter::new(of_value("do_items"), |_, args| Ok(items(args)))),
    ("attr", Filter::new(Signature::new("do_attr", 2, &["obj", "name"]), attr)),
    (
        "unique",
        Filter::new(
            Signature::new("sync_do_unique", 1, &["value", "case_sensitive", "attribute"]),
            |_, args| Ok(unique(args)),
        ),
    ),
];

fn first(run: &mut Run, mut args: Bound) -> Result<Value> {
    let mut items = run.iterate(&args.take(0))?;
    Ok(items.next(run)?.unwrap_or_else(|| run.undefined("No first item, sequence was empty.")))
}

fn last(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let item = match &value {
        Value::List(list) => list.len().checked_sub(1).and_then(|at| list.get(at)),
        other => reversible(other, run)?.pop(),
    };
    Ok(item.unwrap_or_else(|| run.undefined("No last item, sequence was empty.")))
}

/// The items of what `reversed()` takes.
fn reversible(value: &Value, run: &mut Run) -> Result<Vec<Value>> {
    let fits = match value {
        Value::Object(object) => object.type_name().starts_with("dict_"),
        Value::Undefined(undefined) if undefined.is_strict() => return Err(undefined.error()),
        Value::Undefined(_) => return Ok(Vec::new()),
        other => run.iterate_if_possible(other)?.is_some(),
    };
    if !fits {
        return Err(Error::of_type(format!("'{}' object is not reversible", value.type_name())));
    }
    run.items(value)
}

/// Any item: the first one, as nothing in a template is left to chance.
///
/// The reference draws one at random. A rendering that gives the same answer twice is worth more here,
/// and no template can tell the difference from one draw.
fn random(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    if run.len(&value)? == 0 {
        return Ok(run.undefined("No random item, sequence was empty."));
    }
    run.item(&value, &Value::Int(0))
}

fn length(run: &mut Run, mut args: Bound) -> Result<Value> {
    run.len(&args.take(0)).map(Value::count)
}

fn reverse(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    if let Some(text) = value.as_str() {
        run.budget.make_text(text.len())?;
        let reversed: String = text.chars().rev().collect();
        return Ok(if matches!(value, Value::Markup(_)) {
            Value::Markup(reversed.into())
        } else {
            Value::str(reversed)
        });
    }
    match reversible(&value, run) {
        Ok(mut items) => {
            items.reverse();
            let class = match &value {
                Value::List(_) => "list_reverseiterator",
                Value::Dict(_) => "dict_reversekeyiterator",
                Value::Range(_) => "range_iterator",
                Value::Object(object) => match object.type_name() {
                    "dict_keys" => "dict_reversekeyiterator",
                    "dict_values" => "dict_reversevalueiterator",
                    _ => "dict_reverseitemiterator",
                },
                _ => "reversed",
            };
            Ok(iterator(class, items))
        }
        Err(error) if error.class() == Class::TypeError => match run.items(&value) {
            Ok(mut items) => {
                items.reverse();
                Ok(Value::list(items))
            }
            Err(error) if error.class() == Class::TypeError => {
                Err(Error::new(Class::FilterArgumentError, "argument must be iterable"))
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn join(run: &mut Run, mut args: Bound) -> Result<Value> {
    if !run.escaping {
        return run.with_text(|run, out| {
            join_into(run, args, out)?;
            Ok(Value::str(&**out))
        });
    }
    let (value, separator, getter) = (args.take(0), separator(&mut args), attribute(&mut args, 2)?);
    let mut parts = Vec::new();
    run.each(&value, |run, item| {
        found(getter.as_ref(), item, run, |_, part| {
            parts.push(part.into_value());
            Ok(())
        })
    })?;
    let is_html = |value: &Value| matches!(value, Value::Markup(_));
    let escapes = run.escaping && (is_html(&separator) || parts.iter().any(is_html));
    let separator = if escapes { html::escape(&separator, run)? } else { run.text(&separator)? };
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            run.write(&separator, &mut out)?;
        }
        let text = if escapes { html::escape(part, run)? } else { run.text(part)? };
        run.write(&text, &mut out)?;
    }
    Ok(if escapes { Value::Markup(out.into()) } else { Value::str(out) })
}

/// `join` where nothing is escaped.
fn join_into(run: &mut Run, mut args: Bound, out: &mut String) -> Result<()> {
    let (value, separator, getter) = (args.take(0), separator(&mut args), attribute(&mut args, 2)?);
    let separator = run.text(&separator)?;
    let mut is_first = true;
    run.each(&value, |run, item| {
        found(getter.as_ref(), item, run, |run, part| {
            if !std::mem::take(&mut is_first) {
                run.write(&separator, out)?;
            }
            match &part {
                Item::Text(text) => run.write(text, out),
                Item::Seen(Value::Str(text)) => run.write(text, out),
                other => other.with(|value| {
                    let text = run.text(value)?;
                    run.write(&text, out)
                }),
            }
        })
    })
}

fn separator(args: &mut Bound) -> Value {
    args.optional(1).unwrap_or_else(|| Value::str(""))
}

/// The getter for an argument that names an attribute.
fn attribute(args: &mut Bound, at: usize) -> Result<Option<Getter>> {
    args.some(at).map(|attribute| getter(&attribute, None, false)).transpose()
}

/// Goes on with an item, or with what the getter finds in it.
#[inline]
fn found(
    getter: Option<&Getter>,
    item: Item<'_>,
    run: &mut Run,
    then: impl FnOnce(&mut Run, Item<'_>) -> Result<()>,
) -> Result<()> {
    match getter {
        Some(getter) => getter.find(&item, run, then),
        None => then(run, item),
    }
}

fn sum(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, getter) = (args.take(0), attribute(&mut args, 1)?);
    let mut total = args.optional(2).unwrap_or(Value::Int(0));
    if let Value::Str(_) | Value::Markup(_) = &total {
        run.iterate(&value)?;
        return Err(Error::of_type("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    run.each(&value, |run, item| {
        found(getter.as_ref(), item, run, |run, item| {
            if let (Value::Int(so_far), Item::Seen(Value::Int(more))) = (&total, &item)
                && let Some(sum) = so_far.checked_add(*more)
            {
                total = Value::Int(sum);
                return run.budget.pay(1);
            }
            total = item.with(|item| operators::arithmetic(run, Operator::Add, &total, item))?;
            Ok(())
        })
    })?;
    Ok(total)
}

fn default(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let instead = args.optional(1).unwrap_or_else(|| Value::str(""));
    if value.is_undefined() {
        return Ok(instead);
    }
    let boolean = args.optional(2).map_or(Ok(false), |flag| run.is_true(&flag))?;
    Ok(if boolean && !run.is_true(&value)? { instead } else { value })
}

fn slice(mut args: Bound) -> Value {
    let (value, slices, fill) = (args.take(0), args.take(1), args.some(2));
    let mut parts: Option<std::vec::IntoIter<Value>> = None;
    generator(
        "sync_do_slice",
        value,
        Box::new(move |source, run| {
            if parts.is_none() {
                let items = run.items(source.value())?;
                parts = Some(sliced(&items, &slices, fill.as_ref(), run)?.into_iter());
            }
            Ok(parts.as_mut().and_then(Iterator::next))
        }),
    )
}

fn sliced(items: &[Value], slices: &Value, fill: Option<&Value>, run: &mut Run) -> Result<Vec<Value>> {
    let count = Value::count(items.len());
    operators::arithmetic(run, Operator::FloorDiv, &count, slices)?;
    let slices = int(Some(slices.clone()), 0)?.max(0) as usize;
    run.budget.make_items(slices)?;
    let (each, extra) = (items.len().checked_div(slices), items.len().checked_rem(slices));
    let (each, extra) = (each.unwrap_or(0), extra.unwrap_or(0));
    let mut begin = 0;
    Ok((0..slices)
        .map(|at| {
            let end = begin + each + usize::from(at < extra);
            let mut part = items[begin..end].to_vec();
            begin = end;
            if at >= extra {
                part.extend(fill.cloned());
            }
            Value::list(part)
        })
        .collect())
}

fn batch(mut args: Bound) -> Value {
    let (value, size, fill) = (args.take(0), args.take(1), args.some(2));
    let mut begun: Vec<Value> = Vec::new();
    let mut is_done = false;
    generator(
        "do_batch",
        value,
        Box::new(move |source, run| {
            if is_done {
                return Ok(None);
            }
            let full = |count: usize, run: &mut Run| run.eq(&Value::count(count), &size);
            while let Some(item) = source.next(run)? {
                let is_full = full(begun.len(), run)?;
                if is_full {
                    let batch = std::mem::replace(&mut begun, vec![item]);
                    return Ok(Some(Value::list(batch)));
                }
                begun.push(item);
            }
            is_done = true;
            if begun.is_empty() {
                return Ok(None);
            }
            let mut batch = std::mem::take(&mut begun);
            if let Some(fill) = &fill {
                let missing = int(Some(size.clone()), 0)?.max(0) as usize;
                let missing = missing.saturating_sub(batch.len());
                run.budget.make_items(missing)?;
                batch.extend(std::iter::repeat_n(fill.clone(), missing));
            }
            Ok(Some(Value::list(batch)))
        }),
    )
}

fn items(mut args: Bound) -> Value {
    let mut entries: Option<std::vec::IntoIter<(Value, Value)>> = None;
    generator(
        "do_items",
        args.take(0),
        Box::new(move |source, run| {
            if entries.is_none() {
                let all = match source.value() {
                    Value::Undefined(_) => Vec::new(),
                    Value::Dict(dict) => dict.entries(),
                    _ => return Err(Error::of_type("Can only get item pairs from a mapping.")),
                };
                run.budget.make_items(all.len())?;
                entries = Some(all.into_iter());
            }
            let next = entries.as_mut().and_then(Iterator::next);
            Ok(next.map(|(key, value)| Value::tuple(vec![key, value])))
        }),
    )
}

/// An attribute, never an item.
fn attr(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (object, name) = (args.take(0), args.take(1));
    let Some(name) = name.as_str() else {
        return Err(Error::of_type("attribute name must be string"));
    };
    if let Value::Undefined(undefined) = &object {
        return Err(undefined.error());
    }
    Ok(match run.own_attribute(&object, name)? {
        Some(value) => value,
        None => run.no_attribute(&object, name),
    })
}

#[expect(clippy::mutable_key_type, reason = "a key holds no list and no dictionary, or it is no key")]
fn unique(mut args: Bound) -> Value {
    let (value, case_sensitive, attribute) = (args.take(0), args.optional(1), args.take(2));
    let mut seen = std::collections::HashSet::new();
    let mut find: Option<Getter> = None;
    generator(
        "sync_do_unique",
        value,
        Box::new(move |source, run| {
            if find.is_none() {
                let keeps_case = case_sensitive.as_ref().map_or(Ok(false), |flag| run.is_true(flag))?;
                find = Some(getter(&attribute, None, !keeps_case)?);
            }
            while let (Some(item), Some(find)) = (source.next(run)?, &find) {
                let key = Key::new(find.get(&item, run)?)?;
                if seen.insert(key) {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        }),
    )
}
