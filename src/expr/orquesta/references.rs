//! Which variables expressions name, told from their text alone.
//!
//! Orquesta looks with patterns, not with a parser: a reference inside a quoted text counts, one through
//! `ctx().get('x')` does not. Inspection follows it, so that a definition that passes there passes here.

use std::{collections::BTreeSet, sync::LazyLock};

use fancy_regex::Regex;
use serde_json::Value;

use super::{Language, inline, jinja, yaql};
use crate::pytext::regex;

/// A variable that a text names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The variable.
    pub variable: String,
    /// In which language.
    pub language: Language,
    /// The whole text.
    pub text: String,
}

/// A call of `ctx` with what is written around it.
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let around = r#"[\]\[a-zA-Z0-9_'"\.()]*"#;
    regex::compile(&format!(r#"\bctx\(['"]?{around}['"]?\)\.?{around}"#)).ok()
});

/// The variable in such a call: `ctx().x`, `ctx(x)`, `ctx('x')`, `ctx("x")`.
static VARIABLES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = "[a-zA-Z0-9_-]+";
    let patterns = [
        format!(r"(?<=\bctx\(\)\.)({name})\b(?!\()\.?"),
        format!(r"\bctx\(({name})\)"),
        format!(r"\bctx\('({name})'\)"),
        format!(r#"\bctx\("({name})"\)"#),
    ];
    patterns.iter().filter_map(|pattern| regex::compile(pattern).ok()).collect()
});

/// The variables named in a text, or in the keys and values of a structure; each once, by name.
pub fn references(value: &Value) -> Vec<Reference> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found.into_iter().collect()
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                text(key, found);
                collect(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::String(plain) => text(plain, found),
        _ => {}
    }
}

fn text(text: &str, found: &mut BTreeSet<Reference>) {
    if !text.contains("ctx(") {
        return;
    }
    let Some(call) = &*CALL else { return };
    let yaql = inline::all(text, "<%", "%>").into_iter().map(|one| (Language::Yaql, yaql::stripped(one)));
    let jinja = inline::all(text, "{{", "}}").into_iter().map(|one| (Language::Jinja, jinja::stripped(one)));
    for (language, expression) in yaql.chain(jinja) {
        for one in call.find_iter(expression).map_while(Result::ok) {
            for pattern in VARIABLES.iter() {
                let Ok(Some(captures)) = pattern.captures(one.as_str()) else { continue };
                let Some(variable) = captures.get(1) else { continue };
                let variable = variable.as_str().to_owned();
                found.insert(Reference { variable, language, text: text.to_owned() });
            }
        }
    }
}
