//! The patterns of one schema, each compiled once, on its first use.

use super::Error;
use crate::pytext::search::Search;
use serde_json::Value;
use std::{collections::HashMap, sync::OnceLock};

/// Every text in a schema that may be used as a pattern.
#[derive(Debug, Default)]
pub(super) struct Patterns(HashMap<String, OnceLock<Result<Search, String>>>);

impl Patterns {
    pub(super) fn of(schema: &Value) -> Self {
        let mut patterns = HashMap::new();
        collect(schema, &mut patterns);
        Self(patterns)
    }

    /// Does Python's `re.search` find the pattern in the text?
    pub(super) fn search(&self, pattern: &str, text: &str) -> Result<bool, Box<Error>> {
        let Some(compiled) = self.0.get(pattern) else {
            // A pattern of the schema of schemas, reached by reference.
            return run(&Search::new(pattern), pattern, text);
        };
        run(compiled.get_or_init(|| Search::new(pattern)), pattern, text)
    }

    /// Would Python compile it?
    pub(super) fn is_valid(pattern: &str) -> bool {
        Search::new(pattern).is_ok()
    }
}

fn run(compiled: &Result<Search, String>, pattern: &str, text: &str) -> Result<bool, Box<Error>> {
    let compiled = compiled.as_ref().map_err(|error| Box::new(Error::fault(error.clone())))?;
    compiled
        .is_match(text)
        .map_err(|_| Box::new(Error::fault(format!("the pattern '{pattern}' takes too long on this value"))))
}

fn collect(schema: &Value, patterns: &mut HashMap<String, OnceLock<Result<Search, String>>>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("pattern", Value::String(pattern)) => _ = patterns.entry(pattern.clone()).or_default(),
                    ("patternProperties", Value::Object(by_pattern)) => {
                        patterns.extend(by_pattern.keys().map(|pattern| (pattern.clone(), OnceLock::new())));
                    }
                    _ => {}
                }
                collect(value, patterns);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, patterns)),
        _ => {}
    }
}
