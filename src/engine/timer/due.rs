//! All timers by their next due time, and what to do at a moment. No rows, no clock.

use crate::{
    config::TimersEngine,
    model::{TriggerId, schedule::Schedule},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

/// What becomes of due times that have passed while nobody could fire them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfire {
    /// One instance for all that were missed.
    Once,
    /// None, beyond this lateness: StackStorm's way, with one second.
    Skip(TimeDelta),
    /// One instance each.
    All,
}

impl Misfire {
    /// Reads the settings, which were checked.
    pub(super) fn of(settings: &TimersEngine) -> Self {
        match settings.misfire.as_str() {
            "all" => Self::All,
            "skip" => Self::Skip(TimeDelta::milliseconds((settings.misfire_grace.min(1e9) * 1000.0) as i64)),
            _ => Self::Once,
        }
    }
}

/// A timer.
#[derive(Clone, Debug)]
pub(super) struct Timer {
    pub(super) id: TriggerId,
    /// `pack.name` of its trigger.
    pub(super) reference: Arc<str>,
    /// Trace tag of what it fires.
    pub(super) tag: Arc<str>,
    pub(super) schedule: Schedule,
    pub(super) due: DateTime<Utc>,
}

/// What a timer that is due shall do.
#[derive(Clone, Debug)]
pub(super) struct Fire {
    pub(super) timer: Timer,
    /// The due time there shall be an instance of; `None`: it is passed over.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) next: Option<DateTime<Utc>>,
}

/// The timers. Those that never fire again are not among them.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: HashMap<TriggerId, Timer>,
    /// May hold due times that timers have left since.
    heap: BinaryHeap<Reverse<(DateTime<Utc>, TriggerId)>>,
}

impl Timers {
    pub(super) fn of(timers: impl IntoIterator<Item = Timer>) -> Self {
        let timers: HashMap<_, _> = timers.into_iter().map(|timer| (timer.id, timer)).collect();
        let heap = timers.values().map(|timer| Reverse((timer.due, timer.id))).collect();
        Self { timers, heap }
    }

    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    /// The next due time of all.
    pub(super) fn next(&mut self) -> Option<DateTime<Utc>> {
        while let Some(Reverse((due, id))) = self.heap.peek() {
            if self.timers.get(id).is_some_and(|timer| timer.due == *due) {
                return Some(*due);
            }
            self.heap.pop();
        }
        None
    }

    /// What is due at `now`, at most `most` of it, the earliest first; nothing changes yet.
    pub(super) fn due(&mut self, now: DateTime<Utc>, misfire: Misfire, most: usize) -> Vec<Fire> {
        let mut due = Vec::new();
        let mut seen = Vec::new();
        while due.len() < most && self.next().is_some_and(|next| next <= now) {
            let Some(Reverse((at, id))) = self.heap.pop() else { break };
            seen.push(Reverse((at, id)));
            due.push(decide(&self.timers[&id], now, misfire));
        }
        self.heap.extend(seen);
        due
    }

    /// Moves a timer on.
    pub(super) fn advance(&mut self, id: TriggerId, next: Option<DateTime<Utc>>) {
        match next {
            Some(next) => {
                if let Some(timer) = self.timers.get_mut(&id) {
                    timer.due = next;
                    self.heap.push(Reverse((next, id)));
                }
            }
            None => drop(self.timers.remove(&id)),
        }
    }
}

fn decide(timer: &Timer, now: DateTime<Utc>, misfire: Misfire) -> Fire {
    let (at, next) = match misfire {
        Misfire::All => (Some(timer.due), timer.schedule.after(timer.due)),
        Misfire::Once => {
            let (last, next) = timer.schedule.catch_up(timer.due, now);
            (Some(last), next)
        }
        Misfire::Skip(grace) => {
            let (last, next) = timer.schedule.catch_up(timer.due, now);
            (Some(last).filter(|last| now - *last <= grace), next)
        }
    };
    Fire { timer: timer.clone(), at, next }
}

/// When a timer is due that its row says is due at `due`. An interval whose due time is farther away than it is long
/// was left behind by a clock that was set back: it begins anew.
pub(super) fn resume(schedule: &Schedule, due: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match schedule {
        Schedule::Interval(interval) if due - now > interval.longest_wait() => schedule.first(now),
        _ => Some(due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schedule::{CRON_TIMER, INTERVAL_TIMER};
    use serde_json::{Value, json};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn timer(kind: &str, parameters: Value, due: &str) -> Timer {
        let due = at(due);
        let parameters = parameters.as_object().unwrap();
        let schedule = Schedule::of(kind, parameters, chrono_tz::UTC, due).unwrap();
        Timer { id: TriggerId::generate(), reference: "core.x".into(), tag: "x".into(), schedule, due }
    }

    fn minutely(due: &str) -> Timer {
        timer(CRON_TIMER, json!({"minute": "*"}), due)
    }

    #[test]
    fn what_was_missed_fires_once_never_or_each_time() {
        let now = at("2026-03-10T12:04:30Z");
        let decide = |misfire| {
            let fire = decide(&minutely("2026-03-10T12:01:00Z"), now, misfire);
            (fire.at, fire.next.unwrap())
        };
        let next = at("2026-03-10T12:05:00Z");
        assert_eq!(decide(Misfire::Once), (Some(at("2026-03-10T12:04:00Z")), next));
        assert_eq!(decide(Misfire::Skip(TimeDelta::seconds(1))), (None, next));
        let (first, second) = (at("2026-03-10T12:01:00Z"), at("2026-03-10T12:02:00Z"));
        assert_eq!(decide(Misfire::All), (Some(first), second));
    }

    #[test]
    fn the_earliest_is_next_and_each_stays_until_it_is_moved() {
        let (early, late) = (minutely("2026-03-10T12:01:00Z"), minutely("2026-03-10T12:02:00Z"));
        let mut timers = Timers::of([late.clone(), early.clone()]);
        assert_eq!(timers.next(), Some(early.due));
        let due = timers.due(at("2026-03-10T12:01:30Z"), Misfire::Once, 10);
        assert_eq!(due.iter().map(|fire| fire.timer.id).collect::<Vec<_>>(), [early.id]);
        assert_eq!(timers.next(), Some(early.due), "a crash now would lose nothing");
        timers.advance(early.id, due[0].next);
        assert_eq!(timers.next(), Some(late.due));
        timers.advance(late.id, None);
        assert_eq!((timers.next(), timers.len()), (Some(at("2026-03-10T12:02:00Z")), 1));
        assert_eq!(timers.due(at("2026-03-10T13:00:00Z"), Misfire::Once, 10).len(), 1);
    }

    #[test]
    fn an_interval_does_not_wait_for_a_clock_that_was_set_back() {
        let timer = timer(INTERVAL_TIMER, json!({"unit": "seconds", "delta": 10}), "2026-03-10T12:00:00Z");
        let resumed = |now: &str| resume(&timer.schedule, timer.due, at(now)).unwrap();
        assert_eq!(resumed("2026-03-10T11:59:55Z"), timer.due);
        assert_eq!(resumed("2026-03-10T11:00:00Z"), at("2026-03-10T11:00:10Z"));
        // What the calendar says stays.
        let daily = minutely("2026-03-10T12:00:00Z");
        assert_eq!(resume(&daily.schedule, daily.due, at("2026-03-10T11:00:00Z")), Some(daily.due));
    }
}
