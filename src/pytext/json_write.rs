//! JSON text as the writers StackStorm uses make it: `json.dumps` and orjson.
//!
//! They differ in more than blanks: `json.dumps` escapes everything outside ASCII and writes floats as
//! `repr()` does; orjson keeps all but control characters and writes floats the way JavaScript nearly
//! does (`1e16`, `1.5e-7`).

use serde_json::{Number, Value};

use super::{
    number::{is_float, positional, shortest, to_f64},
    repr::number_repr,
};

/// `json.dumps(value)` with its defaults: `, ` and `: `, ASCII only.
pub fn json_dumps(value: &Value) -> String {
    let mut out = String::new();
    write_dumps(&mut out, value);
    out
}

/// The value as orjson writes it: no blanks, text as it is. This is the form of REST responses.
pub fn json_compact(value: &Value) -> String {
    let mut out = String::new();
    write_compact(&mut out, value);
    out
}

/// The value as orjson writes it with `OPT_INDENT_2`.
pub fn json_indented(value: &Value) -> String {
    let mut out = String::new();
    write_indented(&mut out, value, 0);
    out
}

/// The name JSON Schema has for the value's type; every number is a `number`.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn write_dumps(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&dumps_number(number)),
        Value::String(text) => dumps_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_dumps(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                dumps_string(out, key);
                out.push_str(": ");
                write_dumps(out, item);
            }
            out.push('}');
        }
    }
}

/// `1e400` reads as an infinity, which `json.dumps` writes by its JavaScript name.
fn dumps_number(number: &Number) -> String {
    match number_repr(number).as_str() {
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        text => text.to_owned(),
    }
}

fn dumps_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            ' '..='~' if c != '"' && c != '\\' => out.push(c),
            _ if short_escape(out, c) => {}
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    unicode_escape(out, *unit);
                }
            }
        }
    }
    out.push('"');
}

/// Writes the escapes both writers share; `false` if the character has none.
fn short_escape(out: &mut String, c: char) -> bool {
    let escape = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        _ => return false,
    };
    out.push_str(escape);
    true
}

fn unicode_escape(out: &mut String, unit: u16) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.extend(char::from_digit(u32::from(unit >> shift) & 0xf, 16));
    }
}

fn write_compact(out: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                compact_string(out, key);
                out.push(':');
                write_compact(out, item);
            }
            out.push('}');
        }
        scalar => write_scalar(out, scalar),
    }
}

fn write_indented(out: &mut String, value: &Value, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                write_indented(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                compact_string(out, key);
                out.push_str(": ");
                write_indented(out, item, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        other => write_compact(out, other),
    }
}

fn write_scalar(out: &mut String, value: &Value) {
    match value {
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&compact_number(number)),
        Value::String(text) => compact_string(out, text),
        _ => out.push_str("null"),
    }
}

fn compact_number(number: &Number) -> String {
    if !is_float(number) {
        return number_repr(number);
    }
    let value = to_f64(number);
    if !value.is_finite() {
        return "null".to_owned();
    }
    let (sign, digits, exponent) = shortest(value);
    if (-5..16).contains(&exponent) {
        return format!("{sign}{}", positional(&digits, exponent));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{exponent}")
}

fn compact_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            _ if short_escape(out, c) => {}
            '\0'..='\u{1f}' => unicode_escape(out, c as u16),
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_two_writers_differ_in_floats_and_text() {
        let value = json!({"ž": [1, 1e16, 1.5e-7, 1e-5, "a\u{7f}\u{1}🐎"]});
        assert_eq!(
            json_dumps(&value),
            r#"{"\u017e": [1, 1e+16, 1.5e-07, 1e-05, "a\u007f\u0001\ud83d\udc0e"]}"#
        );
        assert_eq!(json_compact(&value), "{\"ž\":[1,1e16,1.5e-7,0.00001,\"a\u{7f}\\u0001🐎\"]}");
    }

    #[test]
    fn empty_containers_stay_on_one_line() {
        assert_eq!(
            json_indented(&json!({"a": [], "b": [{}]})),
            "{\n  \"a\": [],\n  \"b\": [\n    {}\n  ]\n}"
        );
    }
}
