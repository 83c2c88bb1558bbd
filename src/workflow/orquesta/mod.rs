//! Orquesta: the language of workflow definitions, read, checked and compiled.
//!
//! A [`Definition`] is a YAML document; [`Definition::compile`] makes the intermediate form of a sound one.
//! [`Definition::inspect`] says what is wrong with a definition before it runs.
//!
//! ```
//! use st2d::workflow::orquesta::Definition;
//!
//! let definition = Definition::parse("version: 1.0\ntasks:\n  hello:\n    action: core.noop\n")?;
//! assert_eq!(definition.compile()?.starts.len(), 1);
//! # Ok::<(), st2d::workflow::orquesta::Error>(())
//! ```

mod compile;
mod inspect;
#[cfg(test)]
mod large;
mod params;
mod shape;

pub use inspect::{Actions, Finding, Kind, Parameters, Places};
use serde_json::{Map, Value};

use crate::yaml;

/// Why a definition cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("The spec cannot be type of None.")]
    Empty,
    /// It is no YAML.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
    /// It is YAML of another shape.
    #[error("The workflow definition is malformed: {0}")]
    Malformed(String),
}

/// A workflow definition as it was written, with items in their long form.
#[derive(Debug, Clone)]
pub struct Definition {
    document: Value,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// [`Error::Empty`] and [`Error::Yaml`]; what else is wrong with it, an inspection tells.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::of(yaml::load(text)?)
    }

    /// Reads a definition, and notes where its parts stand.
    ///
    /// # Errors
    /// As for [`Definition::parse`].
    pub fn parse_with_places(text: &str) -> Result<(Self, Places), Error> {
        let (document, positions) = yaml::load_with_positions(text)?;
        Ok((Self::of(document)?, Places::new(text, positions)))
    }

    /// A definition that was read already.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn of(mut document: Value) -> Result<Self, Error> {
        let empty = match &document {
            Value::Object(fields) => fields.is_empty(),
            Value::Array(items) => items.is_empty(),
            other => !crate::pytext::truthy(other),
        };
        if empty {
            return Err(Error::Empty);
        }
        let tasks = document.get_mut("tasks").and_then(Value::as_object_mut);
        for task in tasks.into_iter().flat_map(Map::values_mut) {
            if let Some(with @ Value::String(_)) = task.get_mut("with") {
                let mut long = Map::new();
                long.insert("items".to_owned(), with.take());
                *with = Value::Object(long);
            }
        }
        Ok(Self { document })
    }

    /// The definition as JSON.
    pub fn document(&self) -> &Value {
        &self.document
    }
}
