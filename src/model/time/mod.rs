//! Times as text: the ISO form of the wire, and the forms people write.
//!
//! Where a client gives a time of its own (`expire_timestamp`, filters), only the ISO form with a zero
//! offset is accepted: [`parse`]. Where it is data that somebody compares (`timediff_lt`), anything is
//! that Python's dateutil can read: [`parse_any`]. Both are read as ISO 8601 first, then freely.

mod free;
mod iso8601;
mod words;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the form the API takes.
    #[error("Datetime value does not match expected format.")]
    Form,
    /// Nothing that looks like a time.
    #[error("Unknown string format: {0}")]
    Unknown(String),
    /// Neither a date nor a time in it.
    #[error("String does not contain a date: {0}")]
    Empty(String),
    /// A number no calendar has.
    #[error("{0}")]
    Overflow(&'static str),
    /// A time the calendar does not have.
    #[error("{fault}: {text}")]
    Calendar {
        /// What is wrong, in Python's words.
        fault: String,
        /// The whole text.
        text: String,
    },
}

/// Whether a text has the form [`parse`] takes; the calendar is not asked.
pub fn is_iso(text: &str) -> bool {
    // Python's `$` also matches before a line break at the very end.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let parts = [(0..4, b'-'), (5..7, b'-'), (8..10, b'T'), (11..13, b':'), (14..16, b':')];
    for (range, separator) in parts {
        let at = range.end;
        let blank = separator == b'T' && bytes.get(at).is_some_and(u8::is_ascii_whitespace);
        if !digits(range) || !(blank || bytes.get(at) == Some(&separator)) {
            return false;
        }
    }
    if !digits(17..19) {
        return false;
    }
    let Some(mut rest) = text.get(19..) else { return false };
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if !(3..=6).contains(&count) {
            return false;
        }
        rest = &fraction[count..];
    }
    matches!(rest, "Z" | "+00" | "+0000" | "+00:00")
}

/// Reads a time in the form the API takes: `2026-03-10T12:30:45.123456Z`, the zone always UTC.
pub fn parse(text: &str) -> Result<DateTime<Utc>, Error> {
    if !is_iso(text) {
        return Err(Error::Form);
    }
    // No part is missing in this form, so it does not matter what day it is.
    parse_any(text, DateTime::UNIX_EPOCH).map(|at| at.to_utc())
}

/// Reads a time in any form dateutil reads; what it does not say is taken from the day of `now`, and
/// without a zone it is UTC.
pub fn parse_any(text: &str, now: DateTime<Utc>) -> Result<DateTime<FixedOffset>, Error> {
    let local = match iso8601::parse(text) {
        Some(local) => local,
        None => free::parse(text, now)?,
    };
    let offset = FixedOffset::east_opt(local.offset.unwrap_or(0));
    let fault = |fault: &str| Error::Calendar { fault: fault.to_owned(), text: text.to_owned() };
    let offset = offset.ok_or_else(|| fault("offset must be strictly between -24 and 24 hours"))?;
    offset.from_local_datetime(&local.time).single().ok_or_else(|| fault("date value out of range"))
}

/// Reads a time in the forms people write, ISO 8601's weeks and days of the year aside: what the clocks show, and
/// seconds east of UTC if it has a zone. What it does not say is taken from the day of `now`.
pub fn parse_free(text: &str, now: DateTime<Utc>) -> Result<(NaiveDateTime, Option<i32>), Error> {
    free::parse(text, now).map(|local| (local.time, local.offset))
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// With six digits of a second.
    pub fraction: bool,
    /// With `+00:00` in place of `Z`.
    pub offset: bool,
}

/// Writes a time in the form of the wire: UTC, six digits of a second, `Z`.
pub fn iso(at: DateTime<Utc>) -> String {
    format(at.fixed_offset(), Form { fraction: true, offset: false })
}

/// Writes a time; its own offset is shown if the form has one.
pub fn format(at: DateTime<FixedOffset>, form: Form) -> String {
    let fraction = if form.fraction { "%.6f" } else { "" };
    let zone = if form.offset { "%:z" } else { "Z" };
    // C's `%Y`, which Python uses, does not fill years up.
    let year = at.year();
    format!("{year}{}", at.format(&format!("-%m-%dT%H:%M:%S{fraction}{zone}")))
}

/// The time so many seconds after 1970.
///
/// # Errors
/// Python's words for a year beyond 9999.
pub fn from_seconds(seconds: i64) -> Result<DateTime<Utc>, String> {
    let days = seconds.div_euclid(86_400);
    match DateTime::from_timestamp(seconds, 0) {
        Some(at) if (1..=9999).contains(&at.year()) => Ok(at),
        // Far beyond what chrono holds the year is still named, to a day.
        _ => Err(format!("year {} is out of range", 1970 + days * 400 / 146_097)),
    }
}

/// A time as it was written, and its seconds east of UTC if it has a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Local {
    time: NaiveDateTime,
    offset: Option<i32>,
}

/// Date and time from their numbers, refused in Python's words.
fn build(date: (i64, i64, i64), time: (i64, i64, i64, i64)) -> Result<NaiveDateTime, String> {
    let (year, month, day) = date;
    if !(1..=9999).contains(&year) {
        return Err(format!("year {year} is out of range"));
    }
    if !(1..=12).contains(&month) {
        return Err("month must be in 1..12".to_owned());
    }
    let date =
        u32::try_from(day).ok().and_then(|day| NaiveDate::from_ymd_opt(year as i32, month as u32, day));
    let date = date.ok_or("day is out of range for month")?;
    let (hour, minute, second, micros) = time;
    for (value, last, name) in [(hour, 23, "hour"), (minute, 59, "minute"), (second, 59, "second")] {
        if !(0..=last).contains(&value) {
            return Err(format!("{name} must be in 0..{last}"));
        }
    }
    let time = NaiveTime::from_hms_micro_opt(hour as u32, minute as u32, second as u32, micros as u32);
    Ok(date.and_time(time.ok_or("microsecond must be in 0..999999")?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        let now = DateTime::from_timestamp(1_773_145_845, 0).unwrap(); // Tuesday, 2026-03-10 12:30:45
        match parse_any(text, now) {
            Ok(at) => at.format("%Y-%m-%d %H:%M:%S%.f%:z").to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn any_usual_form_is_read() {
        for (text, time) in [
            ("2026-03-10T12:30:45.1234567Z", "2026-03-10 12:30:45.123456+00:00"),
            ("20260310T123045+0130", "2026-03-10 12:30:45+01:30"),
            ("2026-03-10T24:00", "2026-03-11 00:00:00+00:00"),
            ("2026-W11-2", "2026-03-10 00:00:00+00:00"),
            ("2026-069", "2026-03-10 00:00:00+00:00"),
            ("2026", "2026-01-01 00:00:00+00:00"),
            ("Tue, 10 Mar 2026 12:30:45 GMT", "2026-03-10 12:30:45+00:00"),
            ("Tue, 10 Mar 2026 12:30:45 -0500", "2026-03-10 12:30:45-05:00"),
            ("March 10th, 2026 at 5pm", "2026-03-10 17:00:00+00:00"),
            ("10/03/2026", "2026-10-03 00:00:00+00:00"),
            ("13/03/2026", "2026-03-13 00:00:00+00:00"),
            ("10.3.2026", "2026-10-03 00:00:00+00:00"),
            ("12:30", "2026-03-10 12:30:00+00:00"),
            ("1h 5m 7.5s", "2026-03-10 01:05:07.500+00:00"),
            ("friday", "2026-03-13 00:00:00+00:00"),
            ("5", "2026-03-05 00:00:00+00:00"),
            ("Jan of 99", "1999-01-10 00:00:00+00:00"),
            ("2026-03-10 12:30 EST", "2026-03-10 12:30:00+00:00"),
            ("2026-03-10 12:30 GMT+3", "2026-03-10 12:30:00-03:00"),
        ] {
            assert_eq!(read(text), time, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_in_dateutils_words() {
        for (text, message) in [
            ("x", "Unknown string format: x"),
            ("", "String does not contain a date: "),
            ("2026-02-30", "day is out of range for month: 2026-02-30"),
            ("2026-13-01", "month must be in 1..12: 2026-13-01"),
            ("2026-03-10T12:30:60Z", "second must be in 0..59: 2026-03-10T12:30:60Z"),
            ("1773145845", "year 1773145845 is out of range: 1773145845"),
        ] {
            assert_eq!(read(text), message);
        }
    }

    #[test]
    fn the_api_takes_one_form() {
        assert!(parse("2026-03-10 12:30:45.123+0000").is_ok());
        for text in [
            "2026-03-10T12:30:45",
            "2026-03-10T12:30:45.1Z",
            "2026-03-10t12:30:45Z",
            "2026-03-10T12:30:45+01:00",
        ] {
            assert_eq!(parse(text), Err(Error::Form), "{text}");
        }
        let at = parse("2026-03-10T12:30:45.123456Z").unwrap();
        assert_eq!(iso(at), "2026-03-10T12:30:45.123456Z");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r"([0-9]{1,4}|[-:/., TZz+]|am|pm|h|m|s|mar|tue|of|GMT|UTC|W|\PC){0,14}") {
            let _ = parse_any(&text, DateTime::UNIX_EPOCH);
        }
    }
}
