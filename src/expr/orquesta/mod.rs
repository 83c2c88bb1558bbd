//! Expressions of workflows, as orquesta finds and evaluates them.
//!
//! A text holds YAQL between `<%` and `%>` or Jinja between `{{` and `}}`, never over the end of a line. A
//! text that is one expression and nothing else gives the value itself; otherwise the values' Python texts
//! take the places of the expressions. A value that is a text is looked through again, until nothing is left
//! to evaluate: what users put into a context is executed, as in StackStorm.
//!
//! What expressions see is behind [`Data`]; it is asked for what an expression names, no more. Parsed
//! expressions are kept, for a text that is evaluated once is evaluated again.
//!
//! Left out: what only Mistral had (`$` as the context, functions of its own).

mod arguments;
mod bridge;
mod data;
mod functions;
#[cfg(test)]
mod hostile;
mod inline;
mod jinja;
mod parsed;
mod references;
mod validate;
mod yaql;

use serde_json::{Map, Value};

pub use data::{Current, Data, Problem, Row, Scope};
pub use references::{Reference, references};
pub use validate::{Mistake, validate};

/// How often texts that expressions give may give expressions again.
const MAX_NESTING: usize = 20;

/// One of the two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Between `{{` and `}}`, and with `{% … %}`.
    Jinja,
    /// Between `<%` and `%>`.
    Yaql,
}

impl Language {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jinja => "jinja",
            Self::Yaql => "yaql",
        }
    }

    /// The languages a text has expressions of.
    pub fn of(text: &str) -> impl Iterator<Item = Self> {
        [Self::Jinja, Self::Yaql].into_iter().filter(|language| language.is_in(text))
    }

    fn is_in(self, text: &str) -> bool {
        match self {
            Self::Jinja => {
                inline::find(text, "{{", "}}").is_some() || inline::find(text, "{%", "%}").is_some()
            }
            Self::Yaql => inline::find(text, "<%", "%>").is_some(),
        }
    }
}

/// An expression that could not be evaluated, in the words of StackStorm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {message}")]
pub struct Error {
    /// The class of the exception: `YaqlEvaluationException`, `JinjaEvaluationException` or Python's own.
    pub class: &'static str,
    /// Its text.
    pub message: String,
}

/// Evaluates the expressions in a text, or in the keys and values of a structure.
///
/// # Errors
/// The first expression that fails.
pub fn evaluate(value: &Value, data: &dyn Data) -> Result<Value, Error> {
    match value {
        Value::Object(fields) => {
            let mut evaluated = Map::with_capacity(fields.len());
            for (key, value) in fields {
                let new = text(key, data)?;
                // Only then is the key looked at: what is wrong with the value is told first.
                let value = evaluate(value, data)?;
                evaluated.insert(new.map_or_else(|| Ok(key.clone()), key_text)?, value);
            }
            Ok(Value::Object(evaluated))
        }
        Value::Array(items) => {
            items.iter().map(|item| evaluate(item, data)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::String(plain) => Ok(text(plain, data)?.unwrap_or_else(|| value.clone())),
        other => Ok(other.clone()),
    }
}

/// Evaluates a text; nothing if there is nothing to evaluate in it.
fn text(text: &str, data: &dyn Data) -> Result<Option<Value>, Error> {
    if !text.contains(['{', '<']) {
        return Ok(None);
    }
    match Language::of(text).next() {
        None => Ok(None),
        Some(Language::Jinja) => jinja::evaluate(text, data).map(Some),
        Some(Language::Yaql) => yaql::evaluate(text, data).map(Some),
    }
}

/// A value as the key of an object.
fn key_text(key: Value) -> Result<String, Error> {
    match key {
        Value::String(text) => Ok(text),
        Value::Null => Ok("null".to_owned()),
        Value::Array(_) | Value::Object(_) => {
            let kind = crate::pytext::type_name(&key);
            Err(Error { class: "TypeError", message: format!("unhashable type: '{kind}'") })
        }
        other => Ok(other.to_string()),
    }
}
