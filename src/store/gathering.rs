//! The queue before a writer that stores what has gathered with one commit.
//!
//! Who has just been answered comes back at once, if it has more to store: all of them within the time of a request or
//! two, but one by one. A writer that went off with the first would store that one alone while the others wait for the
//! commit after it, and so each would pay for two. So after it answered several, it waits for half of them to come back; not
//! for long, and after one or two not at all. Not for more: while one half is stored the other is on its way, and neither
//! PostgreSQL nor those who read requests have nothing to do meanwhile.
//!
//! Such writers run on a thread of their own. They are woken, and wake others, some thousand times a second, and a runtime
//! of several threads wakes another one each time to look for more.

use crate::{clock, service};
use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

/// How long the first one waits for the others; the shortest that the runtime can.
const PATIENCE: Duration = Duration::from_millis(1);

static THREAD: LazyLock<Option<Runtime>> = LazyLock::new(|| service::lasting("writer", || {}));

/// [`service::spawn`] on the thread of the writers.
pub(super) fn spawn<F>(name: &'static str, writer: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match &*THREAD {
        Some(runtime) => service::spawn_on(runtime.handle(), name, writer),
        None => service::spawn(name, writer),
    }
}

/// The end that others hold. Cheap to clone.
pub(super) struct Sender<T> {
    queue: mpsc::Sender<T>,
    wanted: Arc<Wanted>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Receiver<T> {
    queue: mpsc::Receiver<T>,
    wanted: Arc<Wanted>,
    /// How many were answered last.
    answered: usize,
}

/// What the writer waits for.
#[derive(Debug, Default)]
struct Wanted {
    /// So many in the queue; 0 while it does not wait for others.
    count: AtomicUsize,
    are_there: Notify,
}

/// A queue with room for so many.
pub(super) fn queue<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(room);
    let wanted = Arc::<Wanted>::default();
    (Sender { queue: sender, wanted: wanted.clone() }, Receiver { queue: receiver, wanted, answered: 0 })
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("room", &self.queue.capacity()).finish_non_exhaustive()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), wanted: self.wanted.clone() }
    }
}

impl<T> Sender<T> {
    /// Hands one over; waits while there is no room. `false`: the writer is gone.
    pub(super) async fn send(&self, entry: T) -> bool {
        let is_sent = self.queue.send(entry).await.is_ok();
        let wanted = self.wanted.count.load(Ordering::SeqCst);
        if wanted > 0 && self.queue.max_capacity() - self.queue.capacity() >= wanted {
            self.wanted.are_there.notify_one();
        }
        is_sent
    }
}

impl<T> Receiver<T> {
    /// The next one. `None`: all senders are gone. Loses nothing when it is dropped.
    pub(super) async fn recv(&mut self) -> Option<T> {
        // Woken once for half of them, not for the first as well.
        self.crowd(0).await;
        self.queue.recv().await
    }

    /// The next one, if one is there.
    pub(super) fn try_recv(&mut self) -> Option<T> {
        self.queue.try_recv().ok()
    }

    /// Waits until half of those are back that were answered last, where `taken` of them are taken already.
    pub(super) async fn crowd(&self, taken: usize) {
        let wanted = self.answered.div_ceil(2);
        let missing = wanted.saturating_sub(taken);
        if wanted < 2 || self.queue.len() >= missing {
            return;
        }
        self.wanted.count.store(missing, Ordering::SeqCst);
        let all = async {
            // Who came before that was said did not tell.
            while self.queue.len() < missing {
                self.wanted.are_there.notified().await;
            }
        };
        tokio::select! {
            () = all => {}
            () = clock::sleep(PATIENCE) => {}
        }
        self.wanted.count.store(0, Ordering::SeqCst);
    }

    /// Says how many were just answered.
    pub(super) fn answered(&mut self, count: usize) {
        self.answered = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn half_of_those_who_were_answered_are_waited_for() {
        let (sender, mut receiver) = queue(16);
        let begun = Instant::now();
        receiver.answered(8);
        let others = service::spawn("others", async move {
            for number in 0..8 {
                sender.send(number).await;
                tokio::task::yield_now().await;
            }
            sender
        });
        receiver.recv().await.unwrap();
        receiver.crowd(1).await;
        assert_eq!(
            begun.elapsed(),
            Duration::ZERO,
            "the clock stands still while others have something to do"
        );
        let mut count = 1;
        while receiver.try_recv().is_some() {
            count += 1;
        }
        assert!((4..=8).contains(&count), "{count}");
        others.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_who_does_not_come() {
        let (sender, mut receiver) = queue(16);
        for (answered, waits) in [(0, false), (1, false), (2, false), (3, true), (8, true)] {
            receiver.answered(answered);
            sender.send(()).await;
            receiver.recv().await.unwrap();
            let begun = Instant::now();
            receiver.crowd(1).await;
            let waited = begun.elapsed();
            assert_eq!(waited > Duration::ZERO, waits, "{answered}");
            assert!(waited <= PATIENCE * 2, "{waited:?}");
        }
    }
}
