//! A metadata file as a value, with the places its parts were written at.

mod yaml;

use crate::schema::Step;
use serde_json::Value;
use std::collections::BTreeMap;

/// A place in a file, both from 1; columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A parsed file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Where each part begins, by its path.
    positions: BTreeMap<Vec<Step>, Position>,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct SyntaxError {
    /// Where reading it stopped.
    pub(super) position: Option<Position>,
    /// What is wrong.
    pub(super) message: String,
}

impl SyntaxError {
    /// `line:column`, or nothing.
    pub(super) fn place(&self) -> String {
        self.position.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default()
    }
}

impl Document {
    /// Reads YAML.
    pub(super) fn yaml(text: &str) -> Result<Self, SyntaxError> {
        yaml::parse(text)
    }

    /// Reads JSON.
    pub(super) fn json(text: &str) -> Result<Self, SyntaxError> {
        let value = serde_json::from_str(text).map_err(|error| SyntaxError {
            position: Some(Position { line: error.line(), column: error.column() }),
            message: error.to_string(),
        })?;
        // JSON is YAML as far as places go; where it is not, we name none.
        let positions = yaml::parse(text).map(|document| document.positions).unwrap_or_default();
        Ok(Self { value, positions })
    }

    /// Where exactly the part at `path` was written, if it was.
    pub(super) fn exact_position(&self, path: &[Step]) -> Option<Position> {
        self.positions.get(path).copied()
    }

    /// Where the part at `path` was written; the nearest part around it, if it was not.
    pub(super) fn position(&self, path: &[Step]) -> Option<Position> {
        (0..=path.len()).rev().find_map(|length| self.positions.get(&path[..length]).copied())
    }
}
