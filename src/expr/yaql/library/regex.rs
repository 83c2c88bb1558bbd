//! Patterns in Python's syntax.

use std::rc::Rc;

use crate::expr::yaql::{
    error::{Error, Result},
    lambda::Lambda,
    lazy,
    overload::{Call, Row},
    regex::{Pattern, record},
    value::Value,
};
use crate::pytext::search::Found;

pub(super) const ROWS: &[Row] = &[
    ("F", "regex", "pattern:S ignoreCase:B?=false multiLine:B?=false dotAll:B?=false", |call| {
        let flag = |index: usize| call.args[index].truthy();
        Ok(Value::Regex(Rc::new(Pattern::new(call.rt, &call.text(0), flag(1), flag(2), flag(3))?)))
    }),
    ("M", "matches", "regexp:R string:S", |call| {
        Ok(Value::Bool(pattern(call, 0)?.is_match(call.rt, &call.text(1))?))
    }),
    ("M", "matches", "string:S regexp:S", |call| {
        let pattern = Pattern::new(call.rt, &call.text(1), false, false, false)?;
        Ok(Value::Bool(pattern.is_match(call.rt, &call.text(0))?))
    }),
    ("M", "search", "regexp:R string:S selector:L=null", |call| {
        let text = call.text(1);
        match pattern(call, 0)?.find(call.rt, &text)? {
            Some(found) => selected(call, call.lambda(2).as_ref(), &text, &found),
            None => Ok(Value::Null),
        }
    }),
    ("M", "searchAll", "regexp:R string:S selector:L=null", |call| {
        let text = call.text(1);
        let selector = call.lambda(2);
        let found = pattern(call, 0)?.find_all(call.rt, &text, 0)?;
        let all = found
            .iter()
            .map(|found| selected(call, selector.as_ref(), &text, found))
            .collect::<Result<_>>()?;
        lazy::iter(&Value::tuple(all)?).map(Value::Iter)
    }),
    ("M", "split", "regexp:R string:S maxSplit:I=0", |call| split(call, 0, 1)),
    ("M", "split", "string:S regexp:R maxSplit:I=0", |call| split(call, 1, 0)),
    ("M", "replace", "regexp:R string:S repl:S count:I=0", |call| replace(call, 0, 1)),
    ("M", "replace", "string:S regexp:R repl:S count:I=0", |call| replace(call, 1, 0)),
    ("M", "replaceBy", "regexp:R string:S repl:L count:I=0", |call| replace_by(call, 0, 1)),
    ("M", "replaceBy", "string:S regexp:R repl:L count:I=0", |call| replace_by(call, 1, 0)),
    ("F", "escapeRegex", "string:S", |call| {
        let mut out = String::new();
        for c in call.text(0).chars() {
            if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::text(out))
    }),
    ("F", "isRegex", "value", |call| Ok(Value::Bool(matches!(call.args[0], Value::Regex(_))))),
];

fn pattern(call: &Call<'_, '_>, index: usize) -> Result<Rc<Pattern>> {
    if let Value::Regex(pattern) = &call.args[index] {
        Ok(Rc::clone(pattern))
    } else {
        Err(Error::kind("a regex was expected"))
    }
}

/// The matched text, or what the selector makes of the match.
fn selected(
    call: &Call<'_, '_>,
    selector: Option<&Rc<Lambda>>,
    text: &str,
    found: &Found<'_>,
) -> Result<Value> {
    let Some(selector) = selector else {
        return Ok(Value::text(found.get(0).unwrap_or("")));
    };
    let context = call.context.child()?;
    call.rt.pay(text.len() as u64 / 8)?;
    for group in 0..found.groups() {
        context.set_positional(group + 1, record(text, found, group)?)?;
    }
    selector.call_in(call.rt, &context)
}

fn most(call: &Call<'_, '_>, index: usize) -> Option<usize> {
    usize::try_from(call.int(index)).ok()
}

fn split(call: &Call<'_, '_>, regex: usize, string: usize) -> Result<Value> {
    let text = call.text(string);
    let Some(most) = most(call, 2) else { return Value::list(vec![Value::text(&text)]) };
    let mut parts = Vec::new();
    let mut from = 0;
    for found in pattern(call, regex)?.find_all(call.rt, &text, most)? {
        parts.push(Value::text(&text[from..found.start()]));
        for group in 1..found.groups() {
            parts.push(found.get(group).map_or(Value::Null, Value::text));
        }
        from = found.end();
    }
    parts.push(Value::text(&text[from..]));
    Value::list(parts)
}

/// The text with every match exchanged.
fn exchange(
    call: &Call<'_, '_>,
    regex: usize,
    string: usize,
    make: impl Fn(&str, &Found<'_>) -> Result<String>,
) -> Result<Value> {
    let text = call.text(string);
    let Some(most) = most(call, 3) else { return Ok(Value::text(&text)) };
    let mut out = String::new();
    let mut from = 0;
    for found in pattern(call, regex)?.find_all(call.rt, &text, most)? {
        out.push_str(&text[from..found.start()]);
        out.push_str(&make(&text, &found)?);
        call.rt.pay_text(out.len())?;
        from = found.end();
    }
    out.push_str(&text[from..]);
    Ok(Value::text(out))
}

fn replace(call: &Call<'_, '_>, regex: usize, string: usize) -> Result<Value> {
    let template = call.text(2);
    let pattern = pattern(call, regex)?;
    exchange(call, regex, string, |_, found| expand(&template, &pattern, found))
}

fn replace_by(call: &Call<'_, '_>, regex: usize, string: usize) -> Result<Value> {
    let selector = call.lambda(2);
    exchange(call, regex, string, |text, found| match selected(call, selector.as_ref(), text, found)? {
        Value::Str(text) => Ok(text.to_string()),
        other => Err(Error::kind(format!("expected str instance, {} found", other.type_name()))),
    })
}

/// A replacement with `\1`, `\g<name>` and escapes put in.
fn expand(template: &str, pattern: &Pattern, found: &Found<'_>) -> Result<String> {
    let bad = |message: String| Error::new("error", message);
    let group = |name: &str| -> Result<String> {
        let hit = match name.parse::<usize>() {
            Ok(number) if number < found.groups() => found.get(number),
            Ok(number) => return Err(bad(format!("invalid group reference {number} at position 1"))),
            Err(_) => pattern.group(name).and_then(|group| found.get(group)),
        };
        Ok(hit.unwrap_or("").to_owned())
    };
    let chars: Vec<char> = template.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(&code) = chars.get(at) else { return Err(bad("bad escape (end of pattern)".to_owned())) };
        at += 1;
        match code {
            'g' => {
                let end = chars[at..].iter().position(|c| *c == '>').map(|end| at + end);
                let Some(end) = end.filter(|_| chars.get(at) == Some(&'<')) else {
                    return Err(bad("missing group name".to_owned()));
                };
                out.push_str(&group(&chars[at + 1..end].iter().collect::<String>())?);
                at = end + 1;
            }
            '1'..='9' => {
                let mut name = code.to_string();
                if let Some(next) = chars.get(at).filter(|next| next.is_ascii_digit()) {
                    name.push(*next);
                    at += 1;
                }
                out.push_str(&group(&name)?);
            }
            '0' => out.push('\0'),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\\' => out.push('\\'),
            other if other.is_ascii_alphabetic() => {
                return Err(bad(format!("bad escape \\{other} at position {}", at - 2)));
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Ok(out)
}
