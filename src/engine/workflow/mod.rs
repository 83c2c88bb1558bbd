//! Workflows: executions that are made of other executions.
//!
//! Each workflow has one task on the node that holds its execution ([`flow`]). That task alone advances it: it is told
//! what happened, hands that to the language of the definition ([`Logic`]), makes the executions the language wants, and
//! stores all of it as one step, which is one commit: the pieces of the state that changed, the new children, the status
//! and what it says about its progress. Whatever gathered while a step was stored goes into the next one, so siblings
//! that end together advance their workflow together. A child whose end is known beforehand (`core.noop`) is stored with
//! its end and advances the workflow in the same step.
//!
//! Nothing is polled. Every change of an execution on this node is told to [`heard`], which passes it to the parent's
//! task if that is here; between nodes it travels as the neighbours' word. What is asked for (cancel, pause, resume) is
//! a status in the row; [`look`] makes the workflow's task read it.
//!
//! After a crash the rows say everything. [`mod@adopt`] gives workflows of lost nodes, an earlier life of this one included,
//! to this node; their state is read back from its pieces, and children that ended meanwhile are found by asking the
//! language which of them it still [awaits](Logic::awaits). A step that was not committed leaves nothing: no child of
//! it exists. The holder is the lock: a step of a node that was given up finds that out in its own transaction.
//!
//! # Another language
//! A language is a [`Language`] in [`LANGUAGES`], found by the name of the runner. It makes a [`Logic`] when a workflow
//! begins, and again from the pieces it had stored. A logic is plain values: [`Logic::step`] takes what [`Happened`] and
//! answers with a [`Decision`], on a thread where it may compute. Rows, locks, pushes, places, parameters of children,
//! cascades of pause, resume and cancel to children and parents, output, crashes and the depth limit are the flow's
//! business and the same for all. The children's contexts are the language's: by them it recognises its children.
//!
//! Left out: what definitions mean ([`crate::workflow`]).

mod action_chain;
mod adopt;
mod begin;
mod definitions;
mod flow;
mod language;
mod orquesta;
mod progress;
mod rerun;
mod step;

pub(in crate::engine) use adopt::{adopt, go_on};
pub(in crate::engine) use language::{
    Ask, Beginning, Begun, Decision, Ended, Happened, Language, Logic, Resumed, Wanted,
};

use super::Engine;
use crate::{
    bus::Event,
    model::{Execution, ExecutionId, Snapshot},
    store::ledger::Insert,
};
use flow::Message;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};

/// The runners whose executions are workflows, each with its language.
const LANGUAGES: [(&str, &dyn Language); 3] = [
    ("orquesta", &orquesta::Orquesta),
    ("orchestra", &orquesta::Orquesta),
    ("action-chain", &action_chain::ActionChain),
];

/// The names of those runners.
pub(in crate::engine) fn runners() -> Vec<&'static str> {
    LANGUAGES.iter().map(|(runner, _)| *runner).collect()
}

/// Whether executions of this action are workflows.
pub(in crate::engine) fn runs(snapshot: &Snapshot) -> bool {
    language(snapshot).is_some()
}

fn language(snapshot: &Snapshot) -> Option<&'static dyn Language> {
    LANGUAGES.iter().find(|(runner, _)| *runner == snapshot.runner.name).map(|(_, language)| *language)
}

/// The workflows of this node.
#[derive(Default)]
pub(in crate::engine) struct Flows {
    /// Where their tasks are told something. A workflow of which tasks run again is found under its old executions too.
    tasks: Mutex<HashMap<ExecutionId, Arc<mpsc::UnboundedSender<Message>>>>,
    /// Children they wait for: those that other nodes run are told by other nodes.
    awaited: Mutex<HashSet<ExecutionId>>,
    /// Workflows that go on here as soon as the database says that this node holds them.
    adopting: Mutex<HashSet<ExecutionId>>,
    /// The daemon stops: workflows rest where they are, and go on after the next start.
    halted: AtomicBool,
    definitions: definitions::Definitions,
}

impl Flows {
    fn tell(&self, id: ExecutionId, message: impl FnOnce() -> Message) {
        if let Some(task) = self.tasks.lock().get(&id) {
            // One that has just ended needs to hear nothing.
            let _ = task.send(message());
        }
    }
}

/// An execution changed: its parent's task is told, if it is here.
pub(in crate::engine) fn heard(engine: &Engine, execution: &Arc<Execution>) {
    if let Some(parent) = execution.parent {
        engine.shared.flows.tell(parent, || Message::Child(execution.clone()));
    }
}

/// Executions changed on another node. Those that workflows of this node wait for are looked at.
pub(in crate::engine) async fn heard_elsewhere(
    engine: &Engine,
    ids: &[ExecutionId],
) -> crate::store::Result<()> {
    let ids: Vec<ExecutionId> = {
        let awaited = engine.shared.flows.awaited.lock();
        ids.iter().filter(|id| awaited.contains(id)).copied().collect()
    };
    if !ids.is_empty() {
        let pool = engine.store().pool();
        for execution in crate::store::executions::query::find_many(pool, &ids).await? {
            heard(engine, &execution);
        }
    }
    Ok(())
}

/// Whether an execution is a workflow that has its task on this node.
pub(in crate::engine) fn is_here(engine: &Engine, id: ExecutionId) -> bool {
    engine.shared.flows.tasks.lock().contains_key(&id)
}

/// Something was asked of a workflow, in its row.
pub(in crate::engine) fn look(engine: &Engine, id: ExecutionId) {
    engine.shared.flows.tell(id, || Message::Look);
}

/// Stops all workflows of this node where they are.
pub(in crate::engine) fn halt(engine: &Engine) {
    engine.shared.flows.halted.store(true, Ordering::SeqCst);
    engine.shared.flows.tasks.lock().clear();
}

/// Stores a workflow's execution as running and lets it run; answers once it is stored. In a task of its own: a client
/// that hangs up must not leave a row behind that nobody runs.
pub(in crate::engine) async fn insert_and_start(
    engine: &Engine,
    row: Insert,
    events: Vec<Event>,
) -> crate::store::Result<()> {
    let (answer, answered) = oneshot::channel();
    let engine = engine.clone();
    let runtime = engine.shared.runtime.clone();
    let task = async move {
        let execution = row.execution.clone();
        let stored = engine.shared.ledger.insert(row, events).await;
        let is_stored = stored.is_ok();
        let _ = answer.send(stored);
        if is_stored {
            start(&engine, execution);
        }
    };
    crate::service::spawn_on(&runtime, "workflow request", task);
    answered.await.unwrap_or_else(|_| Err(crate::store::Error::Unavailable(sqlx::Error::WorkerCrashed)))
}

/// Begins the workflow of an execution that was just stored as running by this node.
pub(in crate::engine) fn start(engine: &Engine, execution: Arc<Execution>) {
    spawn(engine, execution, false);
}

/// Makes the task of a workflow.
fn spawn(engine: &Engine, execution: Arc<Execution>, known: bool) {
    if engine.shared.flows.halted.load(Ordering::SeqCst) {
        return;
    }
    let (sender, mailbox) = mpsc::unbounded_channel();
    let sender = Arc::new(sender);
    let handle = Handle(Arc::downgrade(&sender));
    engine.shared.flows.tasks.lock().insert(execution.id, sender);
    let engine = engine.clone();
    let runtime = engine.shared.runtime.clone();
    let task = async move {
        let flow = if known {
            adopt::reopen(&engine, execution, mailbox, &handle).await
        } else {
            begin::open(&engine, execution, mailbox, &handle).await
        };
        if let Some((flow, happened)) = flow {
            Box::pin(flow.run(happened)).await;
        }
        let mut tasks = engine.shared.flows.tasks.lock();
        tasks.retain(|_, task| !Weak::ptr_eq(&handle.0, &Arc::downgrade(task)));
    };
    crate::service::spawn_on(&runtime, "workflow", task);
}

/// A workflow's own way to its mailbox. It keeps nothing alive: when the daemon lets go of the mailbox, the task ends.
struct Handle(Weak<mpsc::UnboundedSender<Message>>);

impl Handle {
    /// Makes it look at its row.
    fn look(&self) {
        if let Some(sender) = self.0.upgrade() {
            let _ = sender.send(Message::Look);
        }
    }
}

/// Lets a workflow be found under all executions it has run as.
fn register(engine: &Engine, handle: &Handle, executions: &[ExecutionId]) {
    if let Some(sender) = handle.0.upgrade() {
        let mut tasks = engine.shared.flows.tasks.lock();
        tasks.extend(executions.iter().map(|id| (*id, sender.clone())));
    }
}
