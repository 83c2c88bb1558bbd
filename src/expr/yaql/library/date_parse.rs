//! Times out of text: freely, as `dateutil` reads them, or by a format.
//!
//! Of `dateutil` the common forms are read: ISO 8601, dates of three numbers, names of months and days,
//! clocks with am and pm, and zones as `Z`, `UTC` or an offset. What is left out: relative words, names of
//! other zones, and ISO weeks.

use chrono::{
    Datelike, NaiveDate, NaiveTime, Utc,
    format::{Parsed, StrftimeItems, parse},
};

use crate::{
    expr::yaql::{
        date::{DateTime, Span, Zone},
        error::{Error, Result},
    },
    pytext,
};

/// A time in a format of `strptime`.
#[expect(clippy::single_match_else, reason = "both arms are equally likely")]
pub(super) fn with_format(text: &str, format: &str) -> Result<DateTime> {
    let mismatch = || {
        let (text, format) = (pytext::repr_str(text), pytext::repr_str(format));
        Error::value(format!("time data {text} does not match format {format}"))
    };
    let chronos = format.replace(".%f", "%.f");
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(&chronos)).map_err(|_| mismatch())?;
    let first = parsed.to_naive_date().ok();
    let date = match first {
        Some(date) => date,
        None => {
            let year = parsed.year().unwrap_or(1900);
            NaiveDate::from_ymd_opt(year, parsed.month().unwrap_or(1), parsed.day().unwrap_or(1))
                .ok_or_else(mismatch)?
        }
    };
    let time = match (parsed.to_naive_time(), parsed.hour_mod_12(), parsed.hour_div_12()) {
        (Ok(time), ..) => time,
        (_, Some(hour), half) => {
            NaiveTime::from_hms_opt(hour + 12 * half.unwrap_or(0), parsed.minute().unwrap_or(0), 0)
                .ok_or_else(mismatch)?
        }
        _ => NaiveTime::MIN,
    };
    let zone = match parsed.offset() {
        Some(seconds) => Zone::of(Span(i128::from(seconds) * 1_000_000))?,
        None => Zone::Utc,
    };
    Ok(DateTime { local: date.and_time(time), zone })
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What a text says of a time; what it leaves out comes from today.
#[derive(Default)]
struct Found {
    numbers: Vec<(i64, usize)>,
    month: Option<i64>,
    clock: Option<[i64; 4]>,
    afternoon: Option<bool>,
    zone: Option<Zone>,
}

/// A time in any common form.
pub(super) fn free(text: &str, now: chrono::DateTime<Utc>) -> Result<DateTime> {
    let unknown = || Error::new("ParserError", format!("Unknown string format: {text}"));
    if text.trim().is_empty() {
        return Err(Error::new("ParserError", format!("String does not contain a date: {text}")));
    }
    let found = scan(text).ok_or_else(unknown)?;
    let today = now.date_naive();
    let mut date = [i64::from(today.year()), i64::from(today.month()), i64::from(today.day())];
    arrange(&found, &mut date).ok_or_else(unknown)?;
    let mut clock = found.clock.unwrap_or_default();
    match found.afternoon {
        Some(true) if clock[0] < 12 => clock[0] += 12,
        Some(false) if clock[0] == 12 => clock[0] = 0,
        _ => {}
    }
    DateTime::fields(date, clock, found.zone.unwrap_or(Zone::Utc))
        .map_err(|error| Error::new("ParserError", format!("{}: {text}", error.message)))
}

/// Decides which number is the year, the month and the day.
fn arrange(found: &Found, date: &mut [i64; 3]) -> Option<()> {
    let full_year = |(value, digits): (i64, usize)| {
        if digits <= 2 { value + if value < 69 { 2000 } else { 1900 } } else { value }
    };
    let mut numbers = found.numbers.clone();
    if let [(value, digits)] = numbers[..]
        && matches!(digits, 8 | 14)
        && found.month.is_none()
    {
        let value = if digits == 14 { value / 1_000_000 } else { value };
        *date = [value / 10000, value / 100 % 100, value % 100];
        return Some(());
    }
    let year_at = numbers.iter().position(|(value, digits)| *digits > 2 || *value > 31);
    if let Some(at) = year_at {
        let is_first = at == 0 && numbers.len() == 3;
        date[0] = full_year(numbers.remove(at));
        if is_first && found.month.is_none() {
            [date[1], date[2]] = [numbers[0].0, numbers[1].0];
            return Some(());
        }
    } else if numbers.len() == 3 || (numbers.len() == 2 && found.month.is_some()) {
        date[0] = full_year(numbers.pop()?);
    }
    match (found.month, &numbers[..]) {
        (Some(month), []) => date[1] = month,
        (Some(month), [(day, _)]) => [date[1], date[2]] = [month, *day],
        (None, []) => {}
        (None, [(value, _)]) if year_at.is_some() => date[1] = *value,
        (None, [(day, _)]) => date[2] = *day,
        (None, [(first, _), (second, _)]) if *first > 12 => [date[1], date[2]] = [*second, *first],
        (None, [(first, _), (second, _)]) => [date[1], date[2]] = [*first, *second],
        _ => return None,
    }
    Some(())
}

/// Takes the text apart.
fn scan(text: &str) -> Option<Found> {
    let mut found = Found::default();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c.is_ascii_digit() {
            at = number(&chars, at, &mut found)?;
        } else if c.is_alphabetic() {
            let end = at + chars[at..].iter().take_while(|c| c.is_alphabetic()).count();
            let word = chars[at..end].iter().collect::<String>().to_lowercase();
            let is_name =
                |names: &[&str]| names.iter().position(|name| word.len() >= 3 && name.starts_with(&word));
            match word.as_str() {
                "t" | "at" | "on" | "of" | "and" | "st" | "nd" | "rd" | "th" => {}
                "z" | "utc" | "gmt" => found.zone = Some(Zone::Local),
                "am" | "a" => found.afternoon = Some(false),
                "pm" | "p" => found.afternoon = Some(true),
                _ => match is_name(&MONTHS) {
                    Some(month) => found.month = Some(month as i64 + 1),
                    None => _ = is_name(&DAYS)?,
                },
            }
            at = end;
        } else if matches!(c, '+' | '-') && found.clock.is_some() {
            let digits: String = chars[at + 1..].iter().filter(|c| **c != ':').collect();
            let (hours, minutes) = match digits.len() {
                2 => (digits.parse::<i64>().ok()?, 0),
                4 => (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?),
                _ => return None,
            };
            let micros = (hours * 60 + minutes) * 60_000_000;
            let signed = if c == '-' { -micros } else { micros };
            found.zone = Some(Zone::of(Span(i128::from(signed))).ok()?);
            at = chars.len();
        } else if c.is_whitespace() || matches!(c, ',' | '.' | '/' | '-' | ';') {
            at += 1;
        } else {
            return None;
        }
    }
    Some(found)
}

/// A number: part of a date, or of a clock if a colon or am or pm follows.
fn number(chars: &[char], at: usize, found: &mut Found) -> Option<usize> {
    let digits = |from: usize| -> Option<(i64, usize, usize)> {
        let end = from + chars[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        let value = chars.get(from..end)?.iter().collect::<String>().parse().ok()?;
        Some((value, end - from, end))
    };
    let (value, length, mut end) = digits(at)?;
    if chars.get(end) != Some(&':') {
        let rest: String = chars[end..].iter().collect::<String>().trim_start().to_lowercase();
        if found.clock.is_none() && (rest.starts_with("am") || rest.starts_with("pm")) {
            found.clock = Some([value, 0, 0, 0]);
        } else {
            found.numbers.push((value, length));
        }
        return Some(end);
    }
    let mut clock = [value, 0, 0, 0];
    for part in &mut clock[1..3] {
        if chars.get(end) != Some(&':') {
            break;
        }
        (*part, _, end) = digits(end + 1)?;
    }
    if chars.get(end) == Some(&'.') {
        let (_, length, stop) = digits(end + 1)?;
        let fraction: String = chars[end + 1..end + 1 + length.min(6)].iter().collect();
        clock[3] = format!("{fraction:0<6}").parse().ok()?;
        end = stop;
    }
    found.clock = Some(clock);
    Some(end)
}
