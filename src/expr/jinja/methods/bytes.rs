//! The few methods of bytes that are of use in a template.

use super::str_arg;
use crate::expr::jinja::{
    args::{Args, Signature},
    error::{Class, Error, Result},
    value::Value,
};

/// Calls a method of bytes.
pub(super) fn call(bytes: &[u8], name: &str, args: Args) -> Result<Value> {
    match name {
        "decode" => {
            let mut args = Signature::new("decode", 0, &["encoding", "errors"]).bind(args)?;
            let encoding = args.optional(0).unwrap_or_else(|| Value::str("utf-8"));
            let errors = args.optional(1).unwrap_or_else(|| Value::str("strict"));
            decode(bytes, str_arg(&encoding, "decode")?, str_arg(&errors, "decode")?)
        }
        "hex" => Ok(Value::str(hex::encode(bytes))),
        _ => {
            let part = Signature::by_position("find", 1, &["sub"]).bind(args)?.take(0);
            let Value::Bytes(part) = part else {
                let kind = part.type_name();
                return Err(Error::of_type(format!("a bytes-like object is required, not '{kind}'")));
            };
            Ok(match name {
                "startswith" => Value::Bool(bytes.starts_with(&part)),
                "endswith" => Value::Bool(bytes.ends_with(&part)),
                "count" => Value::count(places(bytes, &part).len()),
                _ => places(bytes, &part).first().map_or(Value::Int(-1), |at| Value::count(*at)),
            })
        }
    }
}

/// Where the part is, without overlaps.
fn places(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + part.len() <= bytes.len() {
        if bytes[at..].starts_with(part) {
            found.push(at);
            at += part.len().max(1);
        } else {
            at += 1;
        }
    }
    found
}

fn decode(bytes: &[u8], encoding: &str, errors: &str) -> Result<Value> {
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => {}
        "latin-1" | "latin1" | "iso-8859-1" => {
            return Ok(Value::str(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()));
        }
        "ascii" | "us-ascii" if bytes.is_ascii() => {}
        _ => return Err(Error::new(Class::LookupError, format!("unknown encoding: {encoding}"))),
    }
    match (std::str::from_utf8(bytes), errors) {
        (Ok(text), _) => Ok(Value::str(text)),
        (Err(_), "replace") => Ok(Value::str(&*String::from_utf8_lossy(bytes))),
        (Err(_), "ignore") => Ok(Value::str(String::from_utf8_lossy(bytes).replace('\u{fffd}', ""))),
        (Err(error), _) => {
            let at = error.valid_up_to();
            let byte = bytes.get(at).copied().unwrap_or(0);
            Err(Error::new(
                Class::UnicodeDecodeError,
                format!("'utf-8' codec can't decode byte {byte:#04x} in position {at}: invalid start byte"),
            ))
        }
    }
}
