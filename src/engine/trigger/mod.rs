//! The front door for events: whatever happens, webhook, timer, sensor or the engine itself, comes in by
//! [`dispatch`], and leaves a trigger instance that the rules engine takes up.
//!
//! An event counts when its row is stored: the sender hears yes after the commit. From there on rows are the truth:
//! the instance is handed to the rules engine of this node in memory, and a row that nobody took up (a crash, a full
//! queue) is found by its sweep, on any node.
//!
//! | door | stored | for |
//! |---|---|---|
//! | [`dispatch`] | with its neighbours, by the group writer | webhooks, sensors |
//! | [`dispatch_once`] | the same, unless its key was there before | timers |
//! | [`dispatch_in`] | in the caller's transaction | what must happen exactly when something else is stored |
//!
//! Left out: what an event means. That is `engine::rules`.

mod catalog;
mod deliveries;
pub mod files;
pub mod keys;
mod payload;
mod queue;

pub use catalog::Catalog;
pub use deliveries::{Deliveries, Delivery, Verdict};
pub(in crate::engine) use queue::{Batch, Queue, Taken};

use super::Engine;
use crate::{
    clock,
    model::{ObjectId, TraceContext, TriggerInstance, TriggerInstanceId, TriggerInstanceStatus},
    store::{
        self, Tx,
        trigger_instances::{self, New},
    },
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Which trigger an event is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A trigger by its reference, `pack.name`; that of a type without parameters is the type's own.
    Ref(String),
    /// The trigger of this reference, which whoever says so has just seen: it is not looked up again.
    Known(String),
    /// The trigger of a type with these parameters.
    Typed {
        /// Reference of the type.
        kind: String,
        /// As a rule says them.
        parameters: Map<String, Value>,
    },
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// What it is of.
    pub target: Target,
    /// What it brings.
    pub payload: Value,
    /// Where it belongs.
    pub trace: TraceContext,
    /// Check the payload against the trigger type's schema. The engine's own events are not checked.
    pub checked: bool,
    /// When; now, if nobody says.
    pub at: Option<DateTime<Utc>>,
}

impl Occurrence {
    /// An event of the engine itself, which needs no check.
    pub fn of(reference: impl Into<String>, payload: Value) -> Self {
        Self {
            target: Target::Ref(reference.into()),
            payload,
            trace: TraceContext::default(),
            checked: false,
            at: None,
        }
    }

    /// An event from outside, whose payload is checked.
    pub fn checked(target: Target, payload: Value) -> Self {
        Self { target, payload, trace: TraceContext::default(), checked: true, at: None }
    }

    /// The same, in this trace.
    #[must_use]
    pub fn traced(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }
}

/// Why an event was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such trigger.
    #[error("Trigger \"{0}\" doesn't exist.")]
    NoSuchTrigger(String),
    /// The payload does not fit the trigger type, or there is no such type.
    #[error(
        "Trigger payload validation failed and validation is enabled, not dispatching a trigger \"{trigger}\" \
         ({payload}): {reason}"
    )]
    Payload {
        /// As it was named.
        trigger: String,
        /// As Python prints it.
        payload: String,
        /// What is wrong.
        reason: String,
    },
    /// The database failed; nothing was stored.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Stores an event. When this answers, the event is durable and on its way to the rules.
///
/// # Errors
/// [`Error`]; nothing was stored.
pub async fn dispatch(engine: &Engine, occurrence: Occurrence) -> Result<TriggerInstanceId, Error> {
    let is_from_outside = occurrence.checked;
    let instance = ready(engine, occurrence).await?;
    let id = instance.id;
    store_and_hand_over(engine, New::of(instance, None), is_from_outside).await?;
    Ok(id)
}

/// Stores an event that has this key, unless one of the same key was stored before: then `None`. A key holds over
/// nodes and restarts, for as long as the trigger instance is kept.
///
/// # Errors
/// [`Error`]; nothing was stored, and the same call may be made again.
pub async fn dispatch_once(
    engine: &Engine,
    occurrence: Occurrence,
    key: String,
) -> Result<Option<TriggerInstanceId>, Error> {
    let is_from_outside = occurrence.checked;
    let instance = ready(engine, occurrence).await?;
    let id = instance.id;
    let is_new = store_and_hand_over(engine, New::of(instance, Some(key)), is_from_outside).await?;
    Ok(is_new.then_some(id))
}

/// Stores an event that has this key if it has one: as [`dispatch_once`], or as [`dispatch`].
///
/// # Errors
/// As theirs.
pub async fn dispatch_keyed(
    engine: &Engine,
    occurrence: Occurrence,
    key: Option<String>,
) -> Result<Option<TriggerInstanceId>, Error> {
    match key {
        Some(key) => dispatch_once(engine, occurrence, key).await,
        None => dispatch(engine, occurrence).await.map(Some),
    }
}

/// Stores an event in a transaction of the caller: it happens if, and when, that commits. With a key, as in
/// [`dispatch_once`]. For an unchecked event of a trigger by its reference no other connection is needed: callers that
/// wait for each other's locks cannot use up the pool.
///
/// # Errors
/// [`Error`]; a trigger that does not exist leaves the transaction usable.
pub async fn dispatch_in(
    engine: &Engine,
    tx: &mut Tx,
    mut occurrence: Occurrence,
    key: Option<String>,
) -> Result<Option<TriggerInstanceId>, Error> {
    if let Target::Ref(reference) = occurrence.target {
        if engine.shared.triggers.trigger_by(tx.conn(), &reference).await?.is_none() {
            return Err(Error::NoSuchTrigger(reference));
        }
        occurrence.target = Target::Known(reference);
    }
    let instance = ready(engine, occurrence).await?;
    let id = instance.id;
    let stored = trigger_instances::insert(tx, &[New::of(instance, key)]).await?;
    Ok(stored.contains(&id).then_some(id))
}

/// Stores an event of one of the program's own triggers, together with what it is about. Such a trigger may have been
/// deleted: then nobody waits for it, and that is no fault.
async fn happened(engine: &Engine, tx: &mut Tx, trigger: &str, payload: Value) -> store::Result<()> {
    match dispatch_in(engine, tx, Occurrence::of(trigger, payload), None).await {
        Ok(_) | Err(Error::NoSuchTrigger(_)) => Ok(()),
        Err(Error::Store(error)) => Err(error),
        Err(error @ Error::Payload { .. }) => {
            // Nothing checks the payload of an event that we make.
            tracing::error!("An event of {trigger} was not made: {error}");
            Ok(())
        }
    }
}

async fn store_and_hand_over(engine: &Engine, new: New, is_from_outside: bool) -> Result<bool, Error> {
    let events = &engine.shared.events;
    let (head, payload) = (new.head.clone(), new.payload.clone());
    // Before it is stored: who is not told yes yet slows down.
    let place = if is_from_outside {
        events.wait_for_place(payload.get().len()).await
    } else {
        events.place(payload.get().len())
    };
    let is_new = engine.shared.trigger_writer.insert(new).await?;
    if is_new {
        events.push(head, payload, place);
    }
    Ok(is_new)
}

/// Finds the trigger and checks the payload.
async fn ready(engine: &Engine, occurrence: Occurrence) -> Result<TriggerInstance, Error> {
    let Occurrence { target, payload, trace, checked, at } = occurrence;
    let catalog = &engine.shared.triggers;
    if checked {
        payload::check(catalog, engine.config(), &target, &payload).await?;
    }
    let trigger = match target {
        Target::Ref(reference) => {
            if catalog.trigger(&reference).await?.is_none() {
                return Err(Error::NoSuchTrigger(reference));
            }
            reference
        }
        Target::Known(reference) => reference,
        Target::Typed { kind, parameters } => {
            let found = catalog.trigger_of(&kind, &parameters).await?;
            found.ok_or(Error::NoSuchTrigger(kind))?.reference()
        }
    };
    let now = clock::now();
    Ok(TriggerInstance {
        id: TriggerInstanceId(ObjectId::at(now)),
        trigger,
        payload,
        occurred_at: at.unwrap_or(now),
        status: TriggerInstanceStatus::Pending,
        trace,
    })
}
