//! Errors of YAQL: a class, as Python names it, and a message. Both reach users.

use std::fmt;

/// What went wrong, in the words of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The class of the exception.
    pub class: &'static str,
    /// The exception's own text, without the class.
    pub message: String,
}

/// What everything here answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this class.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// A value that cannot be used.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// A value of the wrong type.
    pub fn kind(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    /// One of our own limits is reached.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new("YaqlLimitException", message)
    }

    /// No overload takes these arguments.
    pub(super) fn no_function(name: &str) -> Self {
        Self::new("NoMatchingFunctionException", format!("No function \"{name}\" matches supplied arguments"))
    }

    /// The end of an iterator that had to have one more item.
    pub(super) fn stop() -> Self {
        Self::new("StopIteration", "")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for Error {}
