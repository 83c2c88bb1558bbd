//! What is wrong with a file of a pack, and where.

use super::{
    disk::{PackDir, ReadError},
    document::{Document, Position, SyntaxError},
    form::Error,
};
use crate::schema::Step;
use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// What a file describes, in the order it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `pack.yaml`.
    Pack,
    /// `config.schema.yaml`.
    ConfigSchema,
    /// What the administrator says about content that is not theirs, in the directory of overrides.
    Override,
    /// A file of `triggers/`.
    Trigger,
    /// A file of `sensors/`.
    Sensor,
    /// A file of `actions/`.
    Action,
    /// A file of `rules/`.
    Rule,
    /// A file of `aliases/`.
    Alias,
    /// A file of `policies/`.
    Policy,
    /// The pack's file in the directory of configurations.
    Config,
}

impl Kind {
    /// What packs hold, in the order it is registered.
    pub const CONTENT: [Self; 7] =
        [Self::Trigger, Self::Sensor, Self::Action, Self::Rule, Self::Alias, Self::Policy, Self::Config];

    /// What one is called.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Pack | Self::ConfigSchema | Self::Override => "pack",
            Self::Trigger => "trigger",
            Self::Sensor => "sensor",
            Self::Action => "action",
            Self::Rule => "rule",
            Self::Alias => "alias",
            Self::Policy => "policy",
            Self::Config => "config",
        }
    }

    /// What many are called, which is also their folder in a pack.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Pack | Self::ConfigSchema | Self::Override => "packs",
            Self::Trigger => "triggers",
            Self::Sensor => "sensors",
            Self::Action => "actions",
            Self::Rule => "rules",
            Self::Alias => "aliases",
            Self::Policy => "policies",
            Self::Config => "configs",
        }
    }
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
        let noun = self.kind.noun();
        match self.kind {
            Kind::Pack | Kind::ConfigSchema | Kind::Override => {
                format!("Failed to register pack \"{pack}\": {message}")
            }
            Kind::Config => {
                format!("Failed to register config \"{}\" for pack \"{pack}\": {message}", file.display())
            }
            _ => format!("Failed to register {noun} \"{}\" from pack \"{pack}\": {message}", file.display()),
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

    /// A fault of the part that `error` names.
    pub(super) fn of(document: &Document, error: Error) -> Self {
        Self::at(document, &error.path, error.message)
    }

    /// Whether the file is not there at all.
    pub(super) fn is_missing_file(&self) -> bool {
        self.is_missing_file
    }

    /// The problem of a file, named relative to its pack or from the root.
    pub(super) fn into_problem(self, directory: &PackDir, kind: Kind, file: impl AsRef<Path>) -> Problem {
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
