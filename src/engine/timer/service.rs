//! The loop: who fires, what there is to fire, and firing it.

use super::{
    alarm::Alarm,
    due::{Fire, Misfire, Timer, Timers as Wheel, resume},
    host_zone,
};
use crate::{
    clock,
    engine::{
        Engine,
        trigger::{self, Occurrence, Target},
    },
    model::{
        TraceContext, TriggerId,
        schedule::{Schedule, TIMER_TYPES},
    },
    service::{Service, Stop},
    store::timers::{self, TimerRow},
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// Most timers fired in one go, so that the first of a crowd does not wait for the last.
const BATCH: usize = 1024;

/// How long news of rules gather before the timers are read anew.
const GATHER: Duration = Duration::from_millis(20);

/// When the timers are read anew although nobody said that they changed.
const SWEEP: Duration = Duration::from_secs(60);

/// The service.
#[derive(Debug)]
pub struct Timers<A> {
    engine: Engine,
    alarm: A,
    /// Timers that never fire, which the log was told of.
    refused: HashSet<TriggerId>,
}

/// What it goes by.
struct Rules {
    misfire: Misfire,
    zone: Tz,
}

impl<A: Alarm> Timers<A> {
    /// Timers of this clock.
    pub fn new(engine: Engine, alarm: A) -> Self {
        Self { engine, alarm, refused: HashSet::new() }
    }

    /// Reads what timers there are, and says of new ones when they are due.
    async fn load(&mut self, rules: &Rules) -> anyhow::Result<Wheel> {
        let pool = self.engine.store().pool().clone();
        let rows = timers::active(&pool, &TIMER_TYPES.map(str::to_owned)).await?;
        let now = self.alarm.now();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let (mut found, mut new, mut moved) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let Some(schedule) = self.schedule(&row, rules.zone, now) else { continue };
            let due = match row.due_at {
                None => {
                    let first = schedule.first(now);
                    new.push((row.id, first));
                    if first.is_none() {
                        self.refuse(&row, "no time to come fits it");
                    }
                    first
                }
                Some(None) => None,
                Some(Some(due)) => {
                    let resumed = resume(&schedule, due, now);
                    if resumed != Some(due) {
                        moved.push((row.id, due, resumed));
                    }
                    resumed
                }
            };
            if let Some(due) = due {
                found.push(timer(row, schedule, due));
            }
        }
        timers::keep_only(&pool, &ids).await?;
        if !moved.is_empty() {
            timers::advance(&pool, &moved).await?;
        }
        if !new.is_empty() {
            let begun = timers::begin(&pool, &new).await?;
            // Another node may have been first, and its trigger may be gone already.
            let begun: HashMap<_, _> = begun.into_iter().collect();
            for timer in &mut found {
                if let Some(Some(due)) = begun.get(&timer.id) {
                    timer.due = *due;
                }
            }
        }
        Ok(Wheel::of(found))
    }

    fn schedule(&mut self, row: &TimerRow, zone: Tz, now: DateTime<Utc>) -> Option<Schedule> {
        match Schedule::of(&row.trigger_type, &row.parameters, zone, now) {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                self.refuse(row, &error.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, row: &TimerRow, why: &str) {
        if self.refused.insert(row.id) {
            let parameters = json!(row.parameters);
            tracing::warn!(
                trigger = row.reference,
                "Timer {} never fires ({parameters}): {why}",
                row.reference
            );
        }
    }

    /// Fires what is due. Whatever happens in between, each due time has one instance in the end.
    async fn fire(
        &self,
        connection: &mut PgConnection,
        wheel: &mut Wheel,
        rules: &Rules,
    ) -> anyhow::Result<bool> {
        let now = self.alarm.now();
        let due = wheel.due(now, rules.misfire, BATCH);
        if due.is_empty() {
            return Ok(false);
        }
        let results = join_all(due.iter().map(|fire| self.dispatch(fire, now))).await;
        for result in results {
            result?;
        }
        let moves: Vec<_> = due.iter().map(|fire| (fire.timer.id, fire.timer.due, fire.next)).collect();
        timers::advance(&mut *connection, &moves).await?;
        for fire in &due {
            wheel.advance(fire.timer.id, fire.next);
        }
        Ok(true)
    }

    async fn dispatch(&self, fire: &Fire, now: DateTime<Utc>) -> anyhow::Result<()> {
        let Some(at) = fire.at else {
            let (timer, late) = (&fire.timer.reference, now - fire.timer.due);
            tracing::warn!("Timer {timer} was due {} s ago and is passed over", late.num_seconds());
            return Ok(());
        };
        // As Python prints a time.
        let executed_at = now.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string();
        let payload = json!({"executed_at": executed_at, "schedule": null});
        let mut event =
            Occurrence::of(&*fire.timer.reference, payload).traced(TraceContext::tagged(&*fire.timer.tag));
        // It is a row's: looking each of a crowd up again would make the others late.
        event.target = Target::Known(fire.timer.reference.to_string());
        event.at = Some(now);
        let key = format!("timer {} {}", fire.timer.id, at.timestamp_micros());
        match trigger::dispatch_once(&self.engine, event, key).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Fires until asked to stop. This node is the one that fires.
    async fn lead(
        &mut self,
        connection: &mut PgConnection,
        rules: &Rules,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let mut news = self.engine.store().bus().content_changes();
        let mut wheel = self.load(rules).await?;
        tracing::debug!("{} timers wait", wheel.len());
        let sweep = clock::sleep(SWEEP);
        tokio::pin!(sweep);
        while !stop.is_requested() {
            let next = wheel.next();
            tokio::select! {
                () = stop.requested() => break,
                () = self.alarm.until(next) => {
                    while !stop.is_requested() && self.fire(connection, &mut wheel, rules).await? {}
                    if next.is_some_and(|next| next > self.alarm.now()) {
                        // The clock was set: intervals may have been left behind.
                        wheel = self.load(rules).await?;
                    }
                }
                Ok(()) = news.changed() => {
                    clock::sleep(GATHER).await;
                    news.mark_unchanged();
                    wheel = self.load(rules).await?;
                }
                () = &mut sweep => {
                    // Is this still our lock?
                    connection.ping().await?;
                    wheel = self.load(rules).await?;
                    sweep.set(clock::sleep(SWEEP));
                }
            }
        }
        Ok(())
    }
}

fn timer(row: TimerRow, schedule: Schedule, due: DateTime<Utc>) -> Timer {
    let kind = row.trigger_type.strip_prefix("core.").unwrap_or(&row.trigger_type);
    let tag = format!("{kind}-{}", row.name);
    Timer { id: row.id, reference: row.reference.into(), tag: tag.into(), schedule, due }
}

impl<A: Alarm> Service for Timers<A> {
    const NAME: &'static str = "st2timersengine";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let settings = &self.engine.config().timersengine;
        if !settings.enable {
            stop.requested().await;
            return Ok(());
        }
        let rules = Rules { misfire: Misfire::of(settings), zone: host_zone::zone(&settings.local_timezone) };
        let options = self.engine.store().connect_options();
        let elected = async {
            let mut connection = PgConnection::connect_with(&options).await?;
            timers::lead(&mut connection).await?;
            anyhow::Ok(connection)
        };
        let mut connection = tokio::select! {
            () = stop.requested() => return Ok(()),
            connection = elected => connection?,
        };
        let result = self.lead(&mut connection, &rules, &stop).await;
        // The lock goes with it.
        let _ = connection.close().await;
        result
    }
}
