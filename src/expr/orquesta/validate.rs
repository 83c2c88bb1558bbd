//! Whether expressions can be read, before anything runs.

use serde_json::Value;

use super::{Language, inline, jinja, yaql};
use crate::expr::jinja::{Expression, Template};

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its language; nothing where a text mixes them.
    pub language: Option<Language>,
    /// The expression, or the whole text.
    pub expression: String,
    /// What is wrong with it.
    pub message: String,
}

/// What is wrong with the expressions in a text, or in the keys and values of a structure.
pub fn validate(value: &Value) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    collect(value, &mut mistakes);
    mistakes
}

fn collect(value: &Value, mistakes: &mut Vec<Mistake>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                text(key, mistakes);
                collect(value, mistakes);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, mistakes)),
        Value::String(plain) => text(plain, mistakes),
        _ => {}
    }
}

fn text(text: &str, mistakes: &mut Vec<Mistake>) {
    let mut languages = Language::of(text);
    match (languages.next(), languages.next()) {
        (None, _) => {}
        (Some(_), Some(_)) => mistakes.push(Mistake {
            language: None,
            expression: text.to_owned(),
            message: "Expression with multiple types is not supported.".to_owned(),
        }),
        (Some(Language::Yaql), None) => yaql_text(text, mistakes),
        (Some(Language::Jinja), None) => jinja_text(text, mistakes),
    }
}

fn yaql_text(text: &str, mistakes: &mut Vec<Mistake>) {
    for expression in inline::all(text, "<%", "%>") {
        if let Err(error) = yaql::check(expression) {
            mistakes.push(mistake(Language::Yaql, expression, error.message));
        }
    }
}

fn jinja_text(text: &str, mistakes: &mut Vec<Mistake>) {
    let first = mistakes.len();
    if let Err(error) = Template::check(text) {
        mistakes.push(mistake(Language::Jinja, text, error.to_string()));
    }
    for expression in inline::all(text, "{{", "}}") {
        let is_told = mistakes[first..].iter().any(|known| known.expression == expression);
        if is_told {
            continue;
        }
        if let Err(error) = Expression::check(jinja::stripped(expression)) {
            mistakes.push(mistake(Language::Jinja, expression, error.to_string()));
        }
    }
}

fn mistake(language: Language, expression: &str, message: String) -> Mistake {
    Mistake { language: Some(language), expression: expression.to_owned(), message }
}
