//! Values as Python writes them: `str()` and `repr()`.

use std::fmt::Write;

use super::value::{Key, Value};

/// Python's `str()`.
pub fn str(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::DateTime(date) => date.to_text(),
        Value::Span(span) => span.to_text(),
        other => repr(other),
    }
}

/// Python's `str()` of what an evaluation answers, where sets can be changed again.
pub fn shown(value: &Value) -> String {
    fn write(out: &mut String, value: &Value) {
        let items = |out: &mut String, open: &str, items: &mut dyn Iterator<Item = &Value>, close: &str| {
            out.push_str(open);
            for (index, item) in items.enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, item);
            }
            out.push_str(close);
        };
        match value {
            Value::List(list) => items(out, "[", &mut list.items.iter(), "]"),
            Value::Set(set) if set.items.is_empty() => out.push_str("set()"),
            Value::Set(set) => items(out, "{", &mut set.items.iter().map(Key::get), "}"),
            Value::Dict(dict) => {
                out.push('{');
                for (index, (key, value)) in dict.items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write(out, key.get());
                    out.push_str(": ");
                    write(out, value);
                }
                out.push('}');
            }
            other => write_repr(out, other),
        }
    }
    match value {
        Value::List(_) | Value::Set(_) | Value::Dict(_) => {
            let mut out = String::new();
            write(&mut out, value);
            out
        }
        other => str(other),
    }
}

/// Python's `repr()`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => _ = write!(out, "{value}"),
        Value::Big(value) => _ = write!(out, "{value}"),
        Value::Float(value) => out.push_str(&crate::pytext::float_repr(*value)),
        Value::Str(text) => out.push_str(&crate::pytext::repr_str(text)),
        Value::Tuple(list) => {
            let end = if list.items.len() == 1 { ",)" } else { ")" };
            write_items(out, "(", list.items.iter(), end);
        }
        Value::List(list) => write_items(out, "[", list.items.iter(), "]"),
        Value::Set(set) if set.items.is_empty() => out.push_str("frozenset()"),
        Value::Set(set) => write_items(out, "frozenset({", set.items.iter().map(Key::get), "})"),
        Value::Dict(dict) => {
            out.push('{');
            for (index, (key, value)) in dict.items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key.get());
                out.push_str(": ");
                write_repr(out, value);
            }
            out.push('}');
        }
        Value::DateTime(date) => out.push_str(&date.to_repr()),
        Value::Span(span) => out.push_str(&span.to_repr()),
        Value::Regex(regex) => _ = write!(out, "re.compile({})", crate::pytext::repr_str(&regex.source)),
        Value::NoValue => out.push_str("<NoValue>"),
        other => _ = write!(out, "<{} object at 0x0>", other.type_name()),
    }
}

fn write_items<'a>(out: &mut String, open: &str, items: impl Iterator<Item = &'a Value>, close: &str) {
    out.push_str(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, item);
    }
    out.push_str(close);
}
