//! An execution for people: `attribute: value` lines, maps and lists as YAML below them.

use super::value::{clean, lookup, unescape};
use super::{Look, colour};
use crate::pytext;
use crate::yaml::{self, Yaml};
use serde_json::{Map, Value};

/// The lines for these attributes.
pub(crate) fn render(execution: &Value, attributes: &[String], look: &Look) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .map(|attribute| format!("{}: {}", colour::name(attribute), text(execution, attribute, look)))
        .collect();
    unescape(&lines.join("\n"))
}

fn text(execution: &Value, attribute: &str, look: &Look) -> String {
    let value = match lookup(execution, attribute).unwrap_or(&Value::Null) {
        Value::String(text) => Value::String(clean(text)),
        other => other.clone(),
    };
    match unquoted(look.apply(attribute, value)) {
        value @ (Value::Object(_) | Value::Array(_)) => block(attribute, &value),
        Value::String(text) => text,
        value => pytext::str(&value),
    }
}

/// Text that is a list or map written down in Python's way becomes one.
fn unquoted(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let bracketed = text.starts_with(['{', '[']) && text.ends_with(['}', ']']);
    match bracketed.then(|| pytext::literal(text)) {
        Some(Ok(found @ (Value::Object(_) | Value::Array(_)))) => found,
        _ => value,
    }
}

/// A map or list as a YAML block below its attribute's name, lists indented by two.
fn block(attribute: &str, value: &Value) -> String {
    let mut map = Map::new();
    map.insert(attribute.to_owned(), value.clone());
    let format = yaml::Format { width: usize::MAX, ..yaml::Format::default() };
    let dump = yaml::dump_with(&Yaml::from_json(&Value::Object(map)), format);
    let dump = dump.strip_suffix('\n').unwrap_or(&dump);
    // Behind "name:" comes a line break, or a blank before "{}" and "[]".
    let body = dump.get(attribute.len() + 2..).unwrap_or_default();
    let body = if value.is_array() {
        body.split('\n').map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    } else {
        body.to_owned()
    };
    format!("\n{body}").replace("\n\n", "\n")
}

/// The frame with the schema that fits a result.
pub(crate) fn schema_box(result: &Value) -> String {
    let mut map = Map::new();
    map.insert("output_schema".into(), schema(result));
    let text = format!(
        "Based on the action output the following inferred schema was built:\n\n{}",
        yaml::dump(&Value::Object(map))
    );
    let width = text.split('\n').map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = format!("+{}+", "-".repeat(width + 2));
    let mut lines = vec![format!("\n{rule}")];
    lines.extend(text.split('\n').map(|line| format!("| {line:width$} |")));
    lines.push(rule);
    lines.join("\n")
}

fn schema(value: &Value) -> Value {
    let entries = value.as_object().into_iter().flatten().map(|(name, value)| {
        let mut entry = Map::new();
        if value.is_object() {
            entry.insert("type".into(), "object".into());
            entry.insert("parameters".into(), schema(value));
        } else {
            let whole = value.as_number().is_some_and(pytext::is_int);
            let name = if whole { "integer" } else { pytext::json_type(value) };
            entry.insert("type".into(), name.into());
        }
        (name.clone(), Value::Object(entry))
    });
    Value::Object(entries.collect())
}

/// What people see who have not asked for the schema, when they want to be told about it.
pub(crate) const SCHEMA_HINT: &str = "\n\n** This action does not have an output_schema. Run again with --with-schema to see a suggested schema.";
