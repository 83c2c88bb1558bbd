//! The garbage collector: throws away what is older than the settings allow, and makes room for what comes.
//!
//! Each kind of thing is a function in [`kinds`]; a new kind is one line in [`Collector::collect`]. It works in small
//! transactions with pauses as long as they took, so that it never gets in anybody's way, and several nodes may run
//! it: one collects at a time. Between its runs it sleeps. SIGUSR2 makes it run at once, as in StackStorm.
//!
//! Left out: what engines of later stages keep (trigger instances, traces, enforcements, workflows).

mod kinds;

use super::Engine;
use crate::{
    clock,
    config::GarbageCollector,
    service::{Service, Stop},
    store,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{fmt, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Between the start and the first run: a start has enough to do.
const FIRST: Duration = Duration::from_secs(3);

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Executions removed, each with its output.
    pub executions: u64,
    /// Days of output dropped.
    pub output_days: u64,
    /// Expired tokens removed.
    pub tokens: u64,
    /// Expired keys removed.
    pub keys: u64,
    /// Inquiries that nobody answered in time.
    pub inquiries: u64,
    /// Workflows canceled because nothing of them was at work any more.
    pub workflows: u64,
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, output_days, tokens, keys, inquiries, workflows } = self;
        write!(
            f,
            "{executions} executions, {output_days} days of output, {tokens} tokens, {keys} keys; {inquiries} \
             inquiries timed out, {workflows} idle workflows canceled"
        )
    }
}

/// The service.
pub struct Collector {
    engine: Engine,
}

impl Collector {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// One run, as if it were `now`. What fails is logged and left to the next run; it stops nothing else.
    pub async fn collect(&self, now: DateTime<Utc>, stop: &Stop) -> Collected {
        let settings = &self.engine.config().garbagecollector;
        let pause = Duration::try_from_secs_f64(settings.sleep_delay).unwrap_or_default();
        let mut done = Collected::default();
        if let Some(days) = settings.action_executions_ttl {
            let removed = kinds::executions(&self.engine, before(now, days), stop).await;
            done.executions = told("executions", removed);
            rest(pause, stop).await;
        }
        told("announcements", kinds::unannounced(&self.engine, now).await);
        if settings.purge_inquiries {
            done.inquiries = told("inquiries", kinds::inquiries(&self.engine, now).await);
            rest(pause, stop).await;
        }
        if let Some(before) = self.idle_since(now) {
            done.workflows = told("workflows", kinds::idle_workflows(&self.engine, before).await);
            rest(pause, stop).await;
        }
        let store = self.engine.store();
        if let Some(days) = settings.action_executions_output_ttl {
            done.output_days = told("output", kinds::output(store, before(now, days)).await);
            rest(pause, stop).await;
        }
        told("partitions", kinds::partitions(store, now).await);
        if let Some(days) = settings.tokens_ttl {
            done.tokens = told("tokens", kinds::tokens(store, before(now, days)).await);
            rest(pause, stop).await;
        }
        done.keys = told("keys", kinds::keys(store, now, stop).await);
        done
    }

    /// Since when a workflow must have been idle to be canceled, if that is wanted.
    fn idle_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let seconds = self.engine.config().workflow_engine.gc_max_idle_sec;
        (seconds > 0).then(|| {
            let idle = TimeDelta::try_seconds(seconds.try_into().unwrap_or(i64::MAX));
            idle.and_then(|idle| now.checked_sub_signed(idle)).unwrap_or(DateTime::UNIX_EPOCH)
        })
    }
}

impl Service for Collector {
    const NAME: &'static str = "st2garbagecollector";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let mut asked = signal(SignalKind::user_defined2())?;
        let GarbageCollector { collection_interval, .. } = self.engine.config().garbagecollector;
        // Today's output shall not go to the partition of days that have none.
        told("partitions", kinds::partitions(self.engine.store(), clock::now()).await);
        let mut wait = FIRST;
        loop {
            tokio::select! {
                () = stop.requested() => return Ok(()),
                () = clock::sleep(wait) => {}
                Some(()) = asked.recv() => tracing::info!("Got SIGUSR2: collecting garbage now"),
            }
            wait = Duration::from_secs(collection_interval);
            let done = self.collect(clock::now(), &stop).await;
            if done != Collected::default() {
                tracing::info!("Collected garbage: {done}");
            }
        }
    }
}

/// The moment before which things are too old.
fn before(now: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    now.checked_sub_days(chrono::Days::new(u64::from(days))).unwrap_or(DateTime::UNIX_EPOCH)
}

async fn rest(pause: Duration, stop: &Stop) {
    tokio::select! {
        () = stop.requested() => {}
        () = clock::sleep(pause) => {}
    }
}

fn told(kind: &str, result: store::Result<u64>) -> u64 {
    result.unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        tracing::warn!(kind, "Cannot collect {kind} now, the next run tries again: {error}{cause}");
        0
    })
}
