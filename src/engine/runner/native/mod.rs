//! The actions of the pack `packs`, done by the daemon itself: packs are managed before there is any Python, and
//! without calling ourselves over HTTP.
//!
//! They look like what they are elsewhere: Python actions with `result`, `stdout` and `stderr`. `packs.install` and
//! `packs.uninstall` are a workflow and a chain of them, like any other. A step of `packs.install` that does not end well
//! [brings back](bring_back) what was there before.

pub(in crate::engine) mod bring_back;
mod load;
mod steps;
mod virtualenvs;

use super::{LiveAction, Outcome, RunIo};
use crate::{
    bus::OutputKind,
    clock,
    engine::Engine,
    model::{Execution, ExecutionStatus, Snapshot},
    packs::{Progress, Settings},
    service::Stop,
    store,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::{path::Path, time::Duration};
use tokio::sync::mpsc;

/// How an action of the pack `packs` is done: one step, as a Python action would do it.
#[derive(Clone, Copy)]
pub(super) struct Native(Step);

/// Does one step.
type Step = for<'a> fn(&'a Job<'a>) -> BoxFuture<'a, Result<Value, Raised>>;

/// What a step would have raised in Python.
#[derive(Debug)]
pub(super) struct Raised {
    kind: &'static str,
    message: String,
}

/// A step at work.
pub(super) struct Job<'a> {
    engine: &'a Engine,
    action: &'a LiveAction,
    io: &'a RunIo,
    /// What was told so far, for the result.
    said: Mutex<String>,
    /// Packs that have another virtualenv by now.
    made: Mutex<Vec<String>>,
}

/// Whether actions like this are done here, whatever their runner is.
pub(in crate::engine) fn is_native(snapshot: &Snapshot) -> bool {
    Native::of_action(snapshot).is_some()
}

impl Native {
    /// The way an execution is done here, if it is one of ours.
    pub(super) fn of(execution: &Execution) -> Option<Self> {
        Self::of_action(&execution.snapshot)
    }

    fn of_action(snapshot: &Snapshot) -> Option<Self> {
        let action = &snapshot.action.spec;
        if action.pack != "packs" {
            return None;
        }
        Some(Self(match action.name.as_str() {
            "download" => |job| Box::pin(steps::download(job)),
            "virtualenv_prerun" => |job| Box::pin(steps::virtualenv_prerun(job)),
            "get_pack_dependencies" => |job| Box::pin(steps::get_pack_dependencies(job)),
            "get_pack_warnings" => |job| Box::pin(steps::get_pack_warnings(job)),
            "setup_virtualenv" | "update_virtualenv" => |job| Box::pin(virtualenvs::setup(job)),
            "load" => |job| Box::pin(load::load(job)),
            "unload" => |job| Box::pin(load::unload(job)),
            "delete" => |job| Box::pin(steps::delete(job)),
            "get" => |job| Box::pin(steps::get(job)),
            "show" => |job| Box::pin(steps::show(job)),
            "search" => |job| Box::pin(steps::search(job)),
            "get_config" => |job| Box::pin(steps::get_config(job)),
            _ => return None,
        }))
    }

    /// Does it.
    pub(super) async fn run(self, engine: &Engine, action: &LiveAction, io: &RunIo) -> Outcome {
        let job = Job::new(engine, action, io);
        as_python(&job, self.0).await
    }
}

/// Runs a step within the time its runner allows, and shapes what comes of it as a Python action's.
async fn as_python(job: &Job<'_>, step: Step) -> Outcome {
    let limit = job.action.runner_parameters.get("timeout").and_then(Value::as_u64).unwrap_or(600);
    let done = tokio::select! {
        done = step(job) => Some(done),
        () = clock::sleep(Duration::from_secs(limit)) => None,
    };
    if !matches!(done, Some(Ok(_))) {
        bring_back::undo(job).await;
    }
    let shape = |code: i32, result: Value| {
        let stderr = job.take_said();
        json!({"stdout": "", "stderr": stderr, "exit_code": code, "result": result})
    };
    match done {
        Some(Ok(result)) => Outcome { status: ExecutionStatus::Succeeded, result: shape(0, result).into() },
        Some(Err(Raised { kind, message })) => {
            let name = job.action.execution.action_ref();
            let text =
                format!("Traceback (most recent call last):\n  File \"st2d\", in {name}\n{kind}: {message}");
            job.say(&text).await;
            Outcome { status: ExecutionStatus::Failed, result: shape(1, json!("None")).into() }
        }
        None => {
            let mut result = shape(-9, json!("None"));
            result["error"] = json!(format!("Action failed to complete in {limit} seconds"));
            Outcome { status: ExecutionStatus::Timeout, result: result.into() }
        }
    }
}

impl Raised {
    fn value(message: impl Into<String>) -> Self {
        Self { kind: "ValueError", message: message.into() }
    }

    fn other(message: impl Into<String>) -> Self {
        Self { kind: "Exception", message: message.into() }
    }

    fn not_found(path: &Path) -> Self {
        let message = format!("[Errno 2] No such file or directory: '{}'", path.display());
        Self { kind: "FileNotFoundError", message }
    }
}

impl From<crate::packs::Error> for Raised {
    fn from(error: crate::packs::Error) -> Self {
        Self::other(error.to_string())
    }
}

impl From<store::Error> for Raised {
    fn from(error: store::Error) -> Self {
        Self::other(format!("The database could not be used: {error}"))
    }
}

impl<'a> Job<'a> {
    fn new(engine: &'a Engine, action: &'a LiveAction, io: &'a RunIo) -> Self {
        Self { engine, action, io, said: Mutex::default(), made: Mutex::default() }
    }

    /// What was told so far.
    fn take_said(&self) -> String {
        std::mem::take(&mut *self.said.lock())
    }
}

impl Job<'_> {
    fn parameter(&self, name: &str) -> &Value {
        self.action.action_parameters.get(name).unwrap_or(&Value::Null)
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.parameter(name).as_bool().unwrap_or(default)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        texts(self.parameter(name))
    }

    fn map(&self, name: &str) -> Map<String, Value> {
        self.parameter(name).as_object().cloned().unwrap_or_default()
    }

    /// Tells a line of progress.
    async fn say(&self, line: &str) {
        let line = format!("{line}\n");
        self.said.lock().push_str(&line);
        self.io.output.line(OutputKind::Stderr, line).await;
    }

    /// The settings, with what the configuration of the pack `packs` says.
    async fn settings(&self) -> Result<Settings, Raised> {
        let config = store::configs::find(self.engine.store().pool(), "packs").await?;
        let values = config.map(|config| config.values).unwrap_or_default();
        Ok(Settings::of(self.engine.config()).with_pack_config(&values))
    }

    /// Does long work beside the threads that serve others. Its progress is told as it goes; a cancel, or the end of
    /// its time, is heard by it.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Progress<'_>) -> T + Send + 'static,
    ) -> Result<T, Raised> {
        let (sender, mut lines) = mpsc::unbounded_channel::<String>();
        // Given up when this future is dropped.
        let given_up = Stop::new();
        let _guard = Guard(given_up.clone());
        let cancelled = self.io.stop.clone();
        let task = tokio::task::spawn_blocking(move || {
            let say = move |line| {
                let _ = sender.send(line);
            };
            work(&Progress { say: &say, stopped: &|| cancelled.is_requested() || given_up.is_requested() })
        });
        while let Some(line) = tokio::select! {
            line = lines.recv() => line,
            // What waits for the network hears of it later; nobody waits for that.
            () = self.io.stop.requested() => return Err(Raised::other("stopped")),
        } {
            self.say(&line).await;
        }
        task.await.map_err(|error| Raised::other(error.to_string()))
    }
}

struct Guard(Stop);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// The texts of a list.
fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
