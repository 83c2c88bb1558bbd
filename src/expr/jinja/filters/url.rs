//! Text for URLs.

use std::fmt::Write;

use super::{Filter, Table};
use crate::expr::jinja::{
    args::{Bound, Signature},
    error::{Error, Result},
    render::Run,
    value::Value,
};

pub(super) const FILTERS: Table =
    &[("urlencode", Filter::new(Signature::new("do_urlencode", 1, &["value"]), urlencode))];

/// A text as part of a path, pairs as a query.
fn urlencode(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    if let Value::Bytes(bytes) = &value {
        return Ok(Value::str(quote(bytes, false)));
    }
    if value.as_str().is_some() || run.iterate_if_possible(&value)?.is_none() {
        let text = run.text(&value)?;
        return Ok(Value::str(quote(text.as_bytes(), false)));
    }
    let pairs = match &value {
        Value::Dict(dict) => dict.entries(),
        other => {
            let mut pairs = Vec::new();
            for item in run.items(other)? {
                let pair = run.unpack(&item, 2)?;
                pairs.push((pair[0].clone(), pair[1].clone()));
            }
            pairs
        }
    };
    let mut parts = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let (key, value) = (quoted(&key, run)?, quoted(&value, run)?);
        parts.push(format!("{key}={value}"));
    }
    let out = parts.join("&");
    run.budget.make_text(out.len())?;
    Ok(Value::str(out))
}

fn quoted(value: &Value, run: &mut Run) -> Result<String> {
    if let Value::Bytes(bytes) = value {
        return Ok(quote(bytes, true));
    }
    let text = run.text(value)?;
    if text.len() > crate::expr::jinja::MAX_OUTPUT / 3 {
        return Err(Error::limit("the text is too long to be quoted"));
    }
    Ok(quote(text.as_bytes(), true))
}

/// Every byte but letters, digits and `_.-~` as `%XX`; in a query blanks are `+`, in a path `/` stays.
fn quote(bytes: &[u8], in_query: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b'/' if !in_query => out.push('/'),
            b' ' if in_query => out.push('+'),
            byte => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}
