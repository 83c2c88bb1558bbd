//! When timers fire: intervals, dates and cron fields. Decisions alone; nobody looks at a clock here.
//!
//! A due time is a moment. What comes after one follows from that moment alone, so that nodes, restarts and clocks
//! that jump all find the same due times.

mod cron;
mod wall;

pub use cron::Cron;
pub use wall::Wall;

use super::{
    cron::zone,
    time::{self, Error as TimeError},
};
use crate::pytext;
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

/// The trigger type of intervals.
pub const INTERVAL_TIMER: &str = "core.st2.IntervalTimer";
/// The trigger type of dates.
pub const DATE_TIMER: &str = "core.st2.DateTimer";
/// The trigger type whose parameters are cron fields.
pub const CRON_TIMER: &str = "core.st2.CronTimer";
/// All trigger types that timers fire.
pub const TIMER_TYPES: [&str; 3] = [INTERVAL_TIMER, DATE_TIMER, CRON_TIMER];

/// When a timer fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Again and again, so long after the time before.
    Interval(Interval),
    /// Once.
    Date(DateTime<FixedOffset>),
    /// When the clocks show what the fields allow.
    Cron(Box<Cron>),
}

/// Why parameters are no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A field or a zone that cannot be.
    #[error("{0}")]
    Field(String),
    /// A date that is none.
    #[error(transparent)]
    Date(#[from] TimeError),
    /// An interval nobody can wait for.
    #[error("an interval of {delta} {unit} is longer than the calendar")]
    TooLong {
        /// How many.
        delta: String,
        /// Of what.
        unit: String,
    },
    /// Not a timer at all.
    #[error("{0} is no trigger type of timers")]
    NotATimer(String),
}

/// So many seconds, in a zone for people to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From one fire to the next; less than zero never fires.
    pub length: TimeDelta,
    /// The zone of its times.
    pub zone: Tz,
}

impl Schedule {
    /// Reads the parameters of a timer's trigger, which its type's schema has passed; `host` is the zone where none is
    /// given, and the day of `now` gives what a date leaves out.
    pub fn of(
        trigger_type: &str,
        parameters: &Map<String, Value>,
        host: Tz,
        now: DateTime<Utc>,
    ) -> Result<Self, ScheduleError> {
        match trigger_type {
            CRON_TIMER => {
                let cron = Cron::of(parameters, host).map_err(|error| ScheduleError::Field(error.message))?;
                Ok(Self::Cron(Box::new(cron)))
            }
            INTERVAL_TIMER => Interval::of(parameters, host).map(Self::Interval),
            DATE_TIMER => {
                let zone = zone_of(parameters, host)?;
                let text = parameters.get("date").map(pytext::str).unwrap_or_default();
                date(&text, zone, now).map(Self::Date)
            }
            other => Err(ScheduleError::NotATimer(other.to_owned())),
        }
    }

    /// When it fires first if it begins at `now`; `None`: it does not.
    pub fn first(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Interval(interval) => interval.first(now),
            Self::Date(at) => (*at >= now).then(|| at.to_utc()),
            Self::Cron(cron) => cron.first_at(now).map(|wall| wall.moment()),
        }
    }

    /// The due time that follows `due`.
    pub fn after(&self, due: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Interval(interval) => interval.after(due),
            Self::Date(_) => None,
            Self::Cron(cron) => cron.first_at(due + TimeDelta::microseconds(1)).map(|wall| wall.moment()),
        }
    }

    /// The last due time that is not after `now`, from `due` on, which is one; and the one that follows it.
    pub fn catch_up(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
        if due > now {
            return (due, self.after(due));
        }
        match self {
            Self::Interval(interval) => {
                let last = interval.last_until(due, now);
                (last, interval.after(last))
            }
            Self::Date(_) => (due, None),
            Self::Cron(cron) => {
                let next = cron.first_at(now + TimeDelta::microseconds(1)).map(|wall| wall.moment());
                (last_before(cron, due, now), next)
            }
        }
    }
}

/// The last time cron fields fired in `due..=now`. Looks back in ever longer steps, and then between two moments.
fn last_before(cron: &Cron, due: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let fires = |from: DateTime<Utc>| cron.first_at(from).map(|wall| wall.moment()).filter(|at| *at <= now);
    let mut back = TimeDelta::seconds(1);
    let mut from = now;
    let mut found = loop {
        if from <= due {
            break due;
        }
        if let Some(found) = fires(from) {
            break found;
        }
        from = (now - back).max(due);
        back = back * 2;
    };
    // One was found; later ones lie between it and now.
    let mut end = now;
    while end - found > TimeDelta::seconds(1) {
        let middle = found + (end - found) / 2;
        match fires(middle).filter(|at| *at > found) {
            Some(later) => found = later,
            None => end = middle,
        }
    }
    found
}

impl Interval {
    fn of(parameters: &Map<String, Value>, host: Tz) -> Result<Self, ScheduleError> {
        let zone = zone_of(parameters, host)?;
        let text = |name: &str| parameters.get(name).map(pytext::str).unwrap_or_default();
        let (unit, delta) = (text("unit"), text("delta"));
        let seconds = match unit.as_str() {
            "weeks" => 604_800,
            "days" => 86_400,
            "hours" => 3600,
            "minutes" => 60,
            "seconds" => 1,
            other => return Err(ScheduleError::Field(format!("{other:?} is no unit of an interval"))),
        };
        // As many days as Python's calendar has.
        const LONGEST: i64 = 999_999_999 * 86_400;
        let length = delta.parse::<i64>().ok().and_then(|delta| delta.checked_mul(seconds));
        let length = length.filter(|length| length.abs() <= LONGEST).and_then(TimeDelta::try_seconds);
        let Some(length) = length else {
            return Err(ScheduleError::TooLong { delta, unit });
        };
        Ok(Self { length: if length.is_zero() { TimeDelta::seconds(1) } else { length }, zone })
    }

    /// Of an interval of days the first time is counted on the clocks of the zone, all else from one moment to the next.
    fn first(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.after(now)?;
        if self.length < TimeDelta::days(1) {
            return Some(next);
        }
        let shown = Wall::at(now, self.zone).shown.checked_add_signed(self.length)?;
        Some(Wall { shown, second_time: false, zone: self.zone }.moment())
    }

    /// The longest that its next time can be away, clocks that are set at the changes of the year included.
    pub fn longest_wait(&self) -> TimeDelta {
        let clocks = if self.length < TimeDelta::days(1) { TimeDelta::zero() } else { TimeDelta::hours(3) };
        self.length + clocks
    }

    fn after(&self, due: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.length > TimeDelta::zero()).then(|| due.checked_add_signed(self.length)).flatten()
    }

    fn last_until(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let length = self.length.num_seconds().max(1);
        let times = (now - due).num_seconds() / length;
        due + TimeDelta::seconds(times * length)
    }
}

fn zone_of(parameters: &Map<String, Value>, host: Tz) -> Result<Tz, ScheduleError> {
    match parameters.get("timezone").filter(|name| !name.is_null()) {
        Some(name) => zone(&pytext::str(name)).map_err(ScheduleError::Field),
        None => Ok(host),
    }
}

/// A date as people write it. Without an offset of its own it is meant in `zone`; a time the clocks skip is the one
/// they show instead.
fn date(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<FixedOffset>, ScheduleError> {
    let (shown, offset): (NaiveDateTime, _) = time::parse_free(text, Wall::at(now, zone).shown.and_utc())?;
    let Some(offset) = offset else {
        let moment = Wall { shown, second_time: false, zone }.moment();
        let offset = Wall::at(moment, zone).offset();
        return Ok(moment.with_timezone(&offset));
    };
    let offset = FixedOffset::east_opt(offset)
        .ok_or_else(|| ScheduleError::Field(format!("{text}: an offset of more than a day")))?;
    Ok((shown - offset).and_utc().with_timezone(&offset))
}

#[cfg(test)]
mod tests;
