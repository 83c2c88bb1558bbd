//! One object: a row for each of its attributes.

use super::table::Table;
use super::value::{clean, is_hollow};
use super::{Look, doc};
use crate::pytext;
use serde_json::Value;

/// The attributes shown first when a command has no order of its own.
pub(crate) const ORDER: &[&str] = &["id", "name", "pack", "description"];

/// The attributes of `object` (`all`: every one), those in `order` first.
pub(crate) fn render(object: &Value, attributes: &[String], order: &[&str], look: &Look) -> String {
    let mut names = if attributes.is_empty() || attributes.iter().any(|a| a == "all") {
        doc::attributes(object)
    } else {
        attributes.to_vec()
    };
    let mut first: Vec<String> = Vec::new();
    for name in order {
        if let Some(at) = names.iter().position(|n| n == name) {
            first.push(names.remove(at));
        }
    }
    first.append(&mut names);
    let rows = first.iter().map(|name| vec![name.clone(), text(object, name, look)]).collect();
    Table { headings: vec!["Property".into(), "Value".into()], limits: vec![20, 60], rows }.render()
}

fn text(object: &Value, attribute: &str, look: &Look) -> String {
    let mut value = object;
    for name in attribute.split('.') {
        value = value.get(name).unwrap_or(&Value::Null);
    }
    let value = if is_hollow(value) { Value::String(String::new()) } else { value.clone() };
    match look.apply(attribute, value) {
        value @ (Value::Object(_) | Value::Array(_)) => clean(&doc::indented(&value)),
        Value::String(text) => clean(&text),
        value => pytext::str(&value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_values_show_nothing_and_documents_their_json() {
        let object =
            json!({"tags": [], "name": "n", "on": true, "id": "1", "a": {"b": "x\ny"}, "none": null});
        let want = "\
+----------+-------------+
| Property | Value       |
+----------+-------------+
| id       | 1           |
| name     | n           |
| a        | {           |
|          |     \"b\": \"x |
|          | y\"          |
|          | }           |
| none     |             |
| on       | True        |
| tags     |             |
+----------+-------------+";
        assert_eq!(render(&object, &[], ORDER, &Look::PLAIN), want);
    }
}
