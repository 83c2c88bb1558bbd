//! HTML: escaping, marking as safe, and taking tags away.

use std::sync::Arc;

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::Signature,
        error::{Error, Result},
        render::Run,
        value::Value,
    },
    pytext::{is_space, repr_str},
};

const fn of_value(name: &'static str) -> Signature {
    Signature::new(name, 1, &["value"])
}

pub(super) const FILTERS: Table = &[
    ("e", Filter::new(of_value("escape"), |run, mut args| escape(&args.take(0), run).map(Value::Markup))),
    (
        "escape",
        Filter::new(of_value("escape"), |run, mut args| escape(&args.take(0), run).map(Value::Markup)),
    ),
    (
        "forceescape",
        Filter::new(of_value("do_forceescape"), |run, mut args| {
            let text = run.text(&args.take(0))?;
            Ok(Value::Markup(escape_text(&text).into()))
        }),
    ),
    (
        "safe",
        Filter::new(of_value("do_mark_safe"), |run, mut args| run.text(&args.take(0)).map(Value::Markup)),
    ),
    (
        "striptags",
        Filter::new(of_value("do_striptags"), |run, mut args| {
            let text = run.text(&args.take(0))?;
            Ok(Value::str(strip_tags(&text)))
        }),
    ),
    (
        "xmlattr",
        Filter::new(Signature::new("do_xmlattr", 1, &["d", "autospace"]), |run, mut args| {
            let (entries, space) = (args.take(0), args.optional(1));
            let space = space.map_or(Ok(true), |space| run.is_true(&space))?;
            attributes(&entries, space, run)
        }),
    ),
];

/// The value as HTML: what is HTML already stays as it is.
pub(in super::super) fn escape(value: &Value, run: &mut Run) -> Result<Arc<str>> {
    if let Value::Markup(text) = value {
        return Ok(text.clone());
    }
    let text = run.text(value)?;
    let escaped = escape_text(&text);
    run.budget.make_text(escaped.len())?;
    Ok(escaped.into())
}

/// The text with the five characters HTML gives a meaning written otherwise.
pub(in super::super) fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

/// The text without comments and tags, blanks made one, entities resolved.
pub(in super::super) fn strip_tags(text: &str) -> String {
    let text = without(text, "<!--", "-->");
    let text = without(&text, "<", ">");
    unescape(&text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The text without its parts from `begin` to `end`; a part that does not end stays.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(begin) {
        let Some(length) = rest[start..].find(end) else { break };
        out.push_str(&rest[..start]);
        rest = &rest[start + length + end.len()..];
    }
    out + rest
}

/// The text with its entities resolved: those by number, and the names in common use.
pub(in super::super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((resolved, length)) = entity(rest) {
            out.push_str(&resolved);
            rest = &rest[length..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// What the entity at the start of the text stands for, and its length.
fn entity(text: &str) -> Option<(String, usize)> {
    let body = &text[1..];
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, before) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        if length == 0 {
            return None;
        }
        let code = u32::from_str_radix(&digits[..length], radix).unwrap_or(u32::MAX);
        let end = usize::from(digits[length..].starts_with(';'));
        let c = match code {
            0 => '\u{fffd}',
            code => char::from_u32(code).unwrap_or('\u{fffd}'),
        };
        return Some((c.to_string(), before + length + end));
    }
    let length = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
    let (name, is_closed) = (&body[..length], body[length..].starts_with(';'));
    let (_, c, may_be_open) = ENTITIES.iter().find(|(known, ..)| *known == name)?;
    (is_closed || *may_be_open).then(|| (c.to_string(), 1 + length + usize::from(is_closed)))
}

/// Name, character, and whether the name counts without its semicolon.
const ENTITIES: &[(&str, char, bool)] = &[
    ("amp", '&', true),
    ("lt", '<', true),
    ("gt", '>', true),
    ("quot", '"', true),
    ("apos", '\'', false),
    ("nbsp", '\u{a0}', true),
    ("copy", '©', true),
    ("reg", '®', true),
    ("trade", '™', false),
    ("hellip", '…', false),
    ("mdash", '—', false),
    ("ndash", '–', false),
    ("lsquo", '‘', false),
    ("rsquo", '’', false),
    ("ldquo", '“', false),
    ("rdquo", '”', false),
    ("laquo", '«', true),
    ("raquo", '»', true),
    ("bull", '•', false),
    ("middot", '·', true),
    ("euro", '€', false),
    ("pound", '£', true),
    ("yen", '¥', true),
    ("cent", '¢', true),
    ("sect", '§', true),
    ("para", '¶', true),
    ("deg", '°', true),
    ("plusmn", '±', true),
    ("times", '×', true),
    ("divide", '÷', true),
    ("frac12", '½', true),
    ("larr", '←', false),
    ("rarr", '→', false),
    ("uarr", '↑', false),
    ("darr", '↓', false),
];

/// The entries as attributes of a tag; what is `None` or undefined is left out.
fn attributes(entries: &Value, space: bool, run: &mut Run) -> Result<Value> {
    let Value::Dict(dict) = entries else {
        if let Value::Undefined(undefined) = entries {
            return Err(undefined.error());
        }
        return Err(crate::expr::jinja::methods::no_method(entries, "items"));
    };
    let mut parts = Vec::new();
    for (key, value) in dict.entries() {
        if matches!(&value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let Some(name) = key.as_str() else {
            return Err(Error::of_type("expected string or bytes-like object"));
        };
        if name.contains([' ', '\t', '\n', '\r', '\u{b}', '\u{c}', '/', '>', '=']) {
            return Err(Error::of_value(format!("Invalid character in attribute name: {}", repr_str(name))));
        }
        let (name, value) = (escape(&key, run)?, escape(&value, run)?);
        parts.push(format!("{name}=\"{value}\""));
    }
    let before = if space && !parts.is_empty() { " " } else { "" };
    Ok(run.written(format!("{before}{}", parts.join(" "))))
}
