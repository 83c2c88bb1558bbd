//! `python-script`: actions that are Python classes.
//!
//! One run is one process, started cold (an interpreter of its own) or forked from a warm one that waits; what an
//! action sees and what its end looks like is the same. `python/PROTOCOL.md` tells how we talk to it: the order goes
//! through one pipe, the result comes back through another, so that what the action prints is nobody's business.
//!
//! Whenever there is doubt about a warm start the run starts cold; but the order, which alone makes an action run,
//! is given to one process only, so nothing ever runs twice.

mod attempt;
mod channel;
mod cold;
pub(in crate::engine) mod launch;
mod pipes;
mod pool;
pub(in crate::engine) mod process;
mod reply;
mod warm;

use super::{
    Error, LiveAction, Outcome, RunIo, Runner,
    content_version::Worktree,
    shape::{self, Ended},
};
use crate::config::Config;
use attempt::End;
use futures_util::future::BoxFuture;
use launch::Launch;
use pool::Pool;
use reply::Said;
use serde_json::Value;
use std::sync::Arc;

pub(super) struct PythonScript {
    config: Arc<Config>,
    node_name: String,
    pool: Arc<Pool>,
}

impl PythonScript {
    pub(super) fn new(config: &Arc<Config>, node_name: &str) -> Self {
        Self { config: config.clone(), node_name: node_name.to_owned(), pool: Pool::new(config) }
    }

    async fn attempt(&self, launch: &Launch, action: &LiveAction, io: &RunIo) -> Result<End, Error> {
        let may_fork = self.config.actionrunner.python_warm && launch.may_fork();
        if may_fork && let Some(end) = warm::run(&self.pool, launch, action, io, &self.node_name).await? {
            return Ok(end);
        }
        let end = cold::run(launch, action, io).await?;
        if may_fork {
            // Not before: the first action of a pack shall not share the machine with the start of its successor's
            // interpreter.
            self.pool.prepare(launch, end.said.modules(), &self.node_name);
        }
        Ok(end)
    }

    async fn run(&self, action: &LiveAction, io: &RunIo) -> Result<Outcome, Error> {
        if Worktree::is_asked_for(action) {
            io.begin().await?;
        }
        let worktree = Worktree::of(action, &self.node_name).await?;
        let launch = Launch::of(&self.config, action, worktree.as_ref())?;
        let ended = self.attempt(&launch, action, io).await;
        if let Some(worktree) = worktree {
            worktree.remove().await;
        }
        let end = ended?;
        // What dies of signal 9 (the kernel's hunt for memory, say) counts as timed out, as in StackStorm.
        let timed_out = end.timed_out || end.code == -9;
        let ended = Ended {
            code: end.code.into(),
            stdout: &end.output.stdout,
            stderr: &end.output.stderr,
            timed_out_after: timed_out.then_some(launch.seconds),
        };
        let (result, status) = match &end.said {
            Said::Answer { result, status, .. } => (Some(&**result), *status),
            Said::Nothing | Said::Refused(_) => (None, None),
            Said::TooLarge => {
                return Err(Error::System(format!(
                    "The result of the action is larger than {} bytes (actionrunner.result_max_bytes).",
                    self.config.actionrunner.result_max_bytes
                )));
            }
        };
        shape::python_apart(&ended, result, status).map_err(Error::System)
    }
}

impl Runner for PythonScript {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.run(action, io))
    }

    fn needs_config(&self) -> bool {
        true
    }

    fn waits(&self) -> bool {
        true
    }
}

/// A parameter of the runner that is text and not empty.
fn text<'a>(action: &'a LiveAction, name: &str) -> Option<&'a str> {
    action.runner_parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
