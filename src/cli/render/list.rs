//! Several objects: one row each.

use super::table::Table;
use super::value::{cell, is_hollow};
use super::{Look, doc};
use crate::cli::terminal;
use serde_json::Value;

/// The narrowest first column that holds an id.
const ID_WIDTH: i64 = 26;

/// A status with its seconds: `succeeded (1234s elapsed)`.
const STATUS_WIDTH: i64 = 24;

/// No column gets narrower.
const LEAST_WIDTH: i64 = 5;

/// The width of columns when the widths given do not match their number.
const ODD_WIDTH: i64 = 28;

/// The rows of `entries`, one column per attribute (`all`: every attribute of the first).
pub(crate) fn render(entries: &[Value], attributes: &[String], widths: &[i64], look: &Look) -> String {
    let widths = if widths.is_empty() && !attributes.is_empty() {
        spread(entries, attributes)
    } else {
        widths.to_vec()
    };
    let attributes = if attributes.is_empty() || attributes.iter().any(|a| a == "all") {
        entries.first().map(doc::attributes).unwrap_or_default()
    } else {
        attributes.to_vec()
    };
    let limits: Vec<usize> = if attributes.len() == widths.len() {
        widths.iter().map(|width| limit(*width)).collect()
    } else {
        let width = if widths.len() == 1 { widths[0] } else { ODD_WIDTH };
        vec![limit(width); attributes.len()]
    };
    let rows = entries
        .iter()
        .map(|entry| attributes.iter().map(|attribute| cell(&field(entry, attribute, look))).collect())
        .collect();
    Table { headings: attributes, limits, rows }.render()
}

fn limit(width: i64) -> usize {
    usize::try_from(width).unwrap_or(0)
}

/// Shares the terminal among the columns; ids are never broken.
fn spread(entries: &[Value], attributes: &[String]) -> Vec<i64> {
    let columns = terminal::table_columns();
    let count = attributes.len() as i64;
    let (first, each) = if attributes[0] == "id" {
        let ids = entries.iter().filter_map(|entry| entry["id"].as_str());
        let first = ids.map(|id| id.chars().count() as i64).max().unwrap_or(0).max(ID_WIDTH);
        (first, (columns - first).div_euclid(count))
    } else {
        (columns.div_euclid(count), columns.div_euclid(count))
    };
    let mut widths = vec![first];
    let mut taken = 0;
    for (at, attribute) in attributes.iter().enumerate().skip(1) {
        widths.push(if attribute == "status" {
            taken += STATUS_WIDTH - each;
            STATUS_WIDTH
        } else if at + 1 == attributes.len() && taken != 0 {
            // The last column pays for what the status took.
            (each - taken).max(LEAST_WIDTH)
        } else {
            each
        });
    }
    widths
}

fn field(entry: &Value, attribute: &str, look: &Look) -> Value {
    if let Some((first, rest)) = attribute.split_once('.') {
        let mut value = entry.get(first).unwrap_or(&Value::Null);
        for name in rest.split('.') {
            value = value.get(name).unwrap_or(&Value::Null);
        }
        return if is_hollow(value) { Value::String(String::new()) } else { value.clone() };
    }
    let value = match entry.get(attribute) {
        None => Value::String(String::new()),
        Some(Value::Array(items)) if items.is_empty() => Value::String(String::new()),
        Some(Value::Array(items)) if items[0].is_string() => {
            let words: Vec<String> = items.iter().map(crate::pytext::str).collect();
            Value::String(words.join(", "))
        }
        Some(value) => value.clone(),
    };
    look.apply(attribute, value)
}

/// The note below a list that is not complete, framed and as wide as the list.
pub(crate) fn note(noun: &str, limit: i64, table: &str) -> String {
    let message = if limit == 1 {
        let one = if noun == "inquiries" { "inquiry" } else { &noun[..noun.len() - 1] };
        format!("Note: Only one {one} is displayed. Use -n/--last flag for more results.")
    } else {
        format!("Note: Only first {limit} {noun} are displayed. Use -n/--last flag for more results.")
    };
    let width = table.lines().next().map_or(0, |line| line.chars().count());
    let pad = width.saturating_sub(message.len() + 3).max(1);
    let rule = format!("+{}+", "-".repeat(message.len() + 1 + pad));
    format!("{rule}\n| {message}{} |\n{rule}", " ".repeat(pad - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn attributes_are_columns() {
        let entries = [
            json!({"id": "1", "roles": ["a", "b"], "action": {"ref": "core.local"}, "ttl": 5, "on": null}),
            json!({"id": "2", "roles": [], "action": {}}),
        ];
        let table = render(&entries, &names("id roles action.ref ttl on"), &[], &Look::PLAIN);
        let want = "\
+----+-------+------------+-----+------+
| id | roles | action.ref | ttl | on   |
+----+-------+------------+-----+------+
| 1  | a, b  | core.local | 5   | None |
| 2  |       |            |     |      |
+----+-------+------------+-----+------+";
        assert_eq!(table, want);
    }

    #[test]
    fn all_means_every_attribute_of_the_first() {
        let entries = [json!({"b": 1, "a": 2, "_c": 3})];
        let table = render(&entries, &names("all"), &[], &Look::PLAIN);
        assert_eq!(table.lines().nth(1), Some("| a | b |"));
    }

    #[test]
    fn the_note_is_as_wide_as_the_list() {
        let table = format!("+{}+\n", "-".repeat(100));
        let box_ = note("action executions", 50, &table);
        let widths: Vec<usize> = box_.lines().map(str::len).collect();
        assert_eq!(widths, [102, 102, 102]);
        assert!(note("inquiries", 1, "").contains("Only one inquiry is displayed"));
    }
}
