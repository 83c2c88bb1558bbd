//! Equality of JSON values to a schema: `1` equals `1.0`, but `true` does not equal `1`.

use super::number;
use crate::pytext;
use serde_json::Value;
use std::{collections::HashSet, fmt::Write};

/// Are the two values the same to `enum`?
pub(super) fn equal(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(a), Value::Number(b)) => pytext::number_eq(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => one == two,
    }
}

/// Does no value occur twice?
pub(super) fn all(items: &[Value]) -> bool {
    // Keys instead of pairs: comparing each with each would let one large array occupy a worker for minutes.
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| {
        let mut key = String::new();
        write_key(item, &mut key);
        seen.insert(key)
    })
}

/// Writes a text that equal values share and different values do not.
fn write_key(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push('n'),
        Value::Bool(flag) => out.push(if *flag { 't' } else { 'f' }),
        Value::Number(number) => out.push_str(&number::key(number)),
        // The length in front keeps texts with brackets and commas apart from structure.
        Value::String(text) => _ = write!(out, "{}:{text}", text.len()),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_key(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, item) in entries {
                _ = write!(out, "{}:{key}=", key.len());
                write_key(item, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_are_not_numbers() {
        assert!(!equal(&json!(true), &json!(1)));
        assert!(equal(&json!([1, {"a": 2.0}]), &json!([1.0, {"a": 2}])));
        assert!(all(json!([1, true, "1", [1], [true], null, "n", {}]).as_array().unwrap()));
        assert!(!all(json!([[1], [1.0]]).as_array().unwrap()));
        assert!(!all(json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]).as_array().unwrap()));
    }
}
