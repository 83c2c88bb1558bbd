//! The way from the front door to the rules engine of this node: instances that were just stored, so that nobody has
//! to read them back. Bounded: what does not fit is found in the rows.

use crate::model::TriggerInstance;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Most instances that wait in memory.
const MOST: usize = 2048;

/// The queue.
#[derive(Debug)]
pub(in crate::engine) struct Queue {
    waiting: Mutex<VecDeque<Arc<TriggerInstance>>>,
    /// Rows wait that are not in the queue.
    rows: AtomicBool,
    wake: Notify,
}

impl Default for Queue {
    fn default() -> Self {
        // Until somebody has looked, rows of an earlier life may wait.
        Self { waiting: Mutex::default(), rows: AtomicBool::new(true), wake: Notify::new() }
    }
}

impl Queue {
    /// Hands one over.
    pub(in crate::engine) fn push(&self, instance: Arc<TriggerInstance>) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST {
            waiting.push_back(instance);
        } else {
            self.rows.store(true, Ordering::SeqCst);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// The oldest, `most` at most.
    pub(in crate::engine) fn take(&self, most: usize) -> Vec<Arc<TriggerInstance>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }

    /// Says that rows wait.
    pub(in crate::engine) fn look_at_rows(&self) {
        self.rows.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Whether rows may wait; asked before a look at them, so that what comes after it is not lost.
    pub(in crate::engine) fn take_rows(&self) -> bool {
        self.rows.swap(false, Ordering::SeqCst)
    }

    /// Waits for something to do, if nothing came since the last look. For one waiter.
    pub(in crate::engine) async fn wait(&self) {
        self.wake.notified().await;
    }
}
