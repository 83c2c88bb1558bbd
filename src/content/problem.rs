//! What is wrong with a file of a pack, and where.

use super::document::Position;
use std::{fmt, path::PathBuf};

/// What a file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `pack.yaml`.
    Pack,
    /// A file of `actions/`.
    Action,
}

/// A file that could not be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the pack's directory.
    pub pack: String,
    /// What was to be registered.
    pub kind: Kind,
    /// The file.
    pub file: PathBuf,
    /// Where in it, if it is about a part of it.
    pub position: Option<Position>,
    /// What is wrong, as StackStorm says it where it says it.
    pub message: String,
}

impl Problem {
    /// The words of StackStorm's registration, for those who asked for it.
    pub fn failure(&self) -> String {
        match self.kind {
            Kind::Pack => format!("Failed to register pack \"{}\": {}", self.pack, self.message),
            Kind::Action => format!(
                "Failed to register action \"{}\" from pack \"{}\": {}",
                self.file.display(),
                self.pack,
                self.message
            ),
        }
    }
}

/// `file:line:column: message`, as editors and compilers have it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)
    }
}
