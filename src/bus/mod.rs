//! The bus: what happened, told to whoever listens on this node, after it was committed.
//!
//! Rows are the truth; an event only wakes. A subscriber that falls behind loses the oldest events and is told
//! how many ([`Received::Missed`]), so that it can look at the rows again. Publishing never waits.

mod event;

pub use event::{AliasEvent, Announcement, Change, Event, ExecutionEvent, OutputEvent, OutputKind};

use crate::model::Execution;
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, broadcast, watch};

/// Events kept for slow subscribers. The ring itself is small; it bounds what a stalled subscriber keeps alive.
const RING: usize = 4096;

/// In-process broadcast of committed events.
#[derive(Clone)]
pub struct Bus {
    sender: broadcast::Sender<Event>,
    /// What happened on this node alone: for those who tell the others.
    here: broadcast::Sender<Event>,
    content: Arc<AtomicU64>,
    dispatched: Arc<Notify>,
    /// Wakes who keeps things made of content.
    renewed: watch::Sender<u64>,
    steps: Arc<OnceLock<Hook>>,
}

/// What is called with each execution that took a step on this node.
type Hook = Box<dyn Fn(&Execution) + Send + Sync>;

/// A subscription; dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Event>,
}

/// What a subscription yields.
#[derive(Clone, Debug)]
pub enum Received {
    /// The next event.
    Event(Event),
    /// This many events were lost because the subscriber was too slow.
    Missed(u64),
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(RING).0,
            here: broadcast::channel(RING).0,
            content: Arc::default(),
            dispatched: Arc::default(),
            renewed: watch::Sender::new(0),
            steps: Arc::default(),
        }
    }
}

impl Bus {
    /// Tells everybody. Call it only after the commit that made it true.
    pub fn publish(&self, event: Event) {
        if let Event::Execution(event) = &event
            && let Some(hook) = self.steps.get()
        {
            hook(&event.execution);
        }
        if self.here.receiver_count() > 0 {
            let _ = self.here.send(event.clone());
        }
        self.relay(event);
    }

    /// Tells everybody on this node what happened on another.
    pub fn relay(&self, event: Event) {
        if matches!(event, Event::Content) {
            let version = self.content.fetch_add(1, Ordering::Release) + 1;
            self.renewed.send_replace(version);
        }
        if matches!(event, Event::Dispatched) {
            // For the rules engine alone, which would otherwise have to hear everything.
            return self.dispatched.notify_one();
        }
        // No subscriber is no error.
        let _ = self.sender.send(event);
    }

    /// Grows with every [`Event::Content`]: what was cached under another version is stale. Unlike the event itself
    /// it is in force the moment `publish` returns.
    pub fn content_version(&self) -> u64 {
        self.content.load(Ordering::Acquire)
    }

    /// Waits for an [`Event::Dispatched`], one before the call included. For one waiter.
    pub async fn dispatched(&self) {
        self.dispatched.notified().await;
    }

    /// Wakes with every [`Event::Content`], without a subscription to everything.
    pub fn content_changes(&self) -> watch::Receiver<u64> {
        self.renewed.subscribe()
    }

    /// Calls `hook` with each execution that took a step on this node, before anybody else hears of it. It must be
    /// quick: others wait. The first hook stays.
    pub fn on_step(&self, hook: impl Fn(&Execution) + Send + Sync + 'static) {
        let _ = self.steps.set(Box::new(hook));
    }

    /// Everything published from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.sender.subscribe() }
    }

    /// What is published from now on, without what is relayed.
    pub fn subscribe_here(&self) -> Subscription {
        Subscription { receiver: self.here.subscribe() }
    }

    /// Whether anybody listens: lets a publisher skip work that only listeners need.
    pub fn has_subscribers(&self) -> bool {
        self.is_heard() || self.here.receiver_count() > 0
    }

    /// Whether anybody would hear what is relayed.
    pub fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("content", &self.content).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Waits for the next event; `None` once the bus is gone.
    pub async fn next(&mut self) -> Option<Received> {
        match self.receiver.recv().await {
            Ok(event) => Some(Received::Event(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Received::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event if one is there already: lets a writer join what has gathered.
    pub fn try_next(&mut self) -> Option<Received> {
        match self.receiver.try_recv() {
            Ok(event) => Some(Received::Event(event)),
            Err(broadcast::error::TryRecvError::Lagged(missed)) => Some(Received::Missed(missed)),
            Err(_) => None,
        }
    }
}
