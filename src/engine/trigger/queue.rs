//! The way from the front door to the rules engine of this node: instances that were just stored, so that nobody has
//! to read them back. Bounded: what does not fit is found in the rows.

use crate::model::{TriggerInstance, TriggerInstanceId};
use parking_lot::Mutex;
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Most instances that wait in memory.
const MOST: usize = 2048;

/// The queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    /// Rows wait that are not in the queue.
    rows: AtomicBool,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    line: VecDeque<Arc<TriggerInstance>>,
    /// Those in the line, and those that were taken and are at work: the rows of these are not read.
    held: HashSet<TriggerInstanceId>,
}

/// Instances in the hands of one task. Until it is dropped nobody else on this node takes them up.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    queue: Queue,
    instances: Vec<Arc<TriggerInstance>>,
}

impl Default for Queue {
    fn default() -> Self {
        // Until somebody has looked, rows of an earlier life may wait.
        Self(Arc::new(Inner { waiting: Mutex::default(), rows: AtomicBool::new(true), wake: Notify::new() }))
    }
}

impl Queue {
    /// Hands one over.
    pub(in crate::engine) fn push(&self, instance: Arc<TriggerInstance>) {
        let mut waiting = self.0.waiting.lock();
        if waiting.line.len() < MOST {
            // A sweep may have been faster.
            if waiting.held.insert(instance.id) {
                waiting.line.push_back(instance);
            }
        } else {
            self.0.rows.store(true, Ordering::SeqCst);
        }
        drop(waiting);
        self.0.wake.notify_one();
    }

    /// The oldest, `most` at most.
    pub(in crate::engine) fn take(&self, most: usize) -> Batch {
        let mut waiting = self.0.waiting.lock();
        let count = waiting.line.len().min(most);
        Batch { queue: self.clone(), instances: waiting.line.drain(..count).collect() }
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
