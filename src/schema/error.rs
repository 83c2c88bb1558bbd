//! What is wrong with a value, in the words of Python's jsonschema, which clients show to users and match on.

use std::fmt;

/// Why a value or a schema was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The one-line text that REST answers with.
    pub message: String,
    /// Where in the value, from the outside in.
    pub path: Vec<Step>,
    /// The schema keyword that refused it; empty when no keyword did ([`Kind::Fault`]).
    pub validator: String,
    /// What was found to be wrong.
    pub kind: Kind,
    /// The long text with schema and instance; only made when asked for ([`super::Options::explain`]).
    pub explained: Option<String>,
}

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The value does not fit the schema.
    Value,
    /// The schema does not fit the schema of schemas.
    Schema,
    /// An action changes something of its runner's parameter that is not its to change.
    Override,
    /// The check could not be made: bad reference or pattern, nested too deep, too much work.
    Fault,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an array.
    Index(usize),
    /// Into an object.
    Key(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => f.write_str(key),
        }
    }
}

impl Error {
    /// A check that could not be made.
    pub(super) fn fault(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: vec![],
            validator: String::new(),
            kind: Kind::Fault,
            explained: None,
        }
    }

    pub(super) fn refused_override(attribute: &str, parameter: &str, action: &str) -> Self {
        let message = format!(
            "The attribute \"{attribute}\" for the runner parameter \"{parameter}\" in action \"{action}\" cannot be \
             overridden."
        );
        Self { kind: Kind::Override, ..Self::fault(message) }
    }

    /// The path as pack configuration shows it: `a.b.0`.
    pub fn dotted_path(&self) -> String {
        self.path.iter().map(Step::to_string).collect::<Vec<_>>().join(".")
    }

    /// The long text where it was made, else the short one.
    pub fn text(&self) -> &str {
        self.explained.as_deref().unwrap_or(&self.message)
    }
}
