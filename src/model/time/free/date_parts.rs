//! The numbers of a date, and which of them is the year, the month and the day.

use chrono::{Datelike, NaiveDate};

use super::{Read, Unreadable};

/// Numbers of a date, in the order they stand in, and the places of those whose kind is known.
#[derive(Default)]
pub(super) struct DateParts {
    pub(super) parts: Vec<i64>,
    year: Option<usize>,
    month: Option<usize>,
    /// The year was written with its century.
    pub(super) century: bool,
}

/// A part of a date whose kind is known.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    Year,
    Month,
}

impl DateParts {
    /// Takes a number; `digits` of it were written, `None` if it is no text, as the name of a month.
    pub(super) fn push(&mut self, value: i64, digits: Option<usize>, part: Option<Part>) -> Read<()> {
        let mut part = part;
        if digits.is_some_and(|digits| digits > 2) || (digits.is_none() && value > 100) {
            self.century = true;
            if part == Some(Part::Month) {
                return Err(Unreadable);
            }
            part = Some(Part::Year);
        }
        let place = self.parts.len();
        self.parts.push(value);
        let known = match part {
            None => return Ok(()),
            Some(Part::Year) => &mut self.year,
            Some(Part::Month) => &mut self.month,
        };
        if known.replace(place).is_some() { Err(Unreadable) } else { Ok(()) }
    }

    /// Takes a token that must be a number without a point.
    pub(super) fn push_token(&mut self, token: &str, part: Option<Part>) -> Read<()> {
        let digits = token.bytes().all(|c| c.is_ascii_digit());
        let value = match token.parse() {
            Ok(value) => value,
            // Digits too many to count: out of range, but a number.
            Err(_) if digits && !token.is_empty() => i64::MAX,
            Err(_) => return Err(Unreadable),
        };
        self.push(value, Some(if digits { token.len() } else { 0 }), part)
    }

    /// Whether the month, if it is known, has such a day.
    pub(super) fn could_be_day(&self, value: f64) -> bool {
        let known = |place: Option<usize>| place.and_then(|place| self.parts.get(place)).copied();
        let last = match (known(self.month), known(self.year)) {
            (None, _) => 31,
            (Some(month), year) => days_in(year.unwrap_or(2000), month).unwrap_or(31),
        };
        value >= 1.0 && value <= last as f64
    }

    /// Year, month and day, as far as they are there.
    pub(super) fn resolve(&self) -> Read<[Option<i64>; 3]> {
        let at = |place: usize| self.parts.get(place).copied();
        let known = [self.year, self.month, None];
        let known_count = known.iter().flatten().count();
        let count = self.parts.len();
        if count > 0 && (known_count == count || (count == 3 && known_count == 2)) {
            let rest = (0..count).find(|place| !known.contains(&Some(*place)));
            return Ok(known.map(|place| place.or(rest).and_then(at)));
        }
        let [first, second, third] = [at(0), at(1), at(2)].map(Option::unwrap_or_default);
        Ok(match (count, self.month) {
            (0, _) => [None; 3],
            (1 | 2, Some(month)) => {
                let other = (0..count).find(|place| *place != month).and_then(at);
                let year = other.filter(|other| *other > 31);
                [year, at(month), other.filter(|_| year.is_none())]
            }
            (1, None) if first > 31 => [Some(first), None, None],
            (1, None) => [None, None, Some(first)],
            (2, None) if first > 31 => [Some(first), Some(second), None],
            (2, None) if second > 31 => [Some(second), Some(first), None],
            (2, None) => [None, Some(first), Some(second)],
            (3, Some(0)) if second > 31 => [Some(second), Some(first), Some(third)],
            (3, Some(0)) => [Some(third), Some(first), Some(second)],
            (3, Some(1)) if first > 31 => [Some(first), Some(second), Some(third)],
            (3, Some(1)) => [Some(third), Some(second), Some(first)],
            (3, Some(_)) if second > 31 => [Some(second), Some(third), Some(first)],
            (3, Some(_)) => [Some(first), Some(third), Some(second)],
            (3, None) if first > 31 || self.year == Some(0) => [Some(first), Some(second), Some(third)],
            (3, None) if first > 12 => [Some(third), Some(second), Some(first)],
            (3, None) => [Some(third), Some(first), Some(second)],
            _ => return Err(Unreadable),
        })
    }
}

/// How many days a month has; `None` for a month that is none.
pub(super) fn days_in(year: i64, month: i64) -> Option<i64> {
    // The calendar repeats after 400 years.
    let first = NaiveDate::from_ymd_opt(year.rem_euclid(400) as i32 + 2000, u32::try_from(month).ok()?, 1)?;
    Some(i64::from(first.num_days_in_month()))
}
