//! One value that holds a template: a text, or a list or object with templates somewhere inside.

use serde_json::Value;

/// Might the text be a template?
pub(super) fn is_marked(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Might the value hold a template?
pub(super) fn is_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_marked(text),
        Value::Array(items) => items.iter().any(is_template),
        Value::Object(map) => map.iter().any(|(key, value)| is_marked(key) || is_template(value)),
        _ => false,
    }
}
