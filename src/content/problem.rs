//! What is wrong with a file of a pack, and where.

use super::{
    disk::{PackDir, ReadError},
    document::{Document, Position, SyntaxError},
};
use crate::schema::Step;
use std::{fmt, io::ErrorKind, path::PathBuf};

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

/// A fault somewhere in a file, before it is told which.
#[derive(Debug)]
pub(super) struct Fault {
    position: Option<Position>,
    message: String,
    is_missing_file: bool,
}

impl Problem {
    /// The words of StackStorm's registration, for those who asked for it.
    pub fn failure(&self) -> String {
        let Self { pack, file, message, .. } = self;
        match self.kind {
            Kind::Pack => format!("Failed to register pack \"{pack}\": {message}"),
            Kind::Action => {
                format!("Failed to register action \"{}\" from pack \"{pack}\": {message}", file.display())
            }
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

impl Fault {
    /// A fault of the file as a whole.
    pub(super) fn of_file(message: String) -> Self {
        Self { position: None, message, is_missing_file: false }
    }

    /// A fault of the part at `path`, or of a key right in it that the message quotes first.
    pub(super) fn at(document: &Document, path: &[Step], message: String) -> Self {
        let quoted = message.strip_prefix("Additional properties are not allowed (").unwrap_or(&message);
        let quoted = quoted.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let mut path = path.to_vec();
        // A part that is not there has the place of what would hold it, so this does no harm where it misses.
        path.extend(quoted.map(|(key, _)| Step::Key(key.to_owned())));
        Self { position: document.position(&path), message, is_missing_file: false }
    }

    /// Whether the file is not there at all.
    pub(super) fn is_missing_file(&self) -> bool {
        self.is_missing_file
    }

    /// The problem of a file, named relative to its pack.
    pub(super) fn into_problem(self, directory: &PackDir, kind: Kind, file: &str) -> Problem {
        Problem {
            pack: directory.name.clone(),
            kind,
            file: directory.path.join(file),
            position: self.position,
            message: self.message,
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        let position = match error {
            ReadError::NotUtf8 { line, column } => Some(Position { line, column }),
            _ => None,
        };
        let is_missing_file = matches!(&error, ReadError::Io(error) if error.kind() == ErrorKind::NotFound);
        Self { position, message: error.to_string(), is_missing_file }
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self { position: Some(error.position), ..Self::of_file(error.message) }
    }
}
