//! The loop: takes what was handed over, or looks for rows, matches, and writes what follows.

use super::{
    Matched, Page, Ready,
    aside::Aside,
    enforce::{self, Consequences},
    matcher,
};
use crate::{
    clock,
    criteria::{Comparison, Event},
    engine::{
        Engine,
        trigger::{Batch, Taken},
    },
    expr::jinja,
    model::{ObjectId, TriggerInstance, TriggerInstanceId, TriggerInstanceStatus},
    service::{self, Service, Stop},
    store::{self, enforcements, executions, trigger_instances},
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

/// Most instances of one transaction.
const BATCH: usize = 1024;

/// Most rows that are read at once: how large they are is not known before.
const ROWS: usize = 256;

/// How long instances are looked at before what was found is written: a slow one holds up its neighbours no longer.
const LOOK: Duration = Duration::from_millis(100);

/// Transactions at a time, if they are slow.
const AT_ONCE: usize = 4;

/// How long a transaction may take before the next one begins beside it. Those who come before share the next one: the
/// busier it is, the less each costs, and the more room there is to accept others.
const SLOW: Duration = Duration::from_millis(50);

/// Fewer events than that during one transaction are no crowd.
const CROWD: usize = 8;

/// Events a second from which on they are a crowd, which keeps this machine busy. Then accepting comes first: what was
/// accepted is worked on [aside](Aside), and in beats, for a transaction costs about as much as what it stores for
/// twenty events.
const CROWD_RATE: f64 = 2000.0;

/// Between the beginnings of two transactions in a crowd.
const BEAT: Duration = Duration::from_millis(100);

/// How long a row may wait before the sweep of any node takes it up: it was handed to nobody, or to one that died.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

/// Between sweeps.
const SWEEP: Duration = Duration::from_secs(5);

/// Pause after the database could not be used.
const RETRY: Duration = Duration::from_millis(500);

/// The service.
pub struct RulesEngine {
    engine: Engine,
    places: Arc<Semaphore>,
    aside: Aside,
}

impl RulesEngine {
    pub(in crate::engine) fn new(engine: Engine) -> Self {
        Self { engine, places: Arc::new(Semaphore::new(AT_ONCE)), aside: Aside::default() }
    }

    /// Takes up everything that was handed over.
    async fn take_all(&self) {
        let events = &self.engine.shared.events;
        let mut last = None;
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let batch = events.take(BATCH);
            if batch.len() == 0 {
                return;
            }
            let since = last.replace(Instant::now()).map(|last| last.elapsed());
            let is_crowd = since.is_some_and(|since| is_crowd(batch.len(), since));
            // Whoever had to be left waits for no beat.
            let has_time = is_crowd && batch.is_all();
            let begun = self.begin(place, batch, is_crowd);
            let over = async {
                tokio::select! {
                    _ = begun => {}
                    () = clock::sleep(SLOW) => {}
                }
            };
            if has_time {
                let beat = async {
                    tokio::select! {
                        () = clock::sleep(BEAT) => {}
                        () = events.long() => {}
                    }
                };
                tokio::join!(over, beat);
            } else {
                over.await;
            }
        }
    }

    /// Takes up rows made before `before` that nobody here has in hand.
    async fn sweep(&self, before: TriggerInstanceId, stop: &Stop) -> store::Result<()> {
        let mut after = None;
        while !stop.is_requested() {
            let Ok(place) = self.places.clone().acquire_owned().await else { return Ok(()) };
            let mut tx = self.engine.store().begin().await?;
            let rows = trigger_instances::claim(&mut tx, after, before, ROWS as i64).await?;
            tx.commit().await?;
            let is_last = rows.len() < ROWS;
            after = rows.last().map(|row| row.id);
            let batch = self.engine.shared.events.take_up(rows);
            if batch.len() > 0 {
                self.begin(place, batch, false);
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn begin(&self, place: OwnedSemaphorePermit, batch: Batch, is_crowd: bool) -> JoinHandle<()> {
        let engine = self.engine.clone();
        let work = async move {
            let _place = place;
            let instances = batch.instances();
            let settled = settle(&engine, &instances).await;
            let count = instances.len();
            drop(batch);
            if let Err(error) = settled {
                tracing::warn!("Rules could not be applied to {count} events now: {error:?}");
                clock::sleep(RETRY).await;
                // Their rows are found again.
                engine.shared.events.look_at_rows();
            }
        };
        if is_crowd { self.aside.spawn("rules", work) } else { service::spawn("rules", work) }
    }
}

/// Whether so many that came within that time are a crowd.
fn is_crowd(count: usize, within: Duration) -> bool {
    count >= CROWD && count as f64 >= CROWD_RATE * within.as_secs_f64()
}

/// Matches a batch and writes what follows. What cannot be written fails alone.
fn settle<'a>(engine: &'a Engine, batch: &'a [Taken]) -> BoxFuture<'a, store::Result<()>> {
    Box::pin(async move {
        let mut left = batch;
        while !left.is_empty() {
            let found = look(engine, left).await?;
            let (looked_at, others) = left.split_at(found.len());
            left = others;
            match write(engine, looked_at, found).await {
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) if looked_at.len() == 1 => {
                    let id = looked_at[0].instance.id;
                    tracing::error!("What follows from trigger instance {id} could not be stored: {error:?}");
                    let failed = (TriggerInstanceStatus::ProcessingFailed, Consequences::default());
                    write(engine, looked_at, vec![failed]).await?;
                }
                Err(_) => {
                    for one in looked_at.chunks(1) {
                        settle(engine, one).await?;
                    }
                }
                Ok(()) => {}
            }
        }
        Ok(())
    })
}

type Found = Vec<(TriggerInstanceStatus, Consequences)>;

/// What follows from each of the first of a batch, one at least.
async fn look(engine: &Engine, batch: &[Taken]) -> store::Result<Found> {
    let mut triggers: Vec<&str> = batch.iter().map(|taken| taken.instance.trigger.as_str()).collect();
    triggers.sort_unstable();
    triggers.dedup();
    let pages = engine.shared.rules.pages(&triggers).await?;
    triggers.retain(|trigger| pages.get(*trigger).is_some_and(|page| !page.is_empty()));
    engine.triggers().prepare(&triggers).await?;
    let mut found: Found = Vec::with_capacity(batch.len());
    let begun = Instant::now();
    for taken in batch {
        if !found.is_empty() && begun.elapsed() > LOOK {
            break;
        }
        let page = pages.get(&taken.instance.trigger).cloned().unwrap_or_default();
        match look_at(engine, page, taken).await {
            Ok(one) => found.push(one),
            Err(error) => {
                forget(engine, found);
                return Err(error);
            }
        }
        // Timers and requests have their turns between two of a crowd of events.
        tokio::task::yield_now().await;
    }
    Ok(found)
}

async fn look_at(
    engine: &Engine,
    page: Arc<Page>,
    taken: &Taken,
) -> store::Result<(TriggerInstanceStatus, Consequences)> {
    let Some(matched) = matched(engine, page, &taken.instance).await? else {
        return Ok((TriggerInstanceStatus::ProcessingFailed, Consequences::default()));
    };
    let consequences = enforce::consequences(engine, taken, matched).await?;
    Ok((TriggerInstanceStatus::Processed, consequences))
}

/// Matches one event; where that may take long, on a thread of its own. `None`: it panicked, which the log tells.
async fn matched(
    engine: &Engine,
    page: Arc<Page>,
    instance: &Arc<TriggerInstance>,
) -> store::Result<Option<Matched>> {
    if page.is_calm {
        let event = Event { payload: &instance.payload, now: clock::now(), datastore: &NO_DATASTORE };
        return Ok(Some(matcher::matched(&page, &event)));
    }
    let with = instance.clone();
    tested(engine, instance.id, move |now, datastore| {
        matcher::matched(&page, &Event { payload: &with.payload, now, datastore })
    })
    .await
}

/// Tests something against an event, on a thread of its own. `None`: it panicked, which the log tells.
async fn tested<T: Send + 'static>(
    engine: &Engine,
    id: TriggerInstanceId,
    test: impl FnOnce(DateTime<Utc>, &Arc<dyn jinja::Datastore>) -> T + Send + 'static,
) -> store::Result<Option<T>> {
    // Patterns see the keys of the system alone; they are read when a pattern asks for them.
    let lookups = match engine.datastore().for_templates(None, []).await {
        Ok(lookups) => Some(lookups),
        Err(crate::datastore::Error::Store(error)) => return Err(error),
        Err(_) => None,
    };
    let now = clock::now();
    let seen: Arc<dyn jinja::Datastore> = match &lookups {
        Some(lookups) => lookups.clone(),
        None => NO_DATASTORE.clone(),
    };
    let tested = tokio::task::spawn_blocking(move || test(now, &seen)).await;
    if let Err(panic) = &tested {
        tracing::error!("Testing criteria against trigger instance {id} panicked: {panic}");
    }
    // What could not be compared because the database was away is compared again.
    match lookups {
        Some(lookups) => lookups.checked(tested.ok()),
        None => Ok(tested.ok()),
    }
}

/// Every criterion of a rule against an event. `None`: it panicked.
pub(super) async fn compared(
    engine: &Engine,
    ready: &Arc<Ready>,
    instance: &TriggerInstance,
) -> store::Result<Option<Vec<Comparison>>> {
    let (ready, payload) = (ready.clone(), instance.payload.clone());
    tested(engine, instance.id, move |now, datastore| {
        ready.criteria.explain(&Event { payload: &payload, now, datastore })
    })
    .await
}

/// The rules that would take up an event.
pub(super) async fn fitting(engine: &Engine, instance: &TriggerInstance) -> store::Result<Vec<Arc<Ready>>> {
    let page = engine.shared.rules.page(&instance.trigger).await?;
    let matched = matched(engine, page, &Arc::new(instance.clone())).await?;
    Ok(matched.unwrap_or_default().fits)
}

/// Writes what follows from a batch, and lets the executions begin.
async fn write(engine: &Engine, batch: &[Taken], found: Found) -> store::Result<()> {
    let mut tx = match engine.store().begin_keyed().await {
        Ok(tx) => tx,
        Err(error) => {
            forget(engine, found);
            return Err(error);
        }
    };
    let done: Vec<_> =
        batch.iter().zip(&found).map(|(taken, (status, _))| (taken.instance.id, *status)).collect();
    let ours = match trigger_instances::finish(&mut tx, &done).await {
        Ok(ours) => ours,
        Err(error) => {
            forget(engine, found);
            return Err(error);
        }
    };
    let mut all = Consequences::default();
    for (taken, (_, consequences)) in batch.iter().zip(found) {
        if ours.contains(&taken.instance.id) {
            all.enforcements.extend(consequences.enforcements);
            all.executions.extend(consequences.executions);
        } else {
            consequences.forget(engine);
        }
    }
    match store(engine, tx, &all).await {
        Ok(()) => {}
        // Rows that say `running` must not be left to nobody.
        Err(error) if error.is_unavailable() && is_stored(engine, &ours, &all).await => {}
        Err(error) => {
            all.forget(engine);
            return Err(error);
        }
    }
    for execution in all.executions {
        execution.begin(engine);
    }
    Ok(())
}

/// Whether a commit went through whose answer was lost. Waits until the database can tell: the transaction in question
/// holds the instances until it has ended.
async fn is_stored(engine: &Engine, instances: &HashSet<TriggerInstanceId>, all: &Consequences) -> bool {
    let Some(first) = all.executions.first() else { return false };
    loop {
        let asked = async {
            let mut tx = engine.store().begin().await?;
            trigger_instances::lock(&mut tx, instances).await?;
            executions::query::exists(tx.conn(), first.execution().id).await
        };
        match asked.await {
            Ok(is_stored) => return is_stored,
            Err(error) => {
                tracing::warn!("Cannot tell yet whether executions of rules were stored: {error:?}");
                clock::sleep(RETRY).await;
            }
        }
    }
}

async fn store(engine: &Engine, mut tx: store::Tx, all: &Consequences) -> store::Result<()> {
    let asked = all.executions.iter().map(|execution| &execution.row);
    enforcements::insert(&mut tx, &all.enforcements, asked).await?;
    for execution in &all.executions {
        for event in execution.events(engine) {
            tx.emit(event);
        }
    }
    tx.commit().await
}

fn forget(engine: &Engine, found: Found) {
    for (_, consequences) in found {
        consequences.forget(engine);
    }
}

impl Service for RulesEngine {
    const NAME: &'static str = "st2rulesengine";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let bus = self.engine.store().bus().clone();
        // Not begun anew by what happens in between: it comes also when events never cease.
        let sweep = clock::sleep(SWEEP);
        tokio::pin!(sweep);
        let mut is_due = false;
        while !stop.is_requested() {
            self.take_all().await;
            let events = &self.engine.shared.events;
            // In this order: what is stored after the question sets the flag again.
            let are_rows = events.take_rows();
            if are_rows || is_due {
                let left_behind = || TriggerInstanceId(ObjectId::lowest_at(clock::now() - LEFT_BEHIND));
                let before = if are_rows { TriggerInstanceId::generate() } else { left_behind() };
                is_due = false;
                if let Err(error) = self.sweep(before, &stop).await {
                    tracing::warn!("Could not look for events that wait for the rules: {error:?}");
                    clock::sleep(RETRY).await;
                    events.look_at_rows();
                }
            }
            tokio::select! {
                () = stop.requested() => {}
                () = events.wait() => {}
                () = bus.dispatched() => events.look_at_rows(),
                () = &mut sweep => {
                    sweep.set(clock::sleep(SWEEP));
                    is_due = true;
                }
            }
        }
        // What was taken up is finished.
        let _ = self.places.acquire_many(AT_ONCE as u32).await;
        Ok(())
    }
}

static NO_DATASTORE: LazyLock<Arc<dyn jinja::Datastore>> = LazyLock::new(|| Arc::new(jinja::NoDatastore));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_many_at_once_and_at_a_rate() {
        let ms = Duration::from_millis;
        assert!(is_crowd(8, ms(4)) && is_crowd(200, ms(100)) && is_crowd(1024, ms(1)));
        assert!(!is_crowd(7, ms(1)), "few");
        assert!(!is_crowd(8, ms(5)) && !is_crowd(199, ms(100)), "no more than a busy hour brings");
    }
}
