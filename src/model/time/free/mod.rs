//! Times as people write them, as dateutil's `parse` reads them.
//!
//! It goes through the tokens once and guesses: a number is a year, month, day or part of a time by its
//! length, its neighbours and what was found before. Numbers of a date without names are sorted out at
//! the end. Left out: fuzzy reading, and zones that are known by a local name only.

mod date_parts;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::{Error, Local, build, words};
use date_parts::{DateParts, Part, days_in};

/// Reads a time; the day of `now` gives what is missing.
pub(super) fn parse(text: &str, now: DateTime<Utc>) -> Result<Local, Error> {
    let mut reader =
        Reader { tokens: words::split(text), this_year: i64::from(now.year()), ..Reader::default() };
    reader.read().map_err(|Unreadable| Error::Unknown(text.to_owned()))?;
    if reader.found.is_empty() {
        return Err(Error::Empty(text.to_owned()));
    }
    reader.found.check_range()?;
    let time = reader.found.build(now.date_naive());
    let time = time.map_err(|fault| Error::Calendar { fault, text: text.to_owned() })?;
    Ok(Local { time, offset: reader.found.zone() })
}

/// The text makes no sense; dateutil says no more either.
struct Unreadable;

type Read<T> = Result<T, Unreadable>;

/// What was found so far.
#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    weekday: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    micros: Option<i64>,
    zone_name: Option<String>,
    offset: Option<i64>,
    afternoon: Option<bool>,
}

impl Found {
    fn is_empty(&self) -> bool {
        let numbers = [
            self.year,
            self.month,
            self.day,
            self.weekday,
            self.hour,
            self.minute,
            self.second,
            self.micros,
            self.offset,
        ];
        numbers.iter().all(Option::is_none) && self.zone_name.is_none() && self.afternoon.is_none()
    }

    /// Python's calendar takes numbers of 32 bits, and says nothing of the text when it gets longer ones.
    fn check_range(&self) -> Result<(), Error> {
        let numbers = [self.year, self.month, self.day, self.hour, self.minute, self.second];
        match numbers.into_iter().flatten().find(|number| i32::try_from(*number).is_err()) {
            None => Ok(()),
            Some(i64::MAX) => Err(Error::Overflow("Python int too large to convert to C long")),
            Some(_) => Err(Error::Overflow("signed integer is greater than maximum")),
        }
    }

    fn build(&self, today: NaiveDate) -> Result<chrono::NaiveDateTime, String> {
        let year = self.year.unwrap_or(i64::from(today.year()));
        let month = self.month.unwrap_or(i64::from(today.month()));
        let day = if let Some(day) = self.day {
            day
        } else {
            let last = days_in(year, month);
            let last = last.ok_or_else(|| format!("bad month number {month}; must be 1-12"))?;
            i64::from(today.day()).min(last)
        };
        let time = (
            self.hour.unwrap_or(0),
            self.minute.unwrap_or(0),
            self.second.unwrap_or(0),
            self.micros.unwrap_or(0),
        );
        let at = build((year, month, day), time)?;
        match self.weekday {
            Some(weekday) if self.day.is_none_or(|day| day == 0) => {
                let ahead = (weekday - i64::from(at.weekday().num_days_from_monday())).rem_euclid(7);
                Ok(at + TimeDelta::days(ahead))
            }
            _ => Ok(at),
        }
    }

    fn zone(&self) -> Option<i32> {
        // A name that is neither UTC's nor followed by an offset is not known, and does not count.
        let utc = self.zone_name.as_deref().is_some_and(words::is_utc);
        if utc { Some(0) } else { self.offset.map(|seconds| seconds as i32) }
    }
}

#[derive(Default)]
struct Reader {
    tokens: Vec<String>,
    at: usize,
    found: Found,
    date: DateParts,
    this_year: i64,
}

impl Reader {
    fn token(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(String::as_str)
    }

    fn needed(&self, ahead: usize) -> Read<&str> {
        self.token(ahead).ok_or(Unreadable)
    }

    fn is(&self, ahead: usize, tokens: &[&str]) -> bool {
        self.token(ahead).is_some_and(|token| tokens.contains(&token))
    }

    fn read(&mut self) -> Read<()> {
        while let Some(token) = self.token(0) {
            let token = token.to_owned();
            let is_number = token.parse::<f64>().is_ok();
            if is_number {
                self.number(&token)?;
            } else if let Some(weekday) = words::weekday(&token) {
                self.found.weekday = Some(weekday);
            } else if let Some(month) = words::month(&token) {
                self.date.push(month, None, Some(Part::Month))?;
                self.after_month()?;
            } else if let Some(afternoon) = words::afternoon(&token) {
                let hour = self.found.hour.filter(|hour| (0..=12).contains(hour)).ok_or(Unreadable)?;
                self.found.hour = Some(half_day(hour, afternoon));
                self.found.afternoon = Some(afternoon);
            } else if self.could_be_zone(&token) {
                self.zone_name(token);
            } else if self.found.hour.is_some() && matches!(token.as_str(), "+" | "-") {
                self.offset(if token == "+" { 1 } else { -1 })?;
            } else if !words::is_filler(&token) {
                return Err(Unreadable);
            }
            self.at += 1;
        }
        let [year, month, day] = self.date.resolve()?;
        self.found.year = year.map(|year| if self.date.century { year } else { self.full_year(year) });
        (self.found.month, self.found.day) = (month, day);
        if self.found.offset == Some(0) && self.found.zone_name.is_none() {
            self.found.zone_name = Some("UTC".to_owned());
        }
        Ok(())
    }

    /// A year of two digits is the one within fifty years of this one.
    fn full_year(&self, year: i64) -> i64 {
        if year >= 100 {
            return year;
        }
        let year = year + self.this_year / 100 * 100;
        if year >= self.this_year + 50 {
            year - 100
        } else if year < self.this_year - 50 {
            year + 100
        } else {
            year
        }
    }

    /// `Mar-10`, `Mar/10/2026` or `Mar of 26`.
    fn after_month(&mut self) -> Read<()> {
        if self.is(1, &["-", "/"]) {
            let separator = self.needed(1)?.to_owned();
            let token = self.needed(2)?.to_owned();
            self.date.push_token(&token, None)?;
            if self.is(3, &[&separator]) {
                let token = self.needed(4)?.to_owned();
                self.date.push_token(&token, None)?;
                self.at += 2;
            }
            self.at += 2;
        } else if self.is(1, &[" "])
            && self.is(3, &[" "])
            && self.token(2).is_some_and(|of| of.eq_ignore_ascii_case("of"))
        {
            let Some(token) = self.token(4) else { return Ok(()) };
            if token.bytes().all(|c| c.is_ascii_digit()) {
                let year = token.parse().map_err(|_| Unreadable)?;
                let year = self.full_year(year);
                self.date.push_token(&year.to_string(), Some(Part::Year))?;
            }
            self.at += 4;
        }
        Ok(())
    }

    fn could_be_zone(&self, token: &str) -> bool {
        self.found.hour.is_some()
            && self.found.zone_name.is_none()
            && self.found.offset.is_none()
            && is_zone_name(token)
    }

    fn zone_name(&mut self, name: String) {
        let utc = words::is_utc(&name);
        self.found.zone_name = Some(name);
        if self.is(1, &["+", "-"]) {
            // `GMT+3` is three hours behind: that is what "my time plus three is GMT" says.
            let turned = if self.is(1, &["+"]) { "-" } else { "+" };
            turned.clone_into(&mut self.tokens[self.at + 1]);
            if utc {
                self.found.zone_name = None;
            }
        }
    }

    fn offset(&mut self, sign: i64) -> Read<()> {
        let digits = self.needed(1)?.to_owned();
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok()).ok_or(Unreadable);
        let (hours, minutes) = if digits.chars().count() == 4 {
            (number(digits.get(..2))?, number(digits.get(2..))?)
        } else if self.is(2, &[":"]) {
            let minutes = number(Some(self.needed(3)?))?;
            self.at += 2;
            (number(Some(&digits))?, minutes)
        } else if digits.chars().count() <= 2 {
            (number(Some(&digits))?, 0)
        } else {
            return Err(Unreadable);
        };
        self.found.offset = Some(sign * (hours * 3600 + minutes * 60));
        // A name may follow in parentheses: `-0300 (BRST)`.
        if self.token(2).is_some_and(words::is_filler) && self.is(3, &["("]) && self.is(5, &[")"]) {
            let name = self.needed(4)?.to_owned();
            if name.len() >= 3 && self.found.zone_name.is_none() && is_zone_name(&name) {
                self.found.zone_name = Some(name);
                self.at += 4;
            }
        }
        self.at += 1;
        Ok(())
    }

    // ── numbers ─────────────────────────────────────────────────────────────────────────

    fn number(&mut self, token: &str) -> Read<()> {
        let value: f64 = token.parse().map_err(|_| Unreadable)?;
        if !value.is_finite() {
            return Err(Unreadable);
        }
        let part = |range: std::ops::Range<usize>| {
            token.get(range).and_then(|text| text.parse::<i64>().ok()).ok_or(Unreadable)
        };
        let length = token.len();
        let unit_follows =
            self.is(1, &[":"]) || self.token(1).is_some_and(|token| words::unit(token).is_some());
        if self.date.parts.len() == 3 && matches!(length, 2 | 4) && self.found.hour.is_none() && !unit_follows
        {
            // The time of `19990101T2359`.
            self.found.hour = Some(part(0..2)?);
            if length == 4 {
                self.found.minute = Some(part(2..4)?);
            }
        } else if length == 6 || (length > 6 && token.find('.') == Some(6)) {
            if self.date.parts.is_empty() && !token.contains('.') {
                for range in [0..2, 2..4, 4..6] {
                    self.date.push_token(&token[range], None)?;
                }
            } else {
                self.found.hour = Some(part(0..2)?);
                self.found.minute = Some(part(2..4)?);
                self.seconds(token.get(4..).ok_or(Unreadable)?)?;
            }
        } else if matches!(length, 8 | 12 | 14) {
            self.date.push_token(&token[..4], Some(Part::Year))?;
            self.date.push_token(&token[4..6], None)?;
            self.date.push_token(&token[6..8], None)?;
            if length > 8 {
                self.found.hour = Some(part(8..10)?);
                self.found.minute = Some(part(10..12)?);
            }
            if length > 12 {
                self.found.second = Some(part(12..14)?);
            }
        } else if let Some((unit, skip)) = self.unit_near() {
            match unit {
                0 => {
                    self.found.hour = Some(value as i64);
                    if let Some(minutes) = sixtieths(token) {
                        self.found.minute = Some(minutes);
                    }
                }
                1 => self.minutes(token)?,
                2 => self.seconds(token)?,
                _ => {}
            }
            self.at += skip;
        } else if self.is(1, &[":"]) && self.token(2).is_some() {
            self.found.hour = Some(value as i64);
            let minutes = self.needed(2)?.to_owned();
            self.minutes(&minutes)?;
            if self.is(3, &[":"]) && self.token(4).is_some() {
                let seconds = self.needed(4)?.to_owned();
                self.seconds(&seconds)?;
                self.at += 2;
            }
            self.at += 2;
        } else if self.is(1, &["-", "/", "."]) {
            self.separated_date(token)?;
        } else if self.token(1).is_none_or(words::is_filler) {
            if let Some(afternoon) = self.token(2).and_then(words::afternoon) {
                self.found.hour = Some(half_day(value as i64, afternoon));
                self.at += 1;
            } else {
                self.date.push(value as i64, None, None)?;
            }
            self.at += 1;
        } else if let Some(afternoon) =
            self.token(1).and_then(words::afternoon).filter(|_| (0.0..24.0).contains(&value))
        {
            self.found.hour = Some(half_day(value as i64, afternoon));
            self.at += 1;
        } else if self.date.could_be_day(value) {
            self.date.push(value as i64, None, None)?;
        } else {
            return Err(Unreadable);
        }
        Ok(())
    }

    /// `2026-03-10`, `10/Mar/2026`, `10.3`.
    fn separated_date(&mut self, first: &str) -> Read<()> {
        let separator = self.needed(1)?.to_owned();
        self.date.push_token(first, None)?;
        if let Some(second) = self.token(2).filter(|token| !words::is_filler(token)).map(str::to_owned) {
            if second.bytes().all(|c| c.is_ascii_digit()) {
                self.date.push_token(&second, None)?;
            } else {
                let month = words::month(&second).ok_or(Unreadable)?;
                self.date.push(month, None, Some(Part::Month))?;
            }
            if self.is(3, &[&separator]) {
                let third = self.needed(4)?.to_owned();
                match words::month(&third) {
                    Some(month) => self.date.push(month, None, Some(Part::Month))?,
                    None => self.date.push_token(&third, None)?,
                }
                self.at += 2;
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    /// The unit of the number at hand, and how many tokens to skip for it: `5h`, `5 h`, or after `h` the
    /// next smaller one, as in `5h30`.
    fn unit_near(&self) -> Option<(usize, usize)> {
        let behind = |back: usize| {
            let token = self.at.checked_sub(back).and_then(|at| self.tokens.get(at));
            token.and_then(|token| words::unit(token)).map(|unit| (unit + 1, 0))
        };
        let ahead = |ahead: usize| self.token(ahead).and_then(words::unit).map(|unit| (unit, ahead));
        let last = self.at + 1 == self.tokens.len();
        ahead(1)
            .or_else(|| if self.is(1, &[" "]) { ahead(2) } else { None })
            .or_else(|| behind(1))
            .or_else(|| if last && self.at > 1 && self.tokens[self.at - 1] == " " { behind(2) } else { None })
    }

    fn minutes(&mut self, token: &str) -> Read<()> {
        let value = token.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or(Unreadable)?;
        self.found.minute = Some(value as i64);
        self.found.second = sixtieths(token);
        Ok(())
    }

    fn seconds(&mut self, token: &str) -> Read<()> {
        let (whole, fraction) = token.split_once('.').unwrap_or((token, "0"));
        self.found.second =
            Some(if whole.len() > 18 { i64::MAX } else { whole.parse().map_err(|_| Unreadable)? });
        let digits: String = format!("{fraction:0<6}").chars().take(6).collect();
        self.found.micros = Some(digits.parse().map_err(|_| Unreadable)?);
        Ok(())
    }
}

/// How many sixtieths the fraction of a number is; `None` if it has none. In integers: 60 times 0.3 is 18.
fn sixtieths(token: &str) -> Option<i64> {
    let digits = token.split_once('.')?.1.trim_end_matches('0');
    let digits = &digits[..digits.len().min(15)];
    let fraction: i64 = digits.parse().ok()?;
    Some(fraction * 60 / 10_i64.pow(digits.len() as u32))
}

fn half_day(hour: i64, afternoon: bool) -> i64 {
    match (hour, afternoon) {
        (hour, true) if hour < 12 => hour + 12,
        (12, false) => 0,
        (hour, _) => hour,
    }
}

fn is_zone_name(token: &str) -> bool {
    let upper = token.len() <= 5 && token.bytes().all(|c| c.is_ascii_uppercase());
    upper || matches!(token, "UTC" | "GMT" | "Z" | "z")
}
