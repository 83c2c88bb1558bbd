//! What waits for one client: filled by the hub, emptied by the connection.

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::{collections::VecDeque, future::poll_fn, task::Poll};

/// A bounded queue with one reader.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    waker: AtomicWaker,
    /// Bytes that may wait.
    limit: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    bytes: usize,
    lost: bool,
    ended: bool,
    abandoned: bool,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    /// What has gathered.
    Items(VecDeque<T>),
    /// The reader was too slow: what had gathered is gone.
    Lost,
    /// Nothing more will come.
    End,
}

impl<T> Queue<T> {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, lost: false, ended: false, abandoned: false };
        Self { state: Mutex::new(state), waker: AtomicWaker::new(), limit }
    }

    /// Adds an item of so many bytes. If there is no room for it, all that waits is thrown away, and the reader will
    /// be told so.
    pub(super) fn push(&self, item: T, bytes: usize) {
        let mut state = self.state.lock();
        if state.lost || state.ended || state.abandoned {
            return;
        }
        // One item always fits: a client that reads must get even the largest event.
        if state.bytes + bytes > self.limit && !state.items.is_empty() {
            state.items = VecDeque::new();
            state.bytes = 0;
            state.lost = true;
        } else {
            state.items.push_back(item);
            state.bytes += bytes;
        }
        drop(state);
        self.waker.wake();
    }

    /// Throws away what waits and tells the reader so.
    pub(super) fn lose(&self) {
        let mut state = self.state.lock();
        state.items = VecDeque::new();
        state.bytes = 0;
        state.lost = true;
        drop(state);
        self.waker.wake();
    }

    /// Nothing more will come; what waits can still be taken.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.waker.wake();
    }

    /// The reader is gone.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.items = VecDeque::new();
        state.bytes = 0;
        state.abandoned = true;
    }

    /// Whether pushing is of any use.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state.lock();
        !state.ended && !state.abandoned
    }

    /// Waits until something is there, and takes all of it. One reader at a time.
    pub(super) async fn take(&self) -> Taken<T> {
        poll_fn(|context| {
            if let Some(taken) = self.try_take() {
                return Poll::Ready(taken);
            }
            self.waker.register(context.waker());
            // What came between the look and the registration woke nobody.
            self.try_take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Takes all that is there.
    pub(super) fn try_take(&self) -> Option<Taken<T>> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.lost) {
            return Some(Taken::Lost);
        }
        if !state.items.is_empty() {
            state.bytes = 0;
            return Some(Taken::Items(std::mem::take(&mut state.items)));
        }
        state.ended.then_some(Taken::End)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_takes_all_that_waits_and_then_the_end() {
        let queue = Queue::new(100);
        queue.push('a', 40);
        queue.push('b', 60);
        queue.end();
        queue.push('c', 1);
        assert_eq!(queue.take().await, Taken::Items(['a', 'b'].into()));
        assert_eq!(queue.take().await, Taken::End);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_and_may_go_on() {
        let queue = Queue::new(100);
        queue.push('a', 60);
        queue.push('b', 60);
        queue.push('c', 60);
        assert_eq!(queue.take().await, Taken::Lost);
        queue.push('d', 1000);
        assert_eq!(queue.take().await, Taken::Items(['d'].into()), "one item always fits");
        assert!(queue.is_open());
        queue.abandon();
        assert!(!queue.is_open());
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let queue = std::sync::Arc::new(Queue::new(100));
        let reader = crate::service::spawn("reader", {
            let queue = queue.clone();
            async move { queue.take().await }
        });
        tokio::task::yield_now().await;
        queue.push('a', 1);
        assert_eq!(reader.await.unwrap(), Taken::Items(['a'].into()));
    }
}
