//! What the engine and the languages of workflows agree on.

use crate::{
    engine::{
        Engine,
        execution::{ChildRequest, Refusal},
    },
    model::{Execution, ExecutionStatus, WorkflowId},
    store::workflows::{Piece, Stored},
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A language that workflows are written in.
pub(in crate::engine) trait Language: Send + Sync {
    /// Its name in the rows.
    fn name(&self) -> &'static str;

    /// Reads the definition and makes a workflow that has not begun.
    ///
    /// # Errors
    /// How the execution ends if that is impossible.
    fn begin<'a>(&'a self, engine: &'a Engine, at: Beginning) -> BoxFuture<'a, Result<Begun, Ended>>;

    /// Makes a workflow that was stored.
    ///
    /// # Errors
    /// Why what was stored cannot be read.
    fn resume<'a>(
        &'a self,
        engine: &'a Engine,
        stored: Resumed,
    ) -> BoxFuture<'a, Result<Box<dyn Logic>, String>>;
}

/// What a workflow begins with.
pub(in crate::engine) struct Beginning {
    /// Its execution.
    pub(in crate::engine) execution: Arc<Execution>,
    /// Its id.
    pub(in crate::engine) workflow: WorkflowId,
    /// Values of the runner's parameters, defaults included.
    pub(in crate::engine) runner_parameters: Map<String, Value>,
    /// Values of the action's parameters, defaults included.
    pub(in crate::engine) action_parameters: Map<String, Value>,
    /// The definition, as its file holds it now.
    pub(in crate::engine) source: Arc<str>,
}

/// A workflow that can take its first step.
pub(in crate::engine) struct Begun {
    /// What decides in it.
    pub(in crate::engine) logic: Box<dyn Logic>,
    /// What it says about its beginning.
    pub(in crate::engine) lines: Vec<String>,
}

/// How an execution ends.
#[derive(Debug)]
pub(in crate::engine) struct Ended {
    pub(in crate::engine) status: ExecutionStatus,
    pub(in crate::engine) result: Value,
}

/// A workflow as it was stored.
pub(in crate::engine) struct Resumed {
    /// The execution it goes on as.
    pub(in crate::engine) execution: Arc<Execution>,
    /// Its row.
    pub(in crate::engine) stored: Stored,
    /// Values of the runner's parameters.
    pub(in crate::engine) runner_parameters: Map<String, Value>,
    /// Its state: key and JSON text.
    pub(in crate::engine) pieces: Vec<(String, String)>,
    /// Executions it has asked for, their results left out; those it does not await carry what expressions may ask.
    pub(in crate::engine) children: Vec<Arc<Execution>>,
}

/// What decides in one workflow.
pub(in crate::engine) trait Logic: Send {
    /// Takes what happened, in this order, and says what is to be done. Runs on a thread where it may block.
    fn step(&mut self, happened: Vec<Happened>) -> Decision;

    /// What changed in its state since the last call.
    fn changes(&mut self) -> Vec<Piece>;

    /// Whether the end of this child still matters to it.
    fn awaits(&self, child: &Execution) -> bool;

    /// Its execution stands like this now, for somebody asked for something.
    fn seen(&mut self, execution: &Arc<Execution>) {
        let _ = execution;
    }

    /// What the context of its execution is to say, as the workflow stands.
    fn notes(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Prepares a workflow that has ended to run some of its tasks again, as `execution`.
    ///
    /// # Errors
    /// Why it cannot.
    fn rerun(
        &mut self,
        execution: &Arc<Execution>,
        tasks: &[String],
        reset: &[String],
    ) -> Result<(), String> {
        let _ = (execution, tasks, reset);
        Err("Task option is only supported for Orquesta workflows.".to_owned())
    }
}

/// What a workflow is told.
pub(in crate::engine) enum Happened {
    /// It begins, or goes on after its node was lost.
    Begun,
    /// A child changed; it has its result if it has ended.
    Child(Arc<Execution>),
    /// A child it wanted cannot be requested; those it wanted after that one were not tried.
    Refused { key: String, refusal: Refusal },
    /// Somebody asked for something.
    Asked(Ask),
}

/// What can be asked of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Ask {
    Pause,
    Resume,
    Cancel,
}

/// What a workflow wants.
pub(in crate::engine) struct Decision {
    /// Executions to request, in this order.
    pub(in crate::engine) wanted: Vec<Wanted>,
    /// The status its execution has now.
    pub(in crate::engine) status: ExecutionStatus,
    /// The result of its execution, if that changes.
    pub(in crate::engine) result: Option<Value>,
    /// What it says about its progress.
    pub(in crate::engine) lines: Vec<String>,
}

/// An execution a workflow wants.
pub(in crate::engine) struct Wanted {
    /// The language's own name for it: comes back if it is refused.
    pub(in crate::engine) key: String,
    /// The request.
    pub(in crate::engine) child: ChildRequest,
}
