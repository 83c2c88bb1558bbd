//! When cron fields fire, as APScheduler finds it: field by field, the most significant first, on the clocks of the
//! zone.
//!
//! When clocks are set back, what they show twice fires twice; a time they skip fires as if they had not been set
//! forward yet. APScheduler forgets which of the two times it was when it goes on from there, and fires the same time
//! for ever; [`Cron::first_at`] goes on from a moment, so every fire is later than the one before.

use super::Wall;
use crate::model::{
    CronError, CronExpression, CronFields,
    cron::{FIELDS, MONTH, WEEK, WEEKDAY_FIELD},
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

/// Steps of a search before it is given up: more than 400 years day by day, after which the calendar repeats.
const STEPS: usize = 300_000;

/// The fields with their defaults, and the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    fields: [Vec<CronExpression>; 8],
    zone: Tz,
}

impl Cron {
    /// Reads the parameters of a cron trigger; `host` is the zone where none is given.
    pub fn of(parameters: &Map<String, Value>, host: Tz) -> Result<Self, CronError> {
        let CronFields { fields: given, timezone } = CronFields::parse(parameters)?;
        let last_given = given.iter().rposition(Option::is_some);
        let mut fields = given;
        for (place, field) in fields.iter_mut().enumerate() {
            if field.is_none() {
                let (name, low, _) = FIELDS[place];
                // What stands below the least significant field that is given is at its minimum.
                let is_below = last_given.is_some_and(|last| place > last);
                let free = matches!(name, "year" | "week" | "day_of_week");
                let expression = if is_below && !free {
                    CronExpression::Range { first: low, last: Some(low), step: None }
                } else {
                    CronExpression::All { step: None }
                };
                *field = Some(vec![expression]);
            }
        }
        Ok(Self { fields: fields.map(Option::unwrap_or_default), zone: timezone.unwrap_or(host) })
    }

    /// The zone whose clocks it follows.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first time it fires at `moment` or later; `None`: never again.
    pub fn first_at(&self, moment: DateTime<Utc>) -> Option<Wall> {
        self.first_at_wall(Wall::at(ceil(moment.naive_utc()).and_utc(), self.zone))
    }

    /// [`Cron::first_at`] a time on the clocks of its zone.
    pub fn first_at_wall(&self, start: Wall) -> Option<Wall> {
        let mut now = Wall { shown: ceil(start.shown), ..start };
        let mut place = 0;
        for _ in 0..STEPS {
            if place == FIELDS.len() {
                return Some(now);
            }
            let here = value(place, now.shown);
            match self.next_value(place, now.shown) {
                None => (now, place) = advance(now, place.checked_sub(1)?)?,
                Some(next) if next > here && is_real(place) => {
                    now.shown = with(now.shown, place, next)?;
                    place += 1;
                }
                Some(next) if next > here => (now, place) = advance(now, place)?,
                Some(_) => place += 1,
            }
        }
        None
    }

    /// The least value of a field, from the present one on, that one of its expressions allows.
    fn next_value(&self, place: usize, shown: NaiveDateTime) -> Option<u32> {
        self.fields[place].iter().filter_map(|expression| next_of(*expression, place, shown)).min()
    }
}

/// The least value from the present one on that the expression allows.
fn next_of(expression: CronExpression, place: usize, shown: NaiveDateTime) -> Option<u32> {
    let (_, low, _) = FIELDS[place];
    let (here, high) = (value(place, shown), highest(place, shown));
    let stepped = |from: u32, low: u32, step: Option<u32>| match step {
        Some(step) => from + (step - (from - low) % step) % step,
        None => from,
    };
    let found = match expression {
        CronExpression::All { step } => {
            let next = stepped(here.max(low), low, step);
            (next, high)
        }
        CronExpression::Range { first, last, step } => {
            let low = low.max(first);
            (stepped(low.max(here), low, step), last.map_or(high, |last| last.min(high)))
        }
        CronExpression::Weekday { position, weekday } => {
            let date = shown.date();
            let first_day = date.with_day(1)?.weekday().num_days_from_monday();
            let first_hit = (7 + weekday - first_day) % 7 + 1;
            let day = match position {
                5 => first_hit + (high - first_hit) / 7 * 7,
                position => first_hit + position * 7,
            };
            if day < date.day() {
                return None;
            }
            (day, high)
        }
        CronExpression::LastDay => (high, high),
    };
    (found.0 <= found.1).then_some(found.0)
}

fn is_real(place: usize) -> bool {
    place != WEEK && place != WEEKDAY_FIELD
}

fn value(place: usize, shown: NaiveDateTime) -> u32 {
    match place {
        0 => shown.year() as u32,
        MONTH => shown.month(),
        2 => shown.day(),
        WEEK => shown.iso_week().week(),
        WEEKDAY_FIELD => shown.weekday().num_days_from_monday(),
        5 => shown.hour(),
        6 => shown.minute(),
        _ => shown.second(),
    }
}

fn highest(place: usize, shown: NaiveDateTime) -> u32 {
    match place {
        2 => u32::from(shown.date().num_days_in_month()),
        place => FIELDS[place].2,
    }
}

/// The same with one field set, and those below it at their minimum.
fn with(shown: NaiveDateTime, place: usize, value_there: u32) -> Option<NaiveDateTime> {
    let field = |at: usize| match at.cmp(&place) {
        std::cmp::Ordering::Less => value(at, shown),
        std::cmp::Ordering::Equal => value_there,
        std::cmp::Ordering::Greater => FIELDS[at].1,
    };
    let date = NaiveDate::from_ymd_opt(field(0) as i32, field(MONTH), field(2))?;
    Some(date.and_time(NaiveTime::from_hms_opt(field(5), field(6), field(7))?))
}

/// Adds one to a field, or to the one above it that has room; answers where. `None`: no such year.
///
/// It is time that passes, so clocks may be set on the way.
fn advance(now: Wall, place: usize) -> Option<(Wall, usize)> {
    let mut place = place;
    while !is_real(place) || value(place, now.shown) == highest(place, now.shown) {
        place = place.checked_sub(1)?;
    }
    let shown = with(now.shown, place, value(place, now.shown) + 1)?;
    Some((Wall::at(now.moment() + (shown - now.shown), now.zone), place))
}

/// The next full second.
fn ceil(shown: NaiveDateTime) -> NaiveDateTime {
    let part = i64::from(shown.nanosecond() % 1_000_000_000);
    if part == 0 { shown } else { shown + TimeDelta::nanoseconds(1_000_000_000 - part) }
}
