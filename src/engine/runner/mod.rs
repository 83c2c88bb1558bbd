//! Runners: the code that runs actions. The trait, what a runner is given, and what it answers.
//!
//! `container` is the envelope around every run; `registry` finds a runner by name. A new runner touches its own
//! file and one line of the registry.

mod announcement;
mod answer;
pub mod arguments;
pub mod command;
pub mod container;
mod content_version;
mod drain;
pub(in crate::engine) mod entry_point;
mod external;
mod go_ahead;
pub(in crate::engine) mod host;
mod http;
mod inquirer;
mod local;
mod native;
mod noop;
pub mod output;
pub mod powershell;
mod process;
pub(in crate::engine) mod python;
mod registry;
mod remote;
pub mod shape;
mod winrm;

pub use answer::Answer;
pub(in crate::engine) use content_version::remove_leftovers;
pub use drain::ActionRunner;
pub(in crate::engine) use drain::end_all;
pub(in crate::engine) use entry_point::PackDirs;
pub use go_ahead::GoAhead;
pub use host::Host;
pub(in crate::engine) use native::{bring_back, is_native};
pub use registry::Registry;

use crate::{
    model::{Execution, ExecutionStatus},
    service::Stop,
    store::{ledger::Ledger, outputs::OutputChunk},
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::{path::PathBuf, sync::Arc};

/// Runs the actions of one runner type.
pub trait Runner: Send + Sync {
    /// Runs the action to its end, sending output to `io` as it appears. Ends early when `io.stop` asks.
    ///
    /// # Errors
    /// Only when *we* could not run it (no interpreter, no directory). An action that fails is an [`Outcome`].
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>>;

    /// How every action of this type ends, if that is known beforehand and running it touches nothing. Such an action is
    /// stored with its end in the commit that admits it, instead of two.
    fn foregone(&self) -> Option<Outcome> {
        None
    }

    /// Whether actions of this type are handed the configuration of their pack.
    fn needs_config(&self) -> bool {
        false
    }

    /// Whether it is called before the run may begin, and waits for [`RunIo::go_ahead`] itself before anything happens
    /// that could be noticed.
    fn waits(&self) -> bool {
        false
    }
}

/// The order a runner gets.
#[derive(Debug)]
pub struct LiveAction {
    /// What is run, with its action and runner type.
    pub execution: Arc<Execution>,
    /// Values of the runner's own parameters, defaults included.
    pub runner_parameters: Map<String, Value>,
    /// Values of the action's parameters, defaults included.
    pub action_parameters: Map<String, Value>,
    /// Absolute path of the entry point, if the action has one.
    pub entry_point: Option<PathBuf>,
    /// Where its pack lies, if the action has an entry point.
    pub pack_dir: Option<PathBuf>,
    /// Configuration of its pack, if the runner asked for it.
    pub config: Value,
    /// The user it should run as.
    pub system_user: String,
    /// The user this daemon runs as.
    pub own_user: String,
    /// Variables that every process of this action gets.
    pub env: Vec<(String, String)>,
}

/// A runner's way to the world while it runs.
pub struct RunIo {
    /// Asks the runner to end the action.
    pub stop: Stop,
    /// Whether the run may begin; has said so already, unless [`Runner::waits`].
    pub go_ahead: GoAhead,
    /// How, and where its output goes.
    pub output: output::Sink,
    /// Time between SIGTERM and SIGKILL.
    pub kill_grace: std::time::Duration,
}

impl RunIo {
    /// Waits until the run may begin.
    ///
    /// # Errors
    /// It may not.
    pub(in crate::engine) async fn begin(&self) -> Result<(), Error> {
        if self.go_ahead.wait().await { Ok(()) } else { Err(Error::NotStored) }
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// One of the completed statuses, or `pending` and `paused` for runners that wait.
    pub status: ExecutionStatus,
    /// What it answered.
    pub result: Answer,
}

/// We could not run the action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The metadata of the action does not fit its runner.
    #[error("{0}")]
    Metadata(String),
    /// A parameter has a value that the runner cannot work with.
    #[error("{0}")]
    Parameter(String),
    /// The operating system refused.
    #[error("{0}")]
    System(String),
    /// It was not stored that it runs, so it did not begin.
    #[error("The execution was not stored.")]
    NotStored,
}

impl output::OutputStore for Ledger {
    fn store(&self, chunk: OutputChunk) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.output(chunk).await {
                tracing::error!("Output could not be handed to the ledger: {error}");
            }
        })
    }
}
