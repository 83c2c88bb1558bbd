//! Templates in JSON values: telling them from plain text, shielding text, rendering mappings.

use std::sync::OnceLock;

use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

use super::{
    Missing, Template,
    error::{Class, Error, Result},
    value::{Dict, Key, Value},
};
use crate::pytext;

/// Whether a text contains, or may contain, a template.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The value with every text that has a template in it wrapped so that it renders as itself.
///
/// Keys stay as they are, and so does a text whose braces do not close on one line.
pub fn wrap_raw(value: &Json) -> Json {
    match value {
        Json::Object(entries) => entries.iter().map(|(key, item)| (key.clone(), wrap_raw(item))).collect(),
        Json::Array(items) => items.iter().map(wrap_raw).collect(),
        Json::String(text) if has_expression(text) => {
            Json::String(format!("{{% raw %}}{text}{{% endraw %}}"))
        }
        other => other.clone(),
    }
}

fn has_expression(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| Regex::new(r"\{\{.*\}\}|\{%.*%\}").ok());
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text).unwrap_or(false))
}

/// Renders the values of a mapping: text as text, lists and objects by way of their JSON text.
///
/// A value that rendering does not change keeps its type. The whole context is `__context` to the
/// templates. With an empty context nothing is rendered at all.
///
/// # Errors
/// As for [`Template::render`], and what makes the rendered text of a list or object no JSON.
pub fn render_values(
    mapping: &Map<String, Json>,
    context: &Value,
    missing: Missing,
) -> Result<Map<String, Json>> {
    let Value::Dict(names) = context else {
        return Err(Error::of_type("the context of a template is a dictionary"));
    };
    if names.len() == 0 || mapping.is_empty() {
        return Ok(mapping.clone());
    }
    let context = with_itself(names, context);
    let mut rendered = Map::new();
    for (key, value) in mapping {
        rendered.insert(key.clone(), render_value(value, &context, missing)?);
    }
    Ok(rendered)
}

fn with_itself(names: &Dict, context: &Value) -> Value {
    const ITSELF: &str = "__context";
    let mut entries = names.read(Clone::clone);
    entries.entry(Key::text(ITSELF.to_owned())).or_insert_with(|| context.clone());
    Value::dict(entries)
}

fn render_value(value: &Json, context: &Value, missing: Missing) -> Result<Json> {
    let is_container = matches!(value, Json::Array(_) | Json::Object(_));
    if is_container && !fits_64_bits(value) {
        return Err(Error::of_type("Integer exceeds 64-bit range"));
    }
    let text = if is_container { pytext::json_compact(value) } else { pytext::str(value) };
    let rendered = Template::parse(&text)?.render_with(context, missing)?;
    if rendered == text {
        return Ok(value.clone());
    }
    if is_container {
        return pytext::json_loads(&rendered)
            .map_err(|error| Error::new(Class::JSONDecodeError, error.to_string()));
    }
    Ok(Json::String(rendered))
}

/// Whether every integer in the value is one the reference can write.
fn fits_64_bits(value: &Json) -> bool {
    match value {
        Json::Number(number) => {
            pytext::is_float(number) || number.as_i64().is_some() || number.as_u64().is_some()
        }
        Json::Array(items) => items.iter().all(fits_64_bits),
        Json::Object(entries) => entries.values().all(fits_64_bits),
        _ => true,
    }
}
