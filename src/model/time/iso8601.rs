//! ISO 8601, as dateutil's `isoparse` reads it.
//!
//! Basic and extended form, reduced dates (`2026`, `2026-03`), weeks (`2026-W11-2`), days of the year
//! (`2026-069`), any one character before the time, and 24:00 for the midnight that ends a day.

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::{Local, build};

/// Reads a time; `None` if it is not of this form or not in the calendar.
pub(super) fn parse(text: &str) -> Option<Local> {
    if !text.is_ascii() {
        return None;
    }
    let (date, rest) = common_date(text).or_else(|| uncommon_date(text))?;
    if rest.is_empty() {
        return Some(Local { time: build(date, (0, 0, 0, 0)).ok()?, offset: None });
    }
    let (mut parts, offset) = time(&rest[1..])?;
    let midnight = parts[0] == 24;
    if midnight {
        if parts[1..].iter().any(|part| *part > 0) {
            return None;
        }
        parts[0] = 0;
    }
    let time = build(date, (parts[0], parts[1], parts[2], parts[3])).ok()?;
    let time = if midnight { time.checked_add_signed(TimeDelta::days(1))? } else { time };
    (time.year() <= 9999).then_some(Local { time, offset })
}

type Date = (i64, i64, i64);

/// Takes a number of so many characters, fewer at the end. Blanks and a sign count as characters of it,
/// since Python's `int()` reads them.
fn number(text: &str, length: usize) -> Option<(i64, &str)> {
    let (head, rest) = text.split_at(length.min(text.len()));
    let value = head.trim_ascii().parse().ok()?;
    Some((value, rest))
}

/// As [`number`], but not with fewer characters.
fn whole_number(text: &str, length: usize) -> Option<(i64, &str)> {
    if text.len() < length { None } else { number(text, length) }
}

/// `2026`, `2026-03`, `2026-03-10` or `20260310`.
fn common_date(text: &str) -> Option<(Date, &str)> {
    let (year, rest) = whole_number(text, 4)?;
    if rest.is_empty() {
        return Some(((year, 1, 1), rest));
    }
    let separated = rest.starts_with('-');
    let (month, rest) = whole_number(rest.strip_prefix('-').unwrap_or(rest), 2)?;
    if rest.is_empty() {
        return separated.then_some(((year, month, 1), rest));
    }
    let rest = if separated { rest.strip_prefix('-')? } else { rest };
    let (day, rest) = whole_number(rest, 2)?;
    Some(((year, month, day), rest))
}

/// `2026-W11-2` or `2026-069`, with or without dashes.
fn uncommon_date(text: &str) -> Option<(Date, &str)> {
    let (year, rest) = whole_number(text, 4)?;
    let separated = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let in_range = (1..=9999).contains(&year);
    let (date, rest) = if let Some(rest) = rest.strip_prefix('W') {
        let (week, mut rest) = number(rest, 2)?;
        let mut day = 1;
        if !rest.is_empty() {
            if rest.starts_with('-') != separated {
                return None;
            }
            rest = rest.strip_prefix('-').unwrap_or(rest);
            (day, rest) = number(rest, 1)?;
        }
        if !in_range || !(1..=53).contains(&week) || !(1..=7).contains(&day) {
            return None;
        }
        let fourth = NaiveDate::from_ymd_opt(year as i32, 1, 4)?;
        let monday = fourth - TimeDelta::days(i64::from(fourth.weekday().num_days_from_monday()));
        (monday + TimeDelta::days(7 * (week - 1) + day - 1), rest)
    } else {
        let (ordinal, rest) = whole_number(rest, 3)?;
        if !in_range {
            return None;
        }
        (NaiveDate::from_yo_opt(year as i32, ordinal as u32)?, rest)
    };
    Some(((i64::from(date.year()), i64::from(date.month()), i64::from(date.day())), rest))
}

/// Hour, minute, second and microsecond, and the zone's offset in seconds.
fn time(text: &str) -> Option<([i64; 4], Option<i32>)> {
    if text.len() < 2 {
        return None;
    }
    let mut parts = [0; 4];
    let mut offset = None;
    let mut rest = text;
    let mut separated = false;
    let mut place = 0;
    while !rest.is_empty() && place < 5 {
        if rest.starts_with(['-', '+', 'Z', 'z']) {
            offset = Some(zone(rest)?);
            rest = "";
            break;
        }
        if place == 1 && rest.starts_with(':') {
            separated = true;
            rest = &rest[1..];
        } else if place == 2 && separated {
            rest = rest.strip_prefix(':')?;
        }
        if place < 3 {
            (parts[place], rest) = number(rest, 2)?;
        } else if place == 3 && rest.starts_with(['.', ',']) {
            let count = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            if count > 0 {
                let digits = &rest[1..=count.min(6)];
                parts[3] = format!("{digits:0<6}").parse().ok()?;
                rest = &rest[1 + count..];
            }
        }
        place += 1;
    }
    rest.is_empty().then_some((parts, offset))
}

/// Seconds east of UTC: `Z`, `+01`, `+0130` or `+01:30`.
fn zone(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    if !matches!(text.len(), 3 | 5 | 6) {
        return None;
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = number(&text[1..], 2)?;
    let minutes = match rest {
        "" => 0,
        rest => rest.strip_prefix(':').unwrap_or(rest).trim_ascii().parse().ok()?,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60) as i32)
}
