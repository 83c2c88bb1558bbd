//! Texts. Places in them are counted in characters.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::{
    expr::yaql::{
        error::{Error, Result},
        lazy,
        overload::{Call, Row},
        runtime::Runtime,
        text,
        value::Value,
    },
    pytext,
};

pub(super) const ROWS: &[Row] = &[
    ("F", "concat", "*S", |call| {
        let parts: Vec<String> = call.rest.iter().map(text::str).collect();
        call.rt.pay_text(parts.iter().map(String::len).sum())?;
        Ok(Value::text(parts.concat()))
    }),
    ("M", "toUpper", "string:S", |call| made(call, str::to_uppercase)),
    ("M", "toLower", "string:S", |call| made(call, str::to_lowercase)),
    ("FM", "len", "string:S", |call| Ok(Value::Int(call.text(0).chars().count() as i64))),
    ("M", "split", "string:S separator:S?=null maxSplits:I=-1", |call| split(call, false)),
    ("M", "rightSplit", "string:S separator:S?=null maxSplits:I=-1", |call| split(call, true)),
    ("M", "join", "sequence:It separator:S", |call| join(call.rt, &call.args[0], &call.text(1))),
    ("M", "join", "separator:S sequence:It", |call| join(call.rt, &call.args[1], &call.text(0))),
    ("F", "str", "value", |call| {
        call.rt.pay(call.args[0].weight())?;
        Ok(Value::text(shown(&call.args[0])))
    }),
    ("M", "trim", "string:S chars:S?=null", |call| {
        Ok(Value::text(trim(&call.text(0), call.some_text(1), true, true)))
    }),
    ("M", "trimLeft", "string:S chars:S?=null", |call| {
        Ok(Value::text(trim(&call.text(0), call.some_text(1), true, false)))
    }),
    ("M", "trimRight", "string:S chars:S?=null", |call| {
        Ok(Value::text(trim(&call.text(0), call.some_text(1), false, true)))
    }),
    ("FM", "norm", "string:S? chars:S?=null", |call| {
        let Some(whole) = call.some_text(0) else { return Ok(Value::Null) };
        let trimmed = trim(&whole, call.some_text(1), true, true);
        Ok(if trimmed.is_empty() { Value::Null } else { Value::text(trimmed) })
    }),
    ("FM", "isEmpty", "string:S? trim:B=true chars:S?=null", |call| {
        let Some(whole) = call.some_text(0) else { return Ok(Value::Bool(true)) };
        let is_trimmed = call.args[1].truthy();
        let left = if is_trimmed { trim(&whole, call.some_text(2), true, true) } else { whole.to_string() };
        Ok(Value::Bool(left.is_empty()))
    }),
    ("M", "replace", "string:S old:S new:S count:I=-1", |call| {
        let (old, new) = (call.text(1), call.text(2));
        replace(call.rt, &call.text(0), &old, &new, call.int(3)).map(Value::text)
    }),
    ("M", "replace", "string:S replacements:D count:I=-1", |call| {
        let mut whole = call.text(0).to_string();
        if let Value::Dict(dict) = &call.args[1] {
            for (old, new) in &dict.items {
                whole = replace(call.rt, &whole, &shown(old.get()), &shown(new), call.int(2))?;
            }
        }
        Ok(Value::text(whole))
    }),
    ("M", "substring", "string:S start:I length:I=-1", |call| {
        let chars: Vec<char> = call.text(0).chars().collect();
        let size = chars.len() as i64;
        let (mut start, mut length) = (call.int(1), call.int(2));
        if length < 0 {
            length = size;
        }
        if start < 0 {
            start = start.saturating_add(size);
        }
        let end = place(start.saturating_add(length), size);
        let start = place(start, size);
        Ok(Value::text(chars.get(start..end.max(start)).unwrap_or_default().iter().collect::<String>()))
    }),
    ("M", "indexOf", "string:S sub:S start:I=0", |call| find(call, i64::MAX, false)),
    ("M", "indexOf", "string:S sub:S start:I length:I", |call| find(call, call.int(3), false)),
    ("M", "lastIndexOf", "string:S sub:S start:I=0", |call| find(call, i64::MAX, true)),
    ("M", "lastIndexOf", "string:S sub:S start:I length:I", |call| find(call, call.int(3), true)),
    ("M", "toCharArray", "string:S", |call| {
        let whole = call.text(0);
        call.rt.pay(whole.len() as u64)?;
        Value::tuple(whole.chars().map(|c| Value::text(c.to_string())).collect())
    }),
    (
        "F",
        "characters",
        "digits:B?=false hexdigits:B?=false asciiLowercase:B?=false asciiUppercase:B?=false asciiLetters:B?=false \
         letters:B?=false octdigits:B?=false punctuation:B?=false printable:B?=false lowercase:B?=false \
         uppercase:B?=false whitespace:B?=false",
        characters,
    ),
    ("F", "isString", "arg", |call| Ok(Value::Bool(matches!(call.args[0], Value::Str(_))))),
    ("M", "startsWith", "string:S *S", |call| {
        let whole = call.text(0);
        Ok(Value::Bool(call.rest.iter().any(|part| whole.starts_with(&text::str(part)))))
    }),
    ("M", "endsWith", "string:S *S", |call| {
        let whole = call.text(0);
        Ok(Value::Bool(call.rest.iter().any(|part| whole.ends_with(&text::str(part)))))
    }),
    ("F", "hex", "num:N?", |call| match call.args[0].number().and_then(|number| number.to_big()) {
        Some(number) if number.sign() == num_bigint::Sign::Minus => {
            Ok(Value::text(format!("-{:#x}", -number)))
        }
        Some(number) => Ok(Value::text(format!("{number:#x}"))),
        None => {
            let name = call.args[0].type_name();
            Err(Error::kind(format!("'{name}' object cannot be interpreted as an integer")))
        }
    }),
];

/// What `str()` answers, in YAQL's words for null and booleans.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        other => text::str(other),
    }
}

fn made(call: &Call<'_, '_>, make: impl Fn(&str) -> String) -> Result<Value> {
    let whole = call.text(0);
    call.rt.pay_text(whole.len())?;
    Ok(Value::text(make(&whole)))
}

fn trim(whole: &str, chars: Option<Arc<str>>, left: bool, right: bool) -> String {
    let is_cut = |c: char| chars.as_ref().map_or_else(|| pytext::is_space(c), |chars| chars.contains(c));
    let whole = if left { whole.trim_start_matches(is_cut) } else { whole };
    let whole = if right { whole.trim_end_matches(is_cut) } else { whole };
    whole.to_owned()
}

fn split(call: &Call<'_, '_>, from_right: bool) -> Result<Value> {
    let whole = call.text(0);
    call.rt.pay(whole.len() as u64)?;
    let most = usize::try_from(call.int(2)).unwrap_or(usize::MAX);
    let mut parts: Vec<String> = Vec::new();
    match call.some_text(1) {
        Some(separator) if separator.is_empty() => return Err(Error::value("empty separator")),
        Some(separator) => {
            let most = most.saturating_add(1);
            if from_right {
                parts.extend(whole.rsplitn(most, &*separator).map(str::to_owned));
                parts.reverse();
            } else {
                parts.extend(whole.splitn(most, &*separator).map(str::to_owned));
            }
        }
        None => {
            let mut rest = whole.trim_matches(pytext::is_space);
            if parts.len() == most && !rest.is_empty() {
                // Python keeps the blanks at the far end where it may split no more.
                rest = if from_right {
                    whole.trim_end_matches(pytext::is_space)
                } else {
                    whole.trim_start_matches(pytext::is_space)
                };
            }
            while !rest.is_empty() && parts.len() < most {
                let cut = if from_right { rest.rfind(pytext::is_space) } else { rest.find(pytext::is_space) };
                let Some(at) = cut else { break };
                if from_right {
                    let space = rest[at..].chars().next().map_or(1, char::len_utf8);
                    parts.push(rest[at + space..].to_owned());
                    rest = rest[..at].trim_end_matches(pytext::is_space);
                } else {
                    parts.push(rest[..at].to_owned());
                    rest = rest[at..].trim_start_matches(pytext::is_space);
                }
            }
            if !rest.is_empty() {
                parts.push(rest.to_owned());
            }
            if from_right {
                parts.reverse();
            }
        }
    }
    Value::list(parts.into_iter().map(Value::text).collect())
}

fn join(rt: &Runtime<'_>, items: &Value, separator: &str) -> Result<Value> {
    let iter = lazy::iter(items)?;
    let mut out = String::new();
    let mut is_first = true;
    while let Some(item) = iter.next(rt)? {
        if !is_first {
            out.push_str(separator);
        }
        is_first = false;
        rt.pay(item.weight())?;
        out.push_str(&shown(&item));
        if out.len() > crate::expr::yaql::runtime::MAX_TEXT {
            rt.pay_text(out.len())?;
        }
    }
    rt.pay_text(out.len())?;
    Ok(Value::text(out))
}

fn replace(rt: &Runtime<'_>, whole: &str, old: &str, new: &str, count: i64) -> Result<String> {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    rt.pay_text(whole.len())?;
    let hits = if old.is_empty() { whole.chars().count() + 1 } else { whole.matches(old).count() };
    rt.pay_text(whole.len().saturating_add(hits.min(most).saturating_mul(new.len())))?;
    Ok(whole.replacen(old, new, most))
}

/// A place in Python's slices, within bounds.
fn place(index: i64, size: i64) -> usize {
    let index = if index < 0 { index.saturating_add(size).max(0) } else { index.min(size) };
    usize::try_from(index).unwrap_or(0)
}

fn find(call: &Call<'_, '_>, length: i64, from_right: bool) -> Result<Value> {
    let chars: Vec<char> = call.text(0).chars().collect();
    let wanted: Vec<char> = call.text(1).chars().collect();
    let size = chars.len() as i64;
    let mut start = call.int(2);
    let end = if length == i64::MAX {
        size
    } else {
        if start < 0 {
            start = start.saturating_add(size);
        }
        let length = if length < 0 { size.saturating_sub(start) } else { length };
        start.saturating_add(length)
    };
    if start > size {
        return Ok(Value::Int(-1));
    }
    let (start, end) = (place(start, size), place(end, size));
    call.rt.pay((chars.len() as u64).saturating_mul(1 + wanted.len() as u64 / 16))?;
    let Some(last) = end.checked_sub(wanted.len()).filter(|last| *last >= start) else {
        return Ok(Value::Int(-1));
    };
    let hit = |at: &usize| chars[*at..*at + wanted.len()] == wanted[..];
    let found = if from_right { (start..=last).rev().find(hit) } else { (start..=last).find(hit) };
    Ok(Value::Int(found.map_or(-1, |at| at as i64)))
}

fn characters(call: &mut Call<'_, '_>) -> Result<Value> {
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const MARKS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    const BLANKS: &str = " \t\n\r\u{b}\u{c}";
    let sets: [&[&str]; 12] = [
        &["0123456789"],
        &["0123456789", "abcdefABCDEF"],
        &[LOWER],
        &[UPPER],
        &[LOWER, UPPER],
        &[],
        &["01234567"],
        &[MARKS],
        &["0123456789", LOWER, UPPER, MARKS, BLANKS],
        &[LOWER],
        &[UPPER],
        &[BLANKS],
    ];
    let mut found: IndexSet<char> = IndexSet::new();
    for (index, set) in sets.iter().enumerate() {
        if call.args[index].truthy() {
            match index {
                // Python 3 has only the ASCII sets of these names.
                5 | 9 | 10 => {
                    let name = ["letters", "lowercase", "uppercase"][index.saturating_sub(8)];
                    return Err(Error::new(
                        "AttributeError",
                        format!("module 'string' has no attribute '{name}'"),
                    ));
                }
                _ => found.extend(set.iter().flat_map(|part| part.chars())),
            }
        }
    }
    Value::tuple(found.into_iter().map(|c| Value::text(c.to_string())).collect())
}
