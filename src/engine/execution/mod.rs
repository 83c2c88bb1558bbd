//! Requests for executions, and what can be asked of one that exists.
//!
//! [`request()`] is one of the engine's two front doors: the API, rules, workflows and policies all come through it.
//! It checks and renders the parameters, stores the row, and either starts it on the spot or leaves it to the
//! scheduler. [`control`] cancels, pauses and resumes; [`rerun`] asks for the same again.

mod admit;
mod catalog;
pub mod control;
mod known_actions;
pub mod parameters;
pub(in crate::engine) mod rendering;
mod request;
pub mod rerun;

pub(in crate::engine) use admit::Admitted;
pub use catalog::{Catalog, Runnable};
pub use known_actions::KnownActions;
pub(in crate::engine) use request::{Asked, ChildRequest, Refusal, again, asked, child, previewed};
pub use request::{Idempotency, request};

use crate::{
    model::ExecutionStatus,
    schema,
    store::{self, MayBeAway},
};

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No action has this ref.
    #[error("Action \"{0}\" cannot be found.")]
    NoSuchAction(String),
    /// The action is switched off.
    #[error("Unable to execute. Action \"{0}\" is disabled.")]
    Disabled(String),
    /// The parameters do not fit the action.
    #[error("{0}")]
    Parameters(String),
    /// Something else about the request does not fit.
    #[error("{0}")]
    Invalid(String),
    /// A key was used again with another request.
    #[error("Idempotency-Key \"{0}\" was used before with a different request.")]
    KeyReused(String),
    /// There is no such execution.
    #[error("Unable to identify resource with id \"{0}\".")]
    NoSuchExecution(String),
    /// It is in a status that cannot be cancelled.
    #[error("Action cannot be canceled. State = {0}.")]
    NotCancelable(ExecutionStatus),
    /// It has ended.
    #[error("Execution is already in completed state.")]
    Completed,
    /// The change was refused; says why.
    #[error("Failed updating execution. {0}")]
    Refused(String),
    /// The daemon is stopping.
    #[error("st2d is stopping and takes no new executions; try again shortly.")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl MayBeAway for Error {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }
}

impl From<schema::Error> for Error {
    fn from(error: schema::Error) -> Self {
        Self::Parameters(error.to_string())
    }
}
