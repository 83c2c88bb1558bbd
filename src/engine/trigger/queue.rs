//! The way from the front door to the rules engine of this node: instances that were just stored, so that nobody has
//! to read them back.
//!
//! Bounded by [`Place`]s. A sender from outside takes one before it stores its event, so that a flood is slowed down to
//! what the rules can follow; until then accepting comes first, and what is accepted waits here. Nobody waits for a place
//! for long, and the engine's own events never do: what has none is found in the rows.

use crate::{
    clock,
    model::{TriggerInstance, TriggerInstanceId},
    store::trigger_instances,
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
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

/// From so many on a line is long: as many small ones as are taken at once.
const LONG: usize = TAKEN;

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
    /// Told while the line is long.
    long: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    line: VecDeque<(Handed, Place)>,
    /// Those in the line, and those that were taken and are at work: the rows of these are not read.
    held: HashSet<TriggerInstanceId>,
}

/// An instance as it is handed over: its payload is text, for that is smaller, and what is made on one thread and given
/// up on another is slow to make.
#[derive(Debug)]
struct Handed {
    head: Arc<TriggerInstance>,
    /// `None`: the head has it.
    payload: Option<Arc<RawValue>>,
}

/// An instance that was taken, and the text of its payload.
#[derive(Debug)]
pub(in crate::engine) struct Taken {
    pub(in crate::engine) instance: Arc<TriggerInstance>,
    pub(in crate::engine) payload: Arc<RawValue>,
}

impl Handed {
    fn read(&self) -> serde_json::Result<Taken> {
        let Some(text) = &self.payload else {
            return Ok(Taken {
                instance: self.head.clone(),
                payload: trigger_instances::text(&self.head.payload),
            });
        };
        let payload = serde_json::from_str(text.get())?;
        let instance = Arc::new(TriggerInstance { payload, ..TriggerInstance::clone(&self.head) });
        Ok(Taken { instance, payload: text.clone() })
    }
}

/// Room for an instance in the queue, given back when it is taken.
#[derive(Debug)]
pub(in crate::engine) struct Place(OwnedSemaphorePermit);

/// Instances in the hands of one task. Until it is dropped nobody else on this node takes them up.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    queue: Queue,
    all: Vec<Handed>,
    is_all: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES as usize)),
            // Until somebody has looked, rows of an earlier life may wait.
            rows: AtomicBool::new(true),
            wake: Notify::new(),
            long: Notify::new(),
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

    /// Hands one over that was stored, its payload apart; without a place it is found in its row.
    pub(in crate::engine) fn push(
        &self,
        head: Arc<TriggerInstance>,
        payload: Arc<RawValue>,
        place: Option<Place>,
    ) {
        let Some(place) = place else { return self.look_at_rows() };
        let mut waiting = self.0.waiting.lock();
        // A sweep may have been faster.
        if waiting.held.insert(head.id) {
            waiting.line.push_back((Handed { head, payload: Some(payload) }, place));
        }
        let is_long = waiting.line.len() >= LONG;
        drop(waiting);
        self.0.wake.notify_one();
        if is_long {
            self.0.long.notify_one();
        }
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
        let is_all = waiting.line.is_empty();
        drop(waiting);
        Batch { queue: self.clone(), all: taken.into_iter().map(|(handed, _)| handed).collect(), is_all }
    }

    /// Those of these, which were read from rows, that nobody on this node has in hand.
    pub(in crate::engine) fn take_up(&self, rows: Vec<TriggerInstance>) -> Batch {
        let mut waiting = self.0.waiting.lock();
        let ours = rows.into_iter().filter(|row| waiting.held.insert(row.id));
        let all = ours.map(|row| Handed { head: Arc::new(row), payload: None }).collect();
        Batch { queue: self.clone(), all, is_all: waiting.line.is_empty() }
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

    /// Waits until the line is long. For one waiter.
    pub(in crate::engine) async fn long(&self) {
        while self.0.waiting.lock().line.len() < LONG {
            self.0.long.notified().await;
        }
    }
}

fn places(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES + 1).unwrap_or(PLACES).min(PLACES)
}

impl Batch {
    /// How many.
    pub(in crate::engine) fn len(&self) -> usize {
        self.all.len()
    }

    /// They, read anew each time.
    pub(in crate::engine) fn instances(&self) -> Vec<Taken> {
        let read = |handed: &Handed| {
            let unreadable =
                |error: &_| tracing::error!("Payload of {} cannot be read: {error}", handed.head.id);
            handed.read().inspect_err(unreadable).ok()
        };
        self.all.iter().filter_map(read).collect()
    }

    /// Whether nobody was left in the line.
    pub(in crate::engine) fn is_all(&self) -> bool {
        self.is_all
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut waiting = self.queue.0.waiting.lock();
        for handed in &self.all {
            waiting.held.remove(&handed.head.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ObjectId, TraceContext, TriggerInstanceStatus};
    use futures_util::FutureExt;
    use serde_json::{Value, json};

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

    fn push(queue: &Queue, place: Option<Place>) {
        queue.push(instance(), trigger_instances::text(&json!({"n": 1})), place);
    }

    #[test]
    fn what_waits_and_what_is_taken_at_once_is_bounded_by_its_size() {
        let queue = Queue::default();
        assert!(queue.take_rows(), "rows of an earlier life");
        let megabytes = (0..15).map(|_| queue.place(1024 * 1024).unwrap());
        megabytes.for_each(|place| push(&queue, Some(place)));
        assert!(queue.place(2 * 1024 * 1024).is_none());
        let small = (0..1009).map(|_| queue.place(100).unwrap());
        small.for_each(|place| push(&queue, Some(place)));
        assert!(queue.place(0).is_none() && !queue.take_rows());
        push(&queue, None);
        assert!(queue.take_rows(), "what has no place is found in its row");
        assert_eq!(queue.take(256).len(), 1);
        assert!(queue.place(1000 * 1024).is_some() && queue.place(2 * 1024 * 1024).is_none());
        drop((0..14).map(|_| queue.take(1)).collect::<Vec<_>>());
        assert_eq!(queue.take(2).len(), 2);
        // The largest there is comes alone, and comes.
        drop((0..99).map(|_| queue.take(256)).collect::<Vec<_>>());
        push(&queue, queue.place(usize::MAX));
        assert_eq!(queue.take(256).len(), 1);
    }

    #[tokio::test]
    async fn a_line_that_grows_long_is_told() {
        let queue = Queue::default();
        for _ in 1..LONG {
            push(&queue, queue.place(100));
        }
        assert!(queue.long().now_or_never().is_none());
        push(&queue, queue.place(100));
        queue.long().await;
        assert!(!queue.take(LONG - 1).is_all());
        let last = queue.take(LONG);
        assert!(last.is_all());
        assert_eq!(last.instances()[0].instance.payload, json!({"n": 1}));
        // What was told of the line before says nothing of the next one.
        assert!(queue.long().now_or_never().is_none());
    }

    #[test]
    fn rows_that_are_at_hand_are_not_taken_up_twice() {
        let queue = Queue::default();
        let one = instance();
        queue.push(one.clone(), trigger_instances::text(&one.payload), queue.place(0));
        let row = || vec![TriggerInstance::clone(&one)];
        assert_eq!(queue.take_up(row()).len(), 0);
        let batch = queue.take(1);
        assert_eq!(queue.take_up(row()).len(), 0);
        drop(batch);
        assert_eq!(queue.take_up(row()).len(), 1);
    }
}
