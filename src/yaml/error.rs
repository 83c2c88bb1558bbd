//! Where something stands in a document, and what is wrong with it.

/// A place in the text, counted in characters from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Why a document cannot be read, and where, both counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, line {line}, column {column}")]
pub struct Error {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was being read and what was found instead, in libyaml's words where it has some.
    pub message: String,
}

impl Error {
    pub(super) fn new(message: impl Into<String>, mark: Mark) -> Self {
        Self { line: mark.line + 1, column: mark.column + 1, message: message.into() }
    }
}

pub(super) type Result<T, E = Error> = std::result::Result<T, E>;
