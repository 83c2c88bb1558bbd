//! The thread on which rules are applied to a crowd of events. It gives way to all others of this machine: whoever
//! brings an event is told yes before anything is made of it, and what has been accepted can wait.
//!
//! For one transaction at a time. Where actions take all processors it may be slow; then the next transaction runs
//! beside it, where rules always run.

use crate::service;
use std::{
    future::Future,
    sync::{Arc, LazyLock},
};
use tokio::{runtime::Runtime, sync::Semaphore, task::JoinHandle};

/// How far it gives way, from 0, not at all, to 19.
const NICE: i32 = 10;

/// Begun with the first crowd. Connections of a pool that were opened on it may be another's next.
static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    service::lasting("crowd", || {
        // Where this may not be, rules take more from those who are waiting to be accepted.
        let _ = rustix::process::nice(NICE);
    })
});

/// The way there.
pub(super) struct Aside {
    place: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { place: Arc::new(Semaphore::new(1)) }
    }
}

impl Aside {
    /// [`service::spawn`], on that thread if nothing of ours is there.
    pub(super) fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let place = self.place.clone().try_acquire_owned().ok();
        match place.zip(RUNTIME.as_ref()) {
            Some((place, runtime)) => service::spawn_on(runtime.handle(), name, async move {
                let _place = place;
                future.await
            }),
            None => service::spawn(name, future),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;
    use tokio::sync::oneshot;

    fn thread() -> Option<String> {
        std::thread::current().name().map(str::to_owned)
    }

    #[tokio::test]
    async fn one_at_a_time_gives_way_and_the_next_runs_where_it_is() {
        let aside = Aside::default();
        let (go, told) = oneshot::channel::<()>();
        let first = aside.spawn("first", async move {
            told.await.unwrap();
            (thread(), getpriority_process(None).unwrap())
        });
        let second = aside.spawn("second", async { thread() }).await.unwrap();
        assert_eq!(second, thread());
        go.send(()).unwrap();
        let (name, priority) = first.await.unwrap();
        assert_eq!(name.as_deref(), Some("crowd"));
        assert!(priority > getpriority_process(None).unwrap(), "{priority}");
        let third = aside.spawn("third", async { thread() }).await.unwrap();
        assert_eq!(third.as_deref(), Some("crowd"), "the place is free again");
    }
}
