//! Values inside documents, and their text.

use serde_json::Value;

/// The value at a dotted path; `None` if the path leads nowhere.
///
/// Beyond names, `[2]` picks an item of a list and `[*]` or `*` the first: the part of JSONPath
/// that people use with `--key`.
pub(crate) fn lookup<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = document;
    for step in path.trim_start_matches("$.").split('.') {
        let (name, indexes) = step.find('[').map_or((step, ""), |at| step.split_at(at));
        if !name.is_empty() {
            value = match value {
                Value::Array(items) if name == "*" => items.first()?,
                Value::Object(map) if name == "*" => map.values().next()?,
                other => other.get(name)?,
            };
        }
        for index in indexes.split('[').filter(|index| !index.is_empty()) {
            let index = index.strip_suffix(']')?;
            value = match index.parse::<usize>() {
                Ok(at) => value.get(at)?,
                Err(_) if index == "*" => value.get(0)?,
                Err(_) => value.get(index.trim_matches(['"', '\'']))?,
            };
        }
    }
    Some(value)
}

/// Escapes that results carry in their text, turned into what they stand for.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\\"", "\"")
}

/// `text` as cells and attributes show it: unescaped, without carriage returns.
pub(super) fn clean(text: &str) -> String {
    unescape(text).replace("\\r", "").replace('\r', "")
}

/// The text of a value in a cell: strings cleaned, everything else as Python's `str()` shows it.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        other => crate::pytext::str(other),
    }
}

/// Whether Python would call a value empty enough to show nothing.
pub(super) fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_through_maps_and_lists() {
        let document = json!({"a": {"b": [{"c": 1}, 2]}, "x-y": null});
        assert_eq!(lookup(&document, "a.b[0].c"), Some(&json!(1)));
        assert_eq!(lookup(&document, "a.b[*].c"), Some(&json!(1)));
        assert_eq!(lookup(&document, "$.a.b[1]"), Some(&json!(2)));
        assert_eq!(lookup(&document, "x-y"), Some(&json!(null)));
        assert_eq!(lookup(&document, "a.z"), None);
        assert_eq!(lookup(&document, "a,x-y"), None);
    }

    #[test]
    fn cells_show_text_clean() {
        assert_eq!(cell(&json!("a\\nb\\r\r \\\"q\\\"")), "a\nb \"q\"");
        assert_eq!(cell(&json!(true)), "True");
        assert_eq!(cell(&json!({"a": null})), "{'a': None}");
    }
}
