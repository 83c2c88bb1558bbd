//! The scheduler: takes waiting executions for this node, first due first served, never more than it has places for.
//!
//! Most executions never wait: `execution::request` admits them on the spot while places are free. What waits (no
//! free place, a delay, a row left by another node) is claimed here in batches. It sleeps until it is woken, until
//! the next row is due, or until its slow sweep.

mod doubts;

use self::doubts::Doubts;
use super::Engine;
use crate::{
    clock,
    engine::runner::container,
    model::Execution,
    service::{Service, Stop},
    store::executions,
};
use chrono::{DateTime, Utc};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::OwnedSemaphorePermit;

/// Most rows one claim takes: keeps locks short.
const CLAIM: usize = 100;

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(500);

/// Pause between looks while it is not known what became of a claim.
const DOUBT: Duration = Duration::from_secs(2);

/// The service.
pub struct Scheduler {
    engine: Engine,
    doubts: Doubts,
}

impl Scheduler {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, doubts: Doubts::default() }
    }

    /// Claims as much as there are places for. Answers when to look again: `None` when nothing waits.
    async fn admit(&mut self) -> crate::store::Result<Option<DateTime<Utc>>> {
        if !self.doubts.settle(&self.engine).await? {
            return Ok(None);
        }
        let shared = &self.engine.shared;
        loop {
            let places = self.free_places();
            if places.is_empty() {
                // A place that becomes free wakes us.
                return Ok(None);
            }
            // Before the look: a row queued after it sets the flag again.
            shared.backlog.store(false, Ordering::SeqCst);
            let now = clock::now();
            let claimed = match self.claim(places.len(), now).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    self.doubts.add(now);
                    return Err(error);
                }
            };
            let full = claimed.len() == places.len();
            for (execution, place) in claimed.into_iter().zip(places) {
                container::start_claimed(&self.engine, execution, place);
            }
            if !full {
                return executions::next_due(shared.store.pool()).await;
            }
            shared.backlog.store(true, Ordering::SeqCst);
        }
    }

    async fn claim(&self, most: usize, now: DateTime<Utc>) -> crate::store::Result<Vec<Arc<Execution>>> {
        let pool = self.engine.store().pool();
        let ids = executions::claim(pool, most, now, self.engine.holder()).await?;
        executions::query::find_many(pool, &ids).await
    }

    fn free_places(&self) -> Vec<OwnedSemaphorePermit> {
        let slots = &self.engine.shared.slots;
        std::iter::from_fn(|| slots.clone().try_acquire_owned().ok()).take(CLAIM).collect()
    }
}

impl Service for Scheduler {
    const NAME: &'static str = "st2scheduler";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let shared = self.engine.shared.clone();
        let sweep = Duration::from_millis(shared.config.scheduler.sweep_interval_ms.max(100));
        while !stop.is_requested() {
            // `wake` keeps one permit: what is queued from here on ends the wait below at once.
            let pause = match self.admit().await {
                Ok(Some(due)) => (due - clock::now()).to_std().unwrap_or_default().min(sweep),
                // Rows of others wake us by the keeper's beat; alone, nothing can appear without a wake.
                Ok(None) => sweep.max(Duration::from_secs(30)),
                Err(error) => {
                    shared.backlog.store(true, Ordering::SeqCst);
                    tracing::debug!("Could not look for waiting executions: {error}");
                    RETRY
                }
            };
            let pause = if self.doubts.is_empty() { pause } else { pause.min(DOUBT) };
            tokio::select! {
                () = stop.requested() => {}
                () = shared.wake.notified() => {}
                () = clock::sleep(pause) => {}
            }
        }
        Ok(())
    }
}
