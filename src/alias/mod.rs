//! Action aliases: what people type in a chat, and which action it asks for with which parameters.
//!
//! A format is a regular expression with holes: `run {{ command }} on {{ hosts=localhost }}`. [`Format`] is one, ready to
//! be matched against a [`Command`]; [`find`] looks for the one alias that fits; [`help()`] is what a bot answers to "help".
//! [`fix`] lays the parameters an alias insists on over those that were given.
//!
//! Pure. Left out: the datastore that templates of parameters may ask, casts to the types of the action, and running it.

mod anchors;
mod command;
mod format;
mod help;
mod immutable;
mod matching;
mod representation;
pub mod request;

pub use command::Command;
pub use format::Format;
pub use help::{Help, Page, help};
pub use immutable::{Unfit, fix};
pub use matching::{Found, NotFound, find};
pub use representation::{Representation, representations, usable_formats};

/// Why a command gives no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The command is another one.
    #[error("Command \"{command}\" doesn't match format string \"{format}\"")]
    Mismatch {
        /// What was typed.
        command: String,
        /// What it was held against.
        format: String,
    },
    /// It fits, and says nothing.
    #[error("No value supplied and no default value found.")]
    Nothing,
    /// The format is no regular expression.
    #[error("{cause}")]
    Broken {
        /// The format.
        format: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The search was given up.
    #[error("Command \"{command}\" takes too many steps to match against format string \"{format}\"")]
    Endless {
        /// What was typed.
        command: String,
        /// What it was held against; empty if the command alone was too much.
        format: String,
    },
}
