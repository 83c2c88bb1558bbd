//! How a command ends when it does not succeed: what to say, and the exit code.

use super::client;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Shown as `ERROR: …` on standard output, where the Python client has it; `None`: all is said.
    pub(crate) message: Option<String>,
    pub(crate) code: u8,
}

impl Failure {
    /// An error to be shown, exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: Some(message.into()), code: 1 }
    }

    /// Everything has been said already.
    pub(crate) fn silent(code: u8) -> Failure {
        Failure { message: None, code }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Failure {
        Failure::new(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(error.to_string())
    }
}
