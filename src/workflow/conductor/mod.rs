//! The conductor: told what happened, it says what runs next.
//!
//! The steps are StackStorm's: `request` asks the workflow to go to a status, `next_tasks` says what to
//! start, `update` takes a report about a task, `render_output` ends it, `rerun` begins again in the
//! middle. Where it differs on purpose: a join of N tasks runs once, not again for each later arrival.

mod next;
mod output;
#[cfg(test)]
mod properties;
mod rerun;
mod transition;
mod update;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    Evaluate, Fault, Scope, Status, evaluate,
    ir::Graph,
    log, machine,
    state::{Key, Named, Staged, State},
};

pub use next::{Call, NextTask};
pub use rerun::Rerun;
pub use update::TaskEvent;

/// A run of a workflow.
#[derive(Debug, Clone)]
pub struct Conductor {
    graph: Arc<Graph>,
    state: State,
    /// The rendered items of tasks under way, so that they are rendered once.
    rendered: HashMap<Key, Arc<Vec<Call>>>,
}

/// What the conductor refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A report about a task the definition does not have.
    #[error("Task \"{0}\" does not exist.")]
    InvalidTask(String),
    /// A report about a task that nobody was asked to start.
    #[error("Task \"{0}\" is not staged or has not started yet.")]
    NotStaged(String),
    /// A report about an item of a task that has been led to again meanwhile. StackStorm fails here too (`KeyError`).
    #[error(
        "Task \"{0}\" was led to again before its items had ended. \
         A cycle may come back to a task with items only after it."
    )]
    Overrun(String),
    /// A report that means nothing for a task in its status.
    #[error("Event \"{0}\" is not valid.")]
    InvalidEvent(String),
    /// A request the workflow cannot follow.
    #[error("Unable to process event \"workflow_{request}\" for workflow in \"{status}\" status.")]
    InvalidRequest {
        /// The status asked for.
        request: Status,
        /// The status it is in.
        status: Status,
    },
    /// A rerun of a workflow that has not ended.
    #[error("Unable to rerun workflow because it is not in a completed state.")]
    Active,
    /// A rerun of tasks that did not run.
    #[error("Unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: {0}")]
    NotRerunnable(String),
}

impl Error {
    /// The class StackStorm gives the error.
    pub fn class(&self) -> &'static str {
        match self {
            Self::InvalidTask(_) => "InvalidTask",
            Self::NotStaged(_) | Self::Overrun(_) => "InvalidTaskStateEntry",
            Self::InvalidEvent(_) => "InvalidEvent",
            Self::InvalidRequest { .. } => "InvalidWorkflowStatusTransition",
            Self::Active => "WorkflowIsActiveAndNotRerunableError",
            Self::NotRerunnable(_) => "InvalidTaskRerunRequest",
        }
    }
}

impl Conductor {
    /// Begins a run: `context` is what the caller's side gives (`st2`, `parent`), `inputs` the values of
    /// the workflow's inputs. Inputs and variables that cannot be evaluated fail the workflow at once.
    pub fn new(
        graph: Arc<Graph>,
        context: Map<String, Value>,
        inputs: &Map<String, Value>,
        evaluate: &dyn Evaluate,
    ) -> Self {
        let mut conductor = Self { graph, state: State::default(), rendered: HashMap::new() };
        let graph = conductor.graph.clone();
        let mut faults = Vec::new();
        let given = graph.input.iter().map(|(name, default)| (name, inputs.get(name).unwrap_or(default)));
        let values = rolling(given, &Scope::of(&[&context]), evaluate, &mut faults);
        let mut whole = context;
        evaluate::merge(&mut whole, &values);
        let vars = graph.vars.iter().map(|(name, value)| (name, value));
        let values = rolling(vars, &Scope::of(&[&whole]), evaluate, &mut faults);
        evaluate::merge(&mut whole, &values);
        if !faults.is_empty() {
            for fault in faults {
                conductor.state.log(log::Entry { message: fault.0, ..log::Entry::default() });
            }
            conductor.fail();
            return conductor;
        }
        let context = conductor.state.add_context(whole);
        let ins = conductor.state.add_view(None, context);
        conductor.state.routes.push(Vec::new());
        for task in &graph.starts {
            let start = Staged { task: *task, ins, ready: true, ..Staged::default() };
            conductor.state.stage(start);
        }
        conductor
    }

    /// Goes on with a run that was saved.
    pub fn restore(graph: Arc<Graph>, state: State) -> Self {
        Self { graph, state, rendered: HashMap::new() }
    }

    /// The definition.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// What is remembered of the run.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What changed since the last call, for the store.
    pub fn take_changes(&mut self) -> Vec<super::Piece> {
        self.state.take_changes(&self.graph)
    }

    /// The status of the workflow.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// Asks the workflow to go to a status.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when it cannot, or not from where it stands.
    pub fn request(&mut self, request: Status) -> Result<(), Error> {
        let before = self.status();
        if request.is_pause() || request.is_cancel() {
            self.tell_tasks_with_items(request);
        }
        let active = self.state.any_active();
        let paused = |status| matches!(status, Status::Paused | Status::Pending);
        let done = !active && self.state.ready().next().is_none() && !self.state.any(paused);
        if let Some(status) = machine::workflow_request(before, request, active, done) {
            self.state.set_status(status);
        }
        let after = self.status();
        let under_way = matches!(
            (request, before, after),
            (Status::Paused, Status::Pausing, Status::Pausing)
                | (Status::Canceled, Status::Canceling, Status::Canceling)
        );
        if request != before && before == after && !under_way {
            return Err(Error::InvalidRequest { request, status: before });
        }
        Ok(())
    }

    /// Fails the workflow because a task could not be requested.
    pub fn refuse(&mut self, task: &str, route: usize, message: String) {
        self.fail();
        let task = Some(task.to_owned());
        self.state.log(log::Entry { message, task, route: Some(route), ..log::Entry::default() });
    }

    /// How far the items of a task are, if it has items under way.
    pub fn items_of(&self, task: &str, route: usize) -> Option<&[Status]> {
        self.state.staged((self.graph.find(task)?, route))?.items.as_deref()
    }

    /// Whether a task is paused: it cannot end before it is told to run again.
    pub fn rests(&self, task: &str, route: usize) -> bool {
        let entry = self.graph.find(task).and_then(|task| self.state.last((task, route)));
        entry.is_some_and(|entry| entry.status == Status::Paused)
    }

    /// The routes on which a task ran.
    pub fn routes_of(&self, task: &str) -> Vec<usize> {
        let Some(task) = self.graph.find(task) else { return Vec::new() };
        let mut routes: Vec<usize> =
            self.state.last.keys().filter(|(known, _)| *known == task).map(|(_, route)| *route).collect();
        routes.sort_unstable();
        routes
    }

    /// Fails the workflow, if it still can.
    fn fail(&mut self) {
        if let Some(status) = machine::workflow_request(self.status(), Status::Failed, false, false) {
            self.state.set_status(status);
        }
    }

    /// A task with items pauses and cancels between its items.
    fn tell_tasks_with_items(&mut self, request: Status) {
        let running: Vec<(usize, Key)> = self
            .state
            .last
            .iter()
            .filter(|(_, at)| self.state.entries[**at].status == Status::Running)
            .map(|(key, at)| (*at, *key))
            .collect();
        for (at, key) in running {
            let Some(items) = self.state.staged(key).and_then(|staged| staged.items.as_ref()) else {
                continue;
            };
            let active = items.iter().any(|status| status.is_active());
            let unfinished = items.iter().any(|status| !status.is_completed());
            let from = self.state.entries[at].status;
            if let Some(status) = machine::task_on_request(from, request, active, unfinished) {
                self.state.set_entry_status(at, status);
            }
        }
    }

    fn log_task(&mut self, message: String, (task, route): Key, transition: Option<&str>) {
        let task = Some(self.graph.tasks[task].name.clone());
        let transition = transition.map(str::to_owned);
        self.state.log(log::Entry { message, task, route: Some(route), transition, result: None });
    }

    fn named(&self) -> Named<'_> {
        Named { graph: &self.graph, state: &self.state }
    }
}

/// Evaluates a list of names and values, each seeing those before it; what fails is left out and noted.
fn rolling<'a>(
    list: impl Iterator<Item = (&'a String, &'a Value)>,
    base: &Scope<'_>,
    evaluate: &dyn Evaluate,
    faults: &mut Vec<Fault>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, value) in list {
        let scope = Scope { set: Some(&values), ..*base };
        match evaluate.evaluate(value, &scope) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(fault) => faults.push(fault),
        }
    }
    values
}
