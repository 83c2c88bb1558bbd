//! Admission: whether a new execution runs at once, waits, or has ended before it began; and what follows its commit.
//!
//! The row of an [`Admitted`] is stored by whoever asked: alone through the ledger, or with a step of a workflow. Only
//! after that commit may [`Admitted::begin`] be called.

use crate::{
    bus::{Change, Event, ExecutionEvent},
    engine::{Engine, notifier, runner::container, workflow},
    model::{Execution, ExecutionStatus},
    store::ledger::Insert,
};
use chrono::{DateTime, Utc};
use std::sync::{Arc, OnceLock, atomic::Ordering};
use tokio::sync::OwnedSemaphorePermit;

/// An execution that is ready to be stored.
pub(in crate::engine) struct Admitted {
    /// Its row.
    pub(in crate::engine) row: Insert,
    steps: Vec<ExecutionStatus>,
    start: Start,
}

/// What happens once it is stored.
enum Start {
    /// Nothing: its end is stored with it.
    Ended,
    /// It runs, in this place.
    Here(OwnedSemaphorePermit),
    /// It is a workflow: that needs no place.
    Workflow,
    /// A scheduler takes it up.
    Waits { delayed: bool },
    /// It waits at the gate of its action.
    Gate,
}

/// What is known of an action beforehand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// It needs no place.
    pub(super) is_workflow: bool,
    /// Policies limit how many of it run.
    pub(super) is_limited: bool,
    /// It may run at once. Not if whoever stores it cannot tell, when the database goes away, whether he did.
    pub(super) may_begin: bool,
}

/// Decides. `execution` makes the row from the statuses it has taken; `due` is when it may run, if that is later.
pub(super) async fn admit(
    engine: &Engine,
    execution: impl FnOnce(&[ExecutionStatus]) -> Execution,
    terms: Terms,
    now: DateTime<Utc>,
    due: Option<DateTime<Utc>>,
) -> Admitted {
    use ExecutionStatus::{Delayed, Requested, Running, Scheduled};
    let shared = &engine.shared;
    let admitted = |execution: Execution, due, steps: &[ExecutionStatus], start| Admitted {
        row: Insert { due, gated: terms.is_limited, ..Insert::held(Arc::new(execution)) },
        steps: steps.to_vec(),
        start,
    };
    let here = [Requested, Scheduled, Running];
    let held = |mut execution: Execution| {
        execution.runner_info = Some(shared.host.runner_info());
        execution.holder = Some(engine.holder());
        execution
    };
    let delayed = due.is_some();
    let waiting: &[ExecutionStatus] = if delayed { &[Requested, Delayed] } else { &[Requested] };
    if terms.is_limited {
        return admitted(execution(waiting), Some(due.unwrap_or(now)), waiting, Start::Gate);
    }
    let may_begin = !delayed && terms.may_begin;
    if may_begin && terms.is_workflow {
        return admitted(held(execution(&here)), None, &here, Start::Workflow);
    }
    // Newcomers do not pass those who wait.
    let place = if may_begin && !shared.backlog.load(Ordering::SeqCst) {
        shared.slots.clone().try_acquire_owned().ok()
    } else {
        None
    };
    if let Some(place) = place {
        let execution = held(execution(&here));
        return if let Some(ended) = container::foregone(engine, &execution).await {
            container::give_back(engine, place);
            let steps = [Requested, Scheduled, Running, ended.status];
            let quiet = notifier::is_quiet(engine, &ended).await;
            let mut admitted = admitted(ended, None, &steps, Start::Ended);
            admitted.row.quiet = quiet;
            admitted
        } else {
            admitted(execution, None, &here, Start::Here(place))
        };
    }
    admitted(execution(waiting), Some(due.unwrap_or(now)), waiting, Start::Waits { delayed })
}

impl Admitted {
    /// One that has ended before it began.
    pub(super) fn ended(execution: Execution, steps: &[ExecutionStatus]) -> Self {
        let row = Insert::held(Arc::new(execution));
        Self { row, steps: steps.to_vec(), start: Start::Ended }
    }

    /// The execution as it will be stored.
    pub(in crate::engine) fn execution(&self) -> &Arc<Execution> {
        &self.row.execution
    }

    /// What its commit tells: one event for each step it has taken, as if each had been taken alone.
    pub(in crate::engine) fn events(&self, engine: &Engine) -> Vec<Event> {
        events(engine, &self.row.execution, &self.steps)
    }

    /// Stores it alone, and lets it go its way.
    pub(super) async fn store(self, engine: &Engine) -> crate::store::Result<()> {
        let events = self.events(engine);
        let ledger = &engine.shared.ledger;
        match self.start {
            Start::Here(place) => container::insert_and_start(engine, self.row, events, place).await,
            Start::Workflow => workflow::insert_and_start(engine, self.row, events).await,
            Start::Ended => {
                let is_followed = self.is_followed();
                let stored = ledger.insert(self.row, events).await;
                if is_followed {
                    notifier::wake(engine);
                }
                stored
            }
            Start::Gate => {
                let action_ref = self.row.execution.action_ref();
                let stored = ledger.insert(self.row, events).await;
                engine.shared.gates.mark(&action_ref);
                stored
            }
            Start::Waits { delayed } => {
                let stored = ledger.insert(self.row, events).await;
                wait(engine, delayed);
                stored
            }
        }
    }

    /// Lets it go its way, once it is stored. Its events are told already.
    pub(in crate::engine) fn begin(self, engine: &Engine) {
        let is_followed = self.is_followed();
        let execution = self.row.execution;
        match self.start {
            Start::Ended if is_followed => notifier::wake(engine),
            Start::Ended => {}
            Start::Gate => engine.shared.gates.mark(&execution.action_ref()),
            Start::Here(place) => container::start_stored(engine, execution, place),
            Start::Workflow => workflow::start(engine, execution),
            Start::Waits { delayed } => wait(engine, delayed),
        }
    }

    /// Whether something may follow from its end. What follows from that of a child is for its parent's trace to say.
    fn is_followed(&self) -> bool {
        !self.row.quiet || self.row.execution.parent.is_some()
    }

    /// It was not stored: gives back what it held.
    pub(in crate::engine) fn forget(self, engine: &Engine) {
        if let Start::Here(place) = self.start {
            container::give_back(engine, place);
        }
    }
}

fn wait(engine: &Engine, delayed: bool) {
    if !delayed {
        engine.shared.backlog.store(true, Ordering::SeqCst);
    }
    engine.shared.wake.notify_one();
}

/// One event for each step that was taken at once, as if it had been taken alone.
pub(super) fn events(engine: &Engine, execution: &Arc<Execution>, steps: &[ExecutionStatus]) -> Vec<Event> {
    if !engine.store().bus().has_subscribers() {
        return Vec::new();
    }
    let event = |status: &ExecutionStatus| {
        let change = if *status == ExecutionStatus::Requested { Change::Create } else { Change::Update };
        let execution =
            if *status == execution.status { execution.clone() } else { Arc::new(execution.as_of(*status)) };
        Event::Execution(Arc::new(ExecutionEvent { change, execution, frames: OnceLock::new() }))
    };
    steps.iter().map(event).collect()
}
