//! Points and spans of time, as Python's `datetime` and `timedelta`.

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use super::{
    error::{Error, Result},
    value::Number,
};

const DAY: i128 = 86_400_000_000;

/// Where a point of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Utc,
    /// The host's zone, which is UTC; `Z` in a text means it to the reference.
    Local,
    /// Microseconds east of UTC.
    Offset(i64),
}

/// A point of time with its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateTime {
    pub(super) local: NaiveDateTime,
    pub(super) zone: Zone,
}

/// A span of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub(super) i128);

impl Zone {
    pub(super) fn of(offset: Span) -> Result<Self> {
        if offset.0.abs() >= DAY {
            return Err(Error::value("offset must be a timedelta strictly between -24 and 24 hours"));
        }
        Ok(if offset.0 == 0 { Self::Utc } else { Self::Offset(offset.0 as i64) })
    }

    pub(super) fn offset(self) -> i64 {
        if let Self::Offset(micros) = self { micros } else { 0 }
    }
}

impl DateTime {
    /// Microseconds since 1970 in UTC.
    pub(super) fn instant(&self) -> i128 {
        i128::from(self.local.and_utc().timestamp_micros()) - i128::from(self.zone.offset())
    }

    /// A point of time in a zone.
    pub(super) fn at(instant: i128, zone: Zone) -> Result<Self> {
        let micros = i64::try_from(instant + i128::from(zone.offset())).ok();
        let local = micros.and_then(chrono::DateTime::from_timestamp_micros).map(|date| date.naive_utc());
        let local = local
            .filter(|local| (1..=9999).contains(&local.year()))
            .ok_or_else(|| Error::new("OverflowError", "date value out of range"))?;
        Ok(Self { local, zone })
    }

    /// Checked fields, with Python's complaints.
    pub(super) fn fields(date: [i64; 3], time: [i64; 4], zone: Zone) -> Result<Self> {
        let [year, month, day] = date;
        let [hour, minute, second, micro] = time;
        let check = |good: bool, message: String| if good { Ok(()) } else { Err(Error::value(message)) };
        check((1..=9999).contains(&year), format!("year {year} is out of range"))?;
        check((1..=12).contains(&month), "month must be in 1..12".to_owned())?;
        let day_of = NaiveDate::from_ymd_opt(year as i32, month as u32, day.clamp(0, 99) as u32)
            .ok_or_else(|| Error::value("day is out of range for month"))?;
        check((0..24).contains(&hour), "hour must be in 0..23".to_owned())?;
        check((0..60).contains(&minute), "minute must be in 0..59".to_owned())?;
        check((0..60).contains(&second), "second must be in 0..59".to_owned())?;
        check((0..1_000_000).contains(&micro), "microsecond must be in 0..999999".to_owned())?;
        day_of
            .and_hms_micro_opt(hour as u32, minute as u32, second as u32, micro as u32)
            .map(|local| Self { local, zone })
            .ok_or_else(|| Error::value("time is out of range"))
    }

    pub(super) fn plus(&self, span: Span) -> Result<Self> {
        let out = || Error::new("OverflowError", "date value out of range");
        let micros = i64::try_from(span.0).map_err(|_| out())?;
        let local = self.local.checked_add_signed(TimeDelta::microseconds(micros));
        let local = local.filter(|local| (1..=9999).contains(&local.year())).ok_or_else(out)?;
        Ok(Self { local, zone: self.zone })
    }

    /// `str()`.
    pub(super) fn to_text(&self) -> String {
        self.written(' ')
    }

    /// The form of ISO 8601, for answers in JSON.
    pub(super) fn to_iso(&self) -> String {
        self.written('T')
    }

    fn written(&self, between: char) -> String {
        let local = &self.local;
        let micros = local.nanosecond() / 1000 % 1_000_000;
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        format!(
            "{:04}-{:02}-{:02}{between}{:02}:{:02}:{:02}{fraction}{}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            self.offset_text(":"),
        )
    }

    fn offset_text(&self, colon: &str) -> String {
        let offset = self.zone.offset();
        let sign = if offset < 0 { '-' } else { '+' };
        let seconds = offset.unsigned_abs() / 1_000_000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let rest = if seconds == 0 { String::new() } else { format!("{colon}{seconds:02}") };
        format!("{sign}{hours:02}{colon}{minutes:02}{rest}")
    }

    /// `repr()`.
    pub(super) fn to_repr(&self) -> String {
        let local = &self.local;
        let micros = local.nanosecond() / 1000 % 1_000_000;
        let mut fields = vec![
            local.year() as u32,
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            micros,
        ];
        if micros == 0 {
            fields.pop();
            if local.second() == 0 {
                fields.pop();
            }
        }
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        let zone = match self.zone {
            Zone::Utc => "tzutc()".to_owned(),
            Zone::Local => "tzlocal()".to_owned(),
            Zone::Offset(micros) => format!("tzoffset(None, {})", micros / 1_000_000),
        };
        format!("datetime.datetime({}, tzinfo={zone})", fields.join(", "))
    }

    /// `strftime()`.
    pub(super) fn format(&self, format: &str) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('f') => _ = write!(out, "{:06}", self.local.nanosecond() / 1000 % 1_000_000),
                Some('z') => out.push_str(&self.offset_text("")),
                Some('Z') => {
                    out.push_str(if self.zone == Zone::Utc || self.zone == Zone::Local { "UTC" } else { "" });
                }
                Some(code) if "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyY%".contains(code) => {
                    _ = write!(out, "{}", self.local.format(&format!("%{code}")));
                }
                Some(other) => {
                    out.push('%');
                    out.push(other);
                }
                None => out.push('%'),
            }
        }
        out
    }
}

impl Span {
    /// A span within Python's bounds.
    pub(super) fn new(micros: i128) -> Result<Self> {
        let days = micros.div_euclid(DAY);
        if days.abs() > 999_999_999 {
            return Err(Error::new(
                "OverflowError",
                format!("days={days}; must have magnitude <= 999999999"),
            ));
        }
        Ok(Self(micros))
    }

    fn of_float(micros: f64) -> Result<Self> {
        if micros.is_nan() {
            return Err(Error::value("cannot convert float NaN to integer"));
        }
        if micros.abs() > 1e21 {
            return Err(Error::new("OverflowError", "Python int too large to convert to C int"));
        }
        Self::new(micros.round_ties_even() as i128)
    }

    pub(super) fn times(self, number: &Number) -> Result<Self> {
        match number {
            Number::Int(count) => match self.0.checked_mul(i128::from(*count)) {
                Some(micros) => Self::new(micros),
                None => Err(Error::new("OverflowError", "Python int too large to convert to C int")),
            },
            other => Self::of_float(self.0 as f64 * other.to_float()?),
        }
    }

    pub(super) fn over(self, number: f64, is_float: bool) -> Result<Self> {
        if number == 0.0 {
            let message = if is_float { "float division by zero" } else { "division by zero" };
            return Err(Error::new("ZeroDivisionError", message));
        }
        Self::of_float(self.0 as f64 / number)
    }

    /// Days, seconds and microseconds, the last two never negative.
    fn parts(self) -> (i128, i128, i128) {
        let rest = self.0.rem_euclid(DAY);
        (self.0.div_euclid(DAY), rest / 1_000_000, rest % 1_000_000)
    }

    /// `str()`.
    pub(super) fn to_text(self) -> String {
        let (days, seconds, micros) = self.parts();
        let days = match days {
            0 => String::new(),
            1 | -1 => format!("{days} day, "),
            _ => format!("{days} days, "),
        };
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        format!("{days}{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// `repr()`.
    pub(super) fn to_repr(self) -> String {
        let (days, seconds, micros) = self.parts();
        let fields: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
            .into_iter()
            .filter(|(_, value)| *value != 0)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let inner = if fields.is_empty() { "0".to_owned() } else { fields.join(", ") };
        format!("datetime.timedelta({inner})")
    }
}
