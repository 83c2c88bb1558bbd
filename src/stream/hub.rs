//! The hub: one listener on the bus for all clients of this node.
//!
//! It runs while there are clients and not otherwise, so that nobody makes events for nobody.

use super::{
    filter::Filter,
    frame::{Kind, frame},
    queue::Queue,
};
use crate::{
    bus::{Bus, Change, Event, OutputEvent, Received, Subscription},
    model::{Execution, ExecutionId, ExecutionStatus},
    service,
    wire::execution::View,
};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::runtime::Handle;

/// Events joined at most before they are passed on.
const JOINED: usize = 256;

/// Tells clients of this node what happens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bus: Bus,
    runtime: Handle,
    view: View,
    limit: usize,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    /// Whether the task runs.
    listening: bool,
    /// Clients of the whole stream, by filter.
    groups: Vec<Group>,
    /// Clients of one execution's output.
    followers: HashMap<ExecutionId, Vec<Arc<Queue<Live>>>>,
}

#[derive(Debug)]
struct Group {
    filter: Filter,
    queues: Vec<Arc<Queue<Piece>>>,
}

/// What a client of the whole stream is sent next.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// If this is an update of the execution that the client tails: how that stands now.
    pub(super) tells: Option<Arc<Execution>>,
}

/// What a client of one execution's output hears.
#[derive(Clone, Debug)]
pub(super) enum Live {
    /// A line.
    Line(Arc<OutputEvent>),
    /// There are more rows.
    Stored,
    /// Nothing more is printed, for now or for ever.
    Closed,
}

impl Hub {
    /// A hub on `bus`; `view` shows executions as the stream does. Must be made on the runtime that shall run it.
    pub fn new(bus: &Bus, view: View, limit: usize) -> Self {
        let clients = Mutex::default();
        Self(Arc::new(Shared { bus: bus.clone(), runtime: Handle::current(), view, limit, clients }))
    }

    pub(super) fn view(&self) -> &View {
        &self.0.view
    }

    /// Everything from now on that the filter lets through.
    pub(super) fn join(&self, filter: &Filter) -> Arc<Queue<Piece>> {
        let queue = Arc::new(Queue::new(self.0.limit));
        let mut clients = self.0.clients.lock();
        match clients.groups.iter_mut().find(|group| group.filter == *filter) {
            Some(group) => group.queues.push(queue.clone()),
            None => clients.groups.push(Group { filter: filter.clone(), queues: vec![queue.clone()] }),
        }
        self.listen(&mut clients);
        queue
    }

    /// Every line that an execution prints from now on, and its end.
    pub(super) fn follow(&self, id: ExecutionId) -> Arc<Queue<Live>> {
        let queue = Arc::new(Queue::new(self.0.limit));
        let mut clients = self.0.clients.lock();
        clients.followers.entry(id).or_default().push(queue.clone());
        self.listen(&mut clients);
        queue
    }

    fn listen(&self, clients: &mut Clients) {
        if !std::mem::replace(&mut clients.listening, true) {
            let task = run(self.clone(), self.0.bus.subscribe());
            service::spawn_on(&self.0.runtime, "stream hub", task);
        }
    }

    /// Passes events on. `false` when nobody is left to hear them.
    fn tell(&self, events: &[Event], missed: u64) -> bool {
        let mut clients = self.0.clients.lock();
        for group in &mut clients.groups {
            group.tell(events, missed, &self.0.view);
        }
        clients.groups.retain(|group| !group.queues.is_empty());
        if !clients.followers.is_empty() {
            clients.tell_followers(events, missed);
        }
        clients.listening = !clients.groups.is_empty() || !clients.followers.is_empty();
        clients.listening
    }
}

async fn run(hub: Hub, mut subscription: Subscription) {
    let mut events = Vec::with_capacity(JOINED);
    while let Some(first) = subscription.next().await {
        let mut missed = 0;
        let mut next = Some(first);
        while let Some(received) = next {
            match received {
                Received::Event(event) => events.push(event),
                Received::Missed(count) => missed += count,
            }
            next = if events.len() < JOINED { subscription.try_next() } else { None };
        }
        if !hub.tell(&events, missed) {
            return;
        }
        events.clear();
    }
}

impl Group {
    /// Joins what the filter lets through and puts the same bytes into every queue.
    fn tell(&mut self, events: &[Event], missed: u64, view: &View) {
        self.queues.retain(|queue| queue.is_open());
        if self.queues.is_empty() {
            return;
        }
        let mut pieces = Pieces::default();
        if missed > 0 {
            // A comment: clients pass over it, people who look find it.
            pieces.push(format!(": {missed} events were lost\n\n").into(), None);
        }
        let mut ends = false;
        for event in events {
            for kind in Kind::of(event) {
                if self.filter.wants(event, *kind) {
                    pieces.push(frame(event, *kind, view), self.tailed(event, *kind));
                }
                ends |= self.filter.ends_with(event, *kind);
            }
            if ends {
                break;
            }
        }
        for piece in pieces.joined() {
            for queue in &self.queues {
                queue.push(piece.clone(), piece.bytes.len());
            }
        }
        if ends {
            self.queues.drain(..).for_each(|queue| queue.end());
        }
    }

    fn tailed(&self, event: &Event, kind: Kind) -> Option<Arc<Execution>> {
        let Event::Execution(event) = event else { return None };
        let is_it =
            kind == Kind::Execution(Change::Update) && self.filter.tailed() == Some(event.execution.id);
        is_it.then(|| event.execution.clone())
    }
}

/// Frames on their way into queues: joined, so that they are one write, but for those that a client looks into.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    plain: Vec<Bytes>,
}

impl Pieces {
    fn push(&mut self, bytes: Bytes, tells: Option<Arc<Execution>>) {
        if tells.is_none() {
            return self.plain.push(bytes);
        }
        self.join();
        self.done.push(Piece { bytes, tells });
    }

    fn join(&mut self) {
        let plain = joined(std::mem::take(&mut self.plain));
        self.done.extend(plain.map(|bytes| Piece { bytes, tells: None }));
    }

    fn joined(mut self) -> Vec<Piece> {
        self.join();
        self.done
    }
}

impl Clients {
    fn tell_followers(&mut self, events: &[Event], missed: u64) {
        for event in events {
            match event {
                Event::Output(line) => {
                    for queue in self.followers.get(&line.execution_id).into_iter().flatten() {
                        queue.push(Live::Line(line.clone()), line.data.len() + size_of::<OutputEvent>());
                    }
                }
                Event::Printed(id) => {
                    for queue in self.followers.get(id).into_iter().flatten() {
                        queue.push(Live::Stored, size_of::<Live>());
                    }
                }
                Event::Execution(event) if closes(event.execution.status) => {
                    for queue in self.followers.get(&event.execution.id).into_iter().flatten() {
                        queue.push(Live::Closed, 0);
                    }
                }
                _ => {}
            }
        }
        self.followers.retain(|_, queues| {
            queues.retain(|queue| queue.is_open());
            if missed > 0 {
                for queue in queues.iter() {
                    queue.lose();
                }
            }
            !queues.is_empty()
        });
    }
}

/// Statuses on which an output stream closes.
pub(super) fn closes(status: ExecutionStatus) -> bool {
    status.is_completed() || matches!(status, ExecutionStatus::Pausing | ExecutionStatus::Resuming)
}

/// Many pieces as one, so that they are one write.
pub(super) fn joined(mut pieces: Vec<Bytes>) -> Option<Bytes> {
    if pieces.len() < 2 {
        return pieces.pop();
    }
    let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        all.extend_from_slice(piece);
    }
    Some(all.freeze())
}
