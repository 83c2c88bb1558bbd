//! The way from the front door to the rules engine of this node: instances that were just stored, so that nobody has
//! to read them back.
//!
//! Bounded by [`Place`]s. A sender from outside takes one before it stores its event, so that a flood is slowed down to
//! what the rules can follow; until then accepting comes first, and what is accepted waits here. Nobody waits for a place
//! for long, and the engine's own events never do: what has none is found in the rows.

use crate::{
    clock,
    model::{TriggerInstance, TriggerInstanceId},
};
use parking_lot::Mutex;
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Instances that may wait in memory, if they are small: a few seconds' worth of a flood.
const PLACES: u32 = 16_384;

/// Bytes of payload that one place is for; larger ones take several.
const BYTES: usize = 1024;

/// Places that are taken at once. What follows from an event holds its payload several times until it is stored.
const TAKEN: usize = 1024;

/// How long a sender waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);

/// The queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    places: Arc<Semaphore>,
    /// Rows wait that are not in the queue.
    rows: AtomicBool,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    line: VecDeque<(Arc<TriggerInstance>, Place)>,
    /// Those in the line, and those that were taken and are at work: the rows of these are not read.
    held: HashSet<TriggerInstanceId>,
}

/// Room for an instance in the queue, given back when it is taken.
#[derive(Debug)]
pub(in crate::engine) struct Place(OwnedSemaphorePermit);

/// Instances in the hands of one task. Until it is dropped nobody else on this node takes them up.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    queue: Queue,
    instances: Vec<Arc<TriggerInstance>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES as usize)),
            // Until somebody has looked, rows of an earlier life may wait.
            rows: AtomicBool::new(true),
            wake: Notify::new(),
        }))
    }
}

impl Queue {
    /// A place for a payload of `bytes`, if there is one now.
    pub(in crate::engine) fn place(&self, bytes: usize) -> Option<Place> {
        self.0.places.clone().try_acquire_many_owned(places(bytes)).ok().map(Place)
    }

    /// The same; waits for it, though not for ever.
    pub(in crate::engine) async fn wait_for_place(&self, bytes: usize) -> Option<Place> {
        if let Some(place) = self.place(bytes) {
            return Some(place);
        }
        tokio::select! {
            place = self.0.places.clone().acquire_many_owned(places(bytes)) => place.ok().map(Place),
            () = clock::sleep(PATIENCE) => None,
        }
    }

    /// Hands one over that was stored; without a place it is found in its row.
    pub(in crate::engine) fn push(&self, instance: Arc<TriggerInstance>, place: Option<Place>) {
        let Some(place) = place else { return self.look_at_rows() };
        let mut waiting = self.0.waiting.lock();
        // A sweep may have been faster.
        if waiting.held.insert(instance.id) {
            waiting.line.push_back((instance, place));
        }
        drop(waiting);
        self.0.wake.notify_one();
    }

    /// The oldest, `most` at most, and fewer if they are large.
    pub(in crate::engine) fn take(&self, most: usize) -> Batch {
        let mut waiting = self.0.waiting.lock();
        let mut room = TAKEN;
        let mut count = 0;
        for (_, place) in waiting.line.iter().take(most) {
            if room == 0 {
                break;
            }
            room = room.saturating_sub(place.0.num_permits());
            count += 1;
        }
        let taken: Vec<_> = waiting.line.drain(..count).collect();
        drop(waiting);
        Batch { queue: self.clone(), instances: taken.into_iter().map(|(instance, _)| instance).collect() }
    }

    /// Those of these, which were read from rows, that nobody on this node has in hand.
    pub(in crate::engine) fn take_up(&self, rows: Vec<TriggerInstance>) -> Batch {
        let mut waiting = self.0.waiting.lock();
        let instances = rows.into_iter().filter(|row| waiting.held.insert(row.id)).map(Arc::new).collect();
        Batch { queue: self.clone(), instances }
    }

    /// Says that rows wait.
    pub(in crate::engine) fn look_at_rows(&self) {
        self.0.rows.store(true, Ordering::SeqCst);
        self.0.wake.notify_one();
    }

    /// Whether rows may wait; asked before a look at them, so that what comes after it is not lost.
    pub(in crate::engine) fn take_rows(&self) -> bool {
        self.0.rows.swap(false, Ordering::SeqCst)
    }

    /// Waits for something to do, if nothing came since the last look. For one waiter.
    pub(in crate::engine) async fn wait(&self) {
        self.0.wake.notified().await;
    }
}

fn places(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES + 1).unwrap_or(PLACES).min(PLACES)
}

impl Batch {
    /// They.
    pub(in crate::engine) fn instances(&self) -> &[Arc<TriggerInstance>] {
        &self.instances
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut waiting = self.queue.0.waiting.lock();
        for instance in &self.instances {
            waiting.held.remove(&instance.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ObjectId, TraceContext, TriggerInstanceStatus};
    use serde_json::Value;

    fn instance() -> Arc<TriggerInstance> {
        let now = clock::now();
        Arc::new(TriggerInstance {
            id: TriggerInstanceId(ObjectId::at(now)),
            trigger: "p.t".to_owned(),
            payload: Value::Null,
            occurred_at: now,
            status: TriggerInstanceStatus::Pending,
            trace: TraceContext::default(),
        })
    }

    #[test]
    fn what_waits_and_what_is_taken_at_once_is_bounded_by_its_size() {
        let queue = Queue::default();
        assert!(queue.take_rows(), "rows of an earlier life");
        let megabytes = (0..15).map(|_| queue.place(1024 * 1024).unwrap());
        megabytes.for_each(|place| queue.push(instance(), Some(place)));
        assert!(queue.place(2 * 1024 * 1024).is_none());
        let small = (0..1009).map(|_| queue.place(100).unwrap());
        small.for_each(|place| queue.push(instance(), Some(place)));
        assert!(queue.place(0).is_none() && !queue.take_rows());
        queue.push(instance(), None);
        assert!(queue.take_rows(), "what has no place is found in its row");
        assert_eq!(queue.take(256).instances().len(), 1);
        assert!(queue.place(1000 * 1024).is_some() && queue.place(2 * 1024 * 1024).is_none());
        drop((0..14).map(|_| queue.take(1)).collect::<Vec<_>>());
        assert_eq!(queue.take(2).instances().len(), 2);
        // The largest there is comes alone, and comes.
        drop((0..99).map(|_| queue.take(256)).collect::<Vec<_>>());
        queue.push(instance(), queue.place(usize::MAX));
        assert_eq!(queue.take(256).instances().len(), 1);
    }

    #[test]
    fn rows_that_are_at_hand_are_not_taken_up_twice() {
        let queue = Queue::default();
        let one = instance();
        queue.push(one.clone(), queue.place(0));
        let row = || vec![TriggerInstance::clone(&one)];
        assert!(queue.take_up(row()).instances().is_empty());
        let batch = queue.take(1);
        assert!(queue.take_up(row()).instances().is_empty());
        drop(batch);
        assert_eq!(queue.take_up(row()).instances().len(), 1);
    }
}
