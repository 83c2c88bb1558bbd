//! One value that holds a template: a text, or a list or object with templates somewhere inside.

use crate::{expr::jinja, pytext};
use serde_json::Value;

/// Might the value hold a template?
pub(super) fn is_template(value: &Value) -> bool {
    match value {
        Value::String(text) => jinja::is_template(text),
        Value::Array(items) => items.iter().any(is_template),
        Value::Object(map) => map.iter().any(|(key, value)| jinja::is_template(key) || is_template(value)),
        _ => false,
    }
}

/// A value with a template in it.
pub(super) struct Template {
    source: Value,
    /// The error is for rendering: a filter that does not exist, say.
    parsed: Result<jinja::Template, jinja::Error>,
}

impl Template {
    /// `None`: nothing in it to render; a text that only looks like a template is a plain value.
    pub(super) fn of(value: &Value) -> Option<Self> {
        if !is_template(value) {
            return None;
        }
        // Lists and objects are searched for variables in the text that Python makes of them.
        let parsed = jinja::Template::parse(&pytext::str(value));
        if parsed.as_ref().is_err_and(|error| error.class() == jinja::Class::TemplateSyntaxError) {
            return None;
        }
        Some(Self { source: value.clone(), parsed })
    }

    /// The names it needs.
    pub(super) fn needs(&self) -> Vec<String> {
        self.parsed.as_ref().map(jinja::Template::undeclared).unwrap_or_default()
    }

    /// Renders it: a text becomes text, anything else keeps its structure.
    pub(super) fn render(&self, context: &[(String, jinja::Value)]) -> Result<Value, String> {
        let context: jinja::Value = context.iter().cloned().collect();
        if self.source.is_string() {
            let template = self.parsed.as_ref().map_err(ToString::to_string)?;
            return template.render(&context).map(Value::String).map_err(|error| error.to_string());
        }
        let text = keep_types(&pytext::json_compact(&self.source));
        let rendered = jinja::Template::parse(&text)
            .and_then(|template| template.render(&context))
            .map_err(|error| error.to_string())?;
        pytext::json_loads(&rendered).map_err(|error| error.to_string())
    }
}

/// Where a whole element is `"{{name}}"`, written without spaces, the value itself takes its place.
fn keep_types(json: &str) -> String {
    const OPEN: &str = "\"{{";
    const CLOSE: &str = "}}\"";
    // The class `[A-z0-9_-]` of the original, which holds what stands between the two alphabets as well.
    let is_name = |c: char| c.is_ascii_digit() || c == '-' || ('A'..='z').contains(&c);
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(OPEN) {
        let inner = &rest[at + OPEN.len()..];
        let name = &inner[..inner.find(|c| !is_name(c)).unwrap_or(inner.len())];
        out.push_str(&rest[..at]);
        if !name.is_empty() && inner[name.len()..].starts_with(CLOSE) {
            out.push_str("{{");
            out.push_str(name);
            out.push_str(" | to_complex}}");
            rest = &inner[name.len() + CLOSE.len()..];
        } else {
            out.push('"');
            rest = &rest[at + 1..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_elements_keep_their_type() {
        assert_eq!(
            keep_types(r#"["{{a}}","x {{b}}","{{ c }}"]"#),
            r#"[{{a | to_complex}},"x {{b}}","{{ c }}"]"#
        );
        assert_eq!(keep_types(r#"["\"{{a}}\""]"#), r#"["\"{{a}}\""]"#);
    }
}
