//! A metadata file as a value, and the places its parts were written at.

use crate::{pytext, schema::Step, yaml};
use serde_json::Value;

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
    text: String,
}

/// Why a text is no document, and where reading it stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct SyntaxError {
    pub(super) position: Position,
    pub(super) message: String,
}

impl Document {
    /// Reads YAML, as registration of StackStorm does: of a key that stands twice the last value counts.
    pub(super) fn yaml(text: String) -> Result<Self, SyntaxError> {
        match yaml::load(&text) {
            Ok(value) => Ok(Self { value, text }),
            Err(yaml::Error { line, column, message }) => {
                Err(SyntaxError { position: Position { line, column }, message })
            }
        }
    }

    /// Reads JSON.
    pub(super) fn json(text: String) -> Result<Self, SyntaxError> {
        match pytext::json_loads(&text) {
            Ok(value) => Ok(Self { value, text }),
            Err(error) => {
                let position = Position { line: error.line, column: error.column };
                Err(SyntaxError { position, message: error.message.to_owned() })
            }
        }
    }

    /// Where the part at `path` was written; what would hold it, if it was not.
    ///
    /// Reads the text once more, so that the many files without a fault need not note all their places.
    pub(super) fn position(&self, path: &[Step]) -> Option<Position> {
        // JSON is YAML as far as places go; where it is not, we name none.
        let (_, positions) = yaml::load_with_positions(&self.text).ok()?;
        let escape = |step: &Step| format!("/{}", step.to_string().replace('~', "~0").replace('/', "~1"));
        let pointer: String = path.iter().map(escape).collect();
        let (line, column) = positions.of(&pointer);
        Some(Position { line, column })
    }
}
