//! `str()`, `repr()` and `type()` of a value.

use serde_json::{Number, Value};

use super::{
    number::{float_repr, is_float, to_f64},
    unicode::is_printable,
};

/// `str(value)`: a string as it is, everything else as [`repr`] writes it.
pub fn str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// `repr()` of a string: single quotes unless only those would need escaping.
pub fn repr_str(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_repr_str(&mut out, text);
    out
}

/// The name of the value's class.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if is_float(number) => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A number as `repr()` writes it: floats in Python's form, whatever form they were read in.
pub(super) fn number_repr(number: &Number) -> String {
    if is_float(number) {
        float_repr(to_f64(number))
    } else if number.as_str() == "-0" {
        "0".to_owned()
    } else {
        number.as_str().to_owned()
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&number_repr(number)),
        Value::String(text) => write_repr_str(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr_str(out, key);
                out.push_str(": ");
                write_value(out, item);
            }
            out.push('}');
        }
    }
}

/// Writes `repr()` of a string behind what `out` holds.
pub fn write_repr_str(out: &mut String, text: &str) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
    if text.bytes().all(is_plain) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
        return;
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escaped(u32::from(c))),
        }
    }
    out.push(quote);
}

/// The shortest of Python's three numeric escapes that holds the code point.
fn escaped(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (text, expected) in [
            ("it's", r#""it's""#),
            ("say \"x\"", r#"'say "x"'"#),
            ("it's \"x\"", r#"'it\'s "x"'"#),
            ("a\\b\n\r\t\u{8}\u{7f}", r"'a\\b\n\r\t\x08\x7f'"),
            ("\u{a0}\u{200b}\u{e000}\u{10ffff}", r"'\xa0\u200b\ue000\U0010ffff'"),
            ("žluť 🐎 日本", "'žluť 🐎 日本'"),
            // Assigned after Unicode 14: Python 3.11 does not know it yet.
            ("\u{1fae8}", r"'\U0001fae8'"),
        ] {
            assert_eq!(repr_str(text), expected);
        }
    }

    #[test]
    fn containers_show_their_items_by_repr() {
        let value = json!({"a": [null, true, 1, 1.0, "x"], "it's": {}});
        assert_eq!(repr(&value), r#"{'a': [None, True, 1, 1.0, 'x'], "it's": {}}"#);
        assert_eq!(str(&json!("it's")), "it's");
    }

    #[test]
    fn every_kind_of_value_has_its_class() {
        let names: Vec<_> = [json!(null), json!(true), json!(1), json!(1.0), json!(""), json!([]), json!({})]
            .iter()
            .map(type_name)
            .collect();
        assert_eq!(names, ["NoneType", "bool", "int", "float", "str", "list", "dict"]);
    }
}
