//! A time as the clocks of a zone show it: what they show, and which of two times when they are set back.
//!
//! Python's reckoning: a time the clocks skip is taken with the offset before the gap.

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// What the clocks of a zone show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// What they show.
    pub shown: NaiveDateTime,
    /// The second of two times that show the same (Python's `fold`).
    pub second_time: bool,
    /// Whose clocks.
    pub zone: Tz,
}

impl Wall {
    /// What the clocks of `zone` show at this moment.
    pub fn at(moment: DateTime<Utc>, zone: Tz) -> Self {
        let shown = moment.with_timezone(&zone).naive_local();
        let second_time = match zone.offset_from_local_datetime(&shown) {
            MappedLocalTime::Ambiguous(first, _) => shown - first.fix() != moment.naive_utc(),
            _ => false,
        };
        Self { shown, second_time, zone }
    }

    /// The zone's offset from UTC at this time.
    pub fn offset(&self) -> FixedOffset {
        let far = TimeDelta::hours(15);
        match self.zone.offset_from_local_datetime(&self.shown) {
            MappedLocalTime::Single(offset) => offset.fix(),
            MappedLocalTime::Ambiguous(_, second) if self.second_time => second.fix(),
            MappedLocalTime::Ambiguous(first, _) => first.fix(),
            // The clocks skip it. No zone is farther from UTC than this, and none changes twice in between.
            MappedLocalTime::None if self.second_time => {
                self.zone.offset_from_utc_datetime(&(self.shown + far)).fix()
            }
            MappedLocalTime::None => self.zone.offset_from_utc_datetime(&(self.shown - far)).fix(),
        }
    }

    /// The moment it is.
    pub fn moment(&self) -> DateTime<Utc> {
        (self.shown - self.offset()).and_utc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn the_hour_that_comes_twice_has_two_moments() {
        let zone = chrono_tz::Europe::Prague;
        for (text, second_time) in [("2026-10-25T00:30:00Z", false), ("2026-10-25T01:30:00Z", true)] {
            let moment: DateTime<Utc> = text.parse().unwrap();
            let wall = Wall::at(moment, zone);
            assert_eq!((wall.shown, wall.second_time), (shown("2026-10-25T02:30:00"), second_time));
            assert_eq!(wall.moment(), moment);
        }
    }

    #[test]
    fn a_time_that_is_skipped_is_counted_from_before() {
        let skipped =
            |zone, text| Wall { shown: shown(text), second_time: false, zone }.moment().to_rfc3339();
        assert_eq!(skipped(chrono_tz::Europe::Prague, "2026-03-29T02:30:00"), "2026-03-29T01:30:00+00:00");
        // Samoa skipped a whole day.
        assert_eq!(skipped(chrono_tz::Pacific::Apia, "2011-12-30T12:00:00"), "2011-12-30T22:00:00+00:00");
    }
}
