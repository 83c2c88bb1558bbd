//! Methods of text.

use std::sync::Arc;

use super::{bounds, case, defined, int_arg, search, str_arg, unsupported, width_arg};
use crate::{
    expr::jinja::{
        args::{Args, Bound, Signature},
        error::{Class, Error, Result},
        filters::html,
        format,
        operators::repeat_text,
        render::Run,
        value::Value,
    },
    pytext::{self, is_space},
};

/// The parameters of a method; those whose names callers may use are so marked.
fn signature(name: &str) -> Signature {
    match name {
        "center" | "ljust" | "rjust" => Signature::by_position("center", 1, &["width", "fillchar"]),
        "zfill" => Signature::by_position("zfill", 1, &["width"]),
        "count" | "find" | "rfind" | "index" | "rindex" => {
            Signature::by_position("find", 1, &["sub", "start", "end"])
        }
        "startswith" | "endswith" => Signature::by_position("startswith", 1, &["prefix", "start", "end"]),
        "encode" => Signature::new("encode", 0, &["encoding", "errors"]),
        "expandtabs" => Signature::new("expandtabs", 0, &["tabsize"]),
        "join" | "partition" | "rpartition" | "removeprefix" | "removesuffix" | "translate" => {
            Signature::by_position("join", 1, &["iterable"])
        }
        "strip" | "lstrip" | "rstrip" => Signature::by_position("strip", 0, &["chars"]),
        "split" | "rsplit" => Signature::new("split", 0, &["sep", "maxsplit"]),
        "splitlines" => Signature::new("splitlines", 0, &["keepends"]),
        "replace" => Signature::by_position("replace", 2, &["old", "new", "count"]),
        _ => Signature::by_position("method", 0, &[]),
    }
}

/// Calls a method of a text; `value` is the text as it is, HTML or not.
pub(super) fn call(value: &Value, text: &Arc<str>, name: &str, args: Args, run: &mut Run) -> Result<Value> {
    match name {
        "format" => return format::format_fields(value, &args, None, run),
        "format_map" => {
            let mut args = args.unnamed("format_map")?;
            let Some(mapping) = args.pop().filter(|_| args.is_empty()) else {
                return Err(Error::of_type("format_map() takes exactly one argument"));
            };
            return format::format_fields(value, &Args::default(), Some(&mapping), run);
        }
        "maketrans" => return Err(unsupported("str", name)),
        _ => {}
    }
    let mut args = signature(name).bind(args)?;
    let result = text_method(text, name, &mut args, run, matches!(value, Value::Markup(_)))?;
    // HTML stays HTML through its own methods.
    Ok(if matches!(value, Value::Markup(_)) { marked(result) } else { result })
}

fn marked(value: Value) -> Value {
    match value {
        Value::Str(text) => Value::Markup(text),
        Value::List(list) => Value::list(list.items().into_iter().map(marked).collect()),
        Value::Tuple(tuple) => Value::tuple(tuple.items().iter().cloned().map(marked).collect()),
        other => other,
    }
}

fn text_method(text: &Arc<str>, name: &str, args: &mut Bound, run: &mut Run, is_html: bool) -> Result<Value> {
    Ok(match name {
        "upper" => Value::str(text.to_uppercase()),
        "lower" => Value::str(text.to_lowercase()),
        "casefold" => Value::str(case::fold(text)),
        "capitalize" => Value::str(case::capitalize(text)),
        "title" => Value::str(case::title(text)),
        "swapcase" => Value::str(case::swap(text)),
        "strip" | "lstrip" | "rstrip" => {
            let chars = args.some(0);
            if let Some(chars) = &chars {
                defined(chars)?;
            }
            let chars = chars.as_ref().map(|chars| str_arg(chars, name)).transpose()?;
            Value::str(strip(text, chars, name != "rstrip", name != "lstrip"))
        }
        "center" | "ljust" | "rjust" => justify(text, name, args, run)?,
        "zfill" => zero_fill(text, width_arg(args, 0)?, run)?,
        "expandtabs" => expand_tabs(text, args, run)?,
        "removeprefix" | "removesuffix" => {
            let part = args.take(0);
            let part = str_arg(&part, name)?;
            let rest = if name == "removeprefix" { text.strip_prefix(part) } else { text.strip_suffix(part) };
            Value::str(rest.unwrap_or(text))
        }
        "split" | "rsplit" => split(text, name == "rsplit", args, run)?,
        "splitlines" => {
            let keep = args.optional(0);
            let keep = keep.map_or(Ok(0), |keep| int_arg(&keep))? != 0;
            let lines = split_lines(text, keep);
            run.budget.make_items(lines.len())?;
            Value::list(lines.into_iter().map(Value::str).collect())
        }
        "partition" | "rpartition" => partition(text, name == "rpartition", &args.take(0))?,
        "join" => join(text, &args.take(0), run, is_html)?,
        "replace" => {
            let (old, new) = (args.take(0), args.take(1));
            defined(&old).and_then(|()| defined(&new))?;
            let count = args.optional(2).map_or(Ok(-1), |count| int_arg(&count))?;
            let new = if is_html { html::escape(&new, run)? } else { str_arg(&new, "replace")?.into() };
            Value::str(replace(text, str_arg(&old, "replace")?, &new, count, run)?)
        }
        "count" | "find" | "rfind" | "index" | "rindex" => search_method(text, name, args)?,
        "startswith" | "endswith" => Value::Bool(begins(text, name == "startswith", args)?),
        "encode" => encode(text, args)?,
        "translate" => translate(text, &args.take(0), run)?,
        "escape" => html::escape(&Value::Markup(text.clone()), run).map(Value::Markup)?,
        "striptags" => Value::str(html::strip_tags(text)),
        "unescape" => Value::str(html::unescape(text)),
        _ => Value::Bool(search::is_all(text, name)),
    })
}

/// The text without blanks, or the given characters, at its ends.
pub(in super::super) fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let is_stripped = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    let text = if left { text.trim_start_matches(is_stripped) } else { text };
    if right { text.trim_end_matches(is_stripped) } else { text }
}

fn justify(text: &str, name: &str, args: &mut Bound, run: &mut Run) -> Result<Value> {
    let width = width_arg(args, 0)?;
    let fill = args.optional(1).unwrap_or_else(|| Value::str(" "));
    let fill = str_arg(&fill, name)?;
    if fill.chars().count() != 1 {
        return Err(Error::of_type("The fill character must be exactly one character long"));
    }
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    let left = match name {
        "ljust" => 0,
        "rjust" => missing,
        _ => centered(missing, width),
    };
    let before = repeat_text(fill, left, &mut run.budget)?;
    let after = repeat_text(fill, missing - left, &mut run.budget)?;
    Ok(Value::str(format!("{before}{text}{after}")))
}

/// How much of the room goes before a centred text: the odd one, if the width is odd too.
pub(in super::super) fn centered(missing: usize, width: usize) -> usize {
    missing / 2 + (missing & width & 1)
}

fn zero_fill(text: &str, width: usize, run: &mut Run) -> Result<Value> {
    let zeros = repeat_text("0", width.saturating_sub(text.chars().count()), &mut run.budget)?;
    let (sign, digits) = if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", text) };
    Ok(Value::str(format!("{sign}{zeros}{digits}")))
}

fn expand_tabs(text: &str, args: &mut Bound, run: &mut Run) -> Result<Value> {
    let size = args.optional(0).map_or(Ok(8), |size| int_arg(&size))?.max(0) as usize;
    run.budget.make_text(text.len() + text.matches('\t').count().saturating_mul(size))?;
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        if c == '\t' {
            let blanks = if size > 0 { size - column % size } else { 0 };
            out.push_str(&" ".repeat(blanks));
            column += blanks;
        } else {
            out.push(c);
            column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
        }
    }
    Ok(Value::str(out))
}

fn split(text: &str, from_right: bool, args: &mut Bound, run: &mut Run) -> Result<Value> {
    let separator = args.some(0);
    let most = args.optional(1).map_or(Ok(-1), |most| int_arg(&most))?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts: Vec<&str> = match &separator {
        None => split_blanks(text, most, from_right),
        Some(separator) => {
            defined(separator)?;
            let Some(separator) = separator.as_str() else {
                return Err(Error::of_type(format!("must be str or None, not {}", separator.type_name())));
            };
            if separator.is_empty() {
                return Err(Error::of_value("empty separator"));
            }
            let most = most.saturating_add(1);
            if from_right {
                let mut parts: Vec<_> = text.rsplitn(most, separator).collect();
                parts.reverse();
                parts
            } else if let (Some(only), true) = (separator.chars().next(), separator.len() == 1) {
                // One byte is found, and counted beforehand, much faster than a text.
                let count = text.bytes().filter(|byte| char::from(*byte) == only).count();
                let mut parts = Vec::with_capacity(most.min(count + 1));
                parts.extend(text.splitn(most, only));
                parts
            } else {
                text.splitn(most, separator).collect()
            }
        }
    };
    run.budget.make_items(parts.len())?;
    Ok(Value::list(parts.into_iter().map(Value::str).collect()))
}

fn split_blanks(text: &str, most: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        rest = if from_right { rest.trim_end_matches(is_space) } else { rest.trim_start_matches(is_space) };
        if rest.is_empty() {
            break;
        }
        if parts.len() == most {
            // The last part keeps its blanks inside, and loses those at its far end.
            parts.push(if from_right { rest.trim_end_matches(is_space) } else { rest });
            break;
        }
        if from_right {
            let at =
                rest.char_indices().rev().find(|(_, c)| is_space(*c)).map_or(0, |(at, c)| at + c.len_utf8());
            parts.push(&rest[at..]);
            rest = &rest[..at];
        } else {
            let at = rest.find(is_space).unwrap_or(rest.len());
            parts.push(&rest[..at]);
            rest = &rest[at..];
        }
    }
    if from_right {
        parts.reverse();
    }
    parts
}

/// The lines of a text, by every line end Python knows.
pub(in super::super) fn split_lines(text: &str, keep_ends: bool) -> Vec<&str> {
    const ENDS: &[char] =
        &['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ENDS).unwrap_or(rest.len());
        let after = &rest[end..];
        let length =
            if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(0, char::len_utf8) };
        lines.push(&rest[..if keep_ends { end + length } else { end }]);
        rest = &after[length..];
    }
    lines
}

fn partition(text: &str, from_right: bool, separator: &Value) -> Result<Value> {
    let separator = str_arg(separator, "partition")?;
    if separator.is_empty() {
        return Err(Error::of_value("empty separator"));
    }
    let found = if from_right { text.rsplit_once(separator) } else { text.split_once(separator) };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::tuple(parts.into_iter().map(Value::str).collect()))
}

fn join(separator: &str, items: &Value, run: &mut Run, is_html: bool) -> Result<Value> {
    if !matches!(items, Value::Undefined(_)) && run.iterate_if_possible(items)?.is_none() {
        return Err(Error::of_type("can only join an iterable"));
    }
    let mut out = String::new();
    for (at, item) in run.items(items)?.iter().enumerate() {
        if at > 0 {
            run.write(separator, &mut out)?;
        }
        if is_html {
            let escaped = html::escape(item, run)?;
            run.write(&escaped, &mut out)?;
            continue;
        }
        let Some(text) = item.as_str() else {
            let kind = item.type_name();
            return Err(Error::of_type(format!("sequence item {at}: expected str instance, {kind} found")));
        };
        run.write(text, &mut out)?;
    }
    Ok(Value::str(out))
}

/// `text.replace(old, new, count)`; a negative count means all.
pub(in super::super) fn replace(
    text: &str,
    old: &str,
    new: &str,
    count: i64,
    run: &mut Run,
) -> Result<String> {
    run.budget.pay_text(text.len())?;
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let found = text.matches(old).take(most).count();
    run.budget.make_text(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, most))
}

fn search_method(text: &str, name: &str, args: &mut Bound) -> Result<Value> {
    let part = args.take(0);
    defined(&part)?;
    let Some(part) = part.as_str().map(ToOwned::to_owned) else {
        return Err(Error::of_type(format!("must be str, not {}", part.type_name())));
    };
    let length = text.chars().count();
    let (start, end) = bounds(args, 1, length)?;
    let Some(inside) = search::between(text, start, end) else {
        return match name {
            "count" => Ok(Value::Int(0)),
            "find" | "rfind" => Ok(Value::Int(-1)),
            _ => Err(Error::of_value("substring not found")),
        };
    };
    if name == "count" {
        let count = if part.is_empty() { inside.chars().count() + 1 } else { inside.matches(&*part).count() };
        return Ok(Value::count(count));
    }
    let found = if name.starts_with('r') { inside.rfind(&*part) } else { inside.find(&*part) };
    match found {
        Some(at) => Ok(Value::count(start + inside[..at].chars().count())),
        None if name.ends_with("find") => Ok(Value::Int(-1)),
        None => Err(Error::of_value("substring not found")),
    }
}

fn begins(text: &str, at_start: bool, args: &mut Bound) -> Result<bool> {
    let parts = args.take(0);
    defined(&parts)?;
    let (start, end) = bounds(args, 1, text.chars().count())?;
    let candidates = match &parts {
        Value::Tuple(tuple) => tuple.items().to_vec(),
        other => vec![other.clone()],
    };
    let name = if at_start { "startswith" } else { "endswith" };
    let inside = search::between(text, start, end);
    for candidate in &candidates {
        let Some(part) = candidate.as_str() else {
            let kind = candidate.type_name();
            return Err(Error::of_type(format!(
                "{name} first arg must be str or a tuple of str, not {kind}"
            )));
        };
        let Some(inside) = inside else { continue };
        if if at_start { inside.starts_with(part) } else { inside.ends_with(part) } {
            return Ok(true);
        }
    }
    Ok(false)
}

fn encode(text: &str, args: &mut Bound) -> Result<Value> {
    let encoding = args.optional(0).unwrap_or_else(|| Value::str("utf-8"));
    let encoding = str_arg(&encoding, "encode")?.to_lowercase().replace('_', "-");
    let errors = args.optional(1).unwrap_or_else(|| Value::str("strict"));
    let errors = str_arg(&errors, "encode")?;
    let (limit, codec) = match encoding.as_str() {
        "utf-8" | "utf8" | "u8" => return Ok(Value::Bytes(text.as_bytes().into())),
        "ascii" | "us-ascii" => (0x80, "ascii"),
        "latin-1" | "latin1" | "iso-8859-1" | "l1" => (0x100, "latin-1"),
        _ => {
            return Err(Error::new(Class::LookupError, format!("unknown encoding: {encoding}")));
        }
    };
    let mut bytes = Vec::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        let code = u32::from(c);
        if code < limit {
            bytes.push(code as u8);
            continue;
        }
        match errors {
            "ignore" => {}
            "replace" => bytes.push(b'?'),
            "xmlcharrefreplace" => bytes.extend(format!("&#{code};").bytes()),
            "backslashreplace" => bytes.extend(pytext_escape(code).bytes()),
            _ => {
                return Err(Error::new(
                    Class::UnicodeEncodeError,
                    format!(
                        "'{codec}' codec can't encode character '{}' in position {at}: ordinal not in range({limit})",
                        pytext_escape(code)
                    ),
                ));
            }
        }
    }
    Ok(Value::Bytes(bytes.into()))
}

fn pytext_escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

fn translate(text: &str, table: &Value, run: &mut Run) -> Result<Value> {
    let mut out = String::new();
    for c in text.chars() {
        let code = Value::Int(i64::from(u32::from(c)));
        if run.iterate_if_possible(table)?.is_none() {
            return Err(Error::of_type(format!("'{}' object is not subscriptable", table.type_name())));
        }
        let replacement = Some(run.item(table, &code)?).filter(|found| !found.is_undefined());
        match replacement {
            None => out.push(c),
            Some(Value::None) => {}
            Some(Value::Str(text)) => run.write(&text, &mut out)?,
            Some(other) => {
                let c = other.as_int().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
                out.push(
                    c.ok_or_else(|| Error::of_type("character mapping must return integer, None or str"))?,
                );
            }
        }
    }
    Ok(Value::str(out))
}

/// The digits a number may be written with, for `isdecimal` and its relatives.
pub(super) fn is_decimal(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && pytext::int(c.encode_utf8(&mut [0; 4])).is_ok())
}
