//! Cron fields as APScheduler reads them: what each allows, and its words for what it does not.
//!
//! Not the five fields of Unix cron: there are eight, Monday is 0, and all of them hold together. When they fire is
//! `schedule`'s business.

use crate::pytext;
use serde_json::{Map, Value};

/// The fields in order, with the least and the largest value of each.
pub(super) const FIELDS: [(&str, u32, u32); 8] = [
    ("year", 1970, 9999),
    ("month", 1, 12),
    ("day", 1, 31),
    ("week", 1, 53),
    ("day_of_week", 0, 6),
    ("hour", 0, 23),
    ("minute", 0, 59),
    ("second", 0, 59),
];

/// Where some of the fields are in [`FIELDS`].
pub(super) const MONTH: usize = 1;
pub(super) const WEEK: usize = 3;
pub(super) const WEEKDAY_FIELD: usize = 4;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

/// What a field allows; a field allows what any of its expressions does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronExpression {
    /// `*`, `*/3`.
    All {
        /// Every how many; every one without.
        step: Option<u32>,
    },
    /// `5`, `5-9`, `5-9/2`, `5/2`, and names.
    Range {
        /// The first.
        first: u32,
        /// The last; the field's own without.
        last: Option<u32>,
        /// Every how many; every one without.
        step: Option<u32>,
    },
    /// `2nd fri`, `last sun`: which one of the month's.
    Weekday {
        /// From 0; 5 is the last one.
        position: u32,
        /// From Monday, 0.
        weekday: u32,
    },
    /// `last`: the last day of the month.
    LastDay,
}

/// The parameters of a cron trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronFields {
    /// The expressions of each field that was given, in the order of [`FIELDS`].
    pub fields: [Option<Vec<CronExpression>>; 8],
    /// The zone they are meant in; the host's without.
    pub timezone: Option<chrono_tz::Tz>,
}

/// What cannot be a cron field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// Name of the parameter.
    pub field: String,
    /// What is wrong, in APScheduler's words.
    pub message: String,
}

impl CronFields {
    /// Reads the parameters of a cron trigger.
    pub fn parse(parameters: &Map<String, Value>) -> Result<Self, CronError> {
        let given = |name: &str| parameters.get(name).filter(|value| !value.is_null());
        let timezone = match given("timezone") {
            Some(name) => Some(
                zone(&pytext::str(name))
                    .map_err(|message| CronError { field: "timezone".to_owned(), message })?,
            ),
            None => None,
        };
        let mut fields = [const { None }; 8];
        for (place, (name, low, high)) in fields.iter_mut().zip(FIELDS) {
            let Some(value) = given(name) else { continue };
            let text = pytext::str(value);
            let field = Field { name, low, high };
            let expressions = text.trim().split(',').map(|part| field.expression(part.trim_matches(' ')));
            let expressions = expressions
                .collect::<Result<_, _>>()
                .map_err(|message| CronError { field: name.to_owned(), message })?;
            *place = Some(expressions);
        }
        Ok(Self { fields, timezone })
    }
}

/// The zone of this name, as Python's `zoneinfo` knows them.
pub(super) fn zone(name: &str) -> Result<chrono_tz::Tz, String> {
    if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(format!("ZoneInfo keys must be normalized relative paths, got: {name}"));
    }
    name.parse().map_err(|_| format!("'No time zone found with key {name}'"))
}

#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
}

impl Field {
    /// The first form that fits decides, as the order of APScheduler's has it.
    fn expression(self, text: &str) -> Result<CronExpression, String> {
        let at_fault = |message| format!("Error validating expression {}: {message}", pytext::repr_str(text));
        if let Some(step) = text.strip_prefix('*').filter(|rest| rest.is_empty() || is_step(rest)) {
            let step = step.strip_prefix('/').and_then(number);
            if step == Some(0) {
                return Err("Increment must be higher than 0".to_owned());
            }
            check_step(step, self.high - self.low).map_err(at_fault)?;
            return Ok(CronExpression::All { step });
        }
        if let Some((first, last, step)) = range(text) {
            return self.range(first, last, step)?.map_err(at_fault);
        }
        match self.name {
            "day" => {
                if let Some((position, weekday)) = position(text) {
                    let weekday = index(&WEEKDAYS, &weekday, "weekday")?;
                    return Ok(CronExpression::Weekday { position, weekday });
                }
                if text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("last")) {
                    return Ok(CronExpression::LastDay);
                }
            }
            "month" | "day_of_week" => {
                if let Some((first, last)) = words(text) {
                    let (names, what, base) = match self.name {
                        "month" => (&MONTHS[..], "month", 1),
                        _ => (&WEEKDAYS[..], "weekday", 0),
                    };
                    let first = index(names, first, what)? + base;
                    let last =
                        last.map(|last| index(names, last, what).map(|last| last + base)).transpose()?;
                    return self.range(first, last, None)?.map_err(at_fault);
                }
            }
            _ => {}
        }
        Err(format!("Unrecognized expression \"{text}\" for field \"{}\"", self.name))
    }

    /// The outer error is told as it is, the inner one with the expression.
    fn range(
        self,
        first: u32,
        last: Option<u32>,
        step: Option<u32>,
    ) -> Result<Result<CronExpression, String>, String> {
        if step == Some(0) {
            return Err("Increment must be higher than 0".to_owned());
        }
        let last = if last.is_none() && step.is_none() { Some(first) } else { last };
        if last.is_some_and(|last| first > last) {
            return Err("The minimum value in a range must not be higher than the maximum".to_owned());
        }
        Ok(self.check_range(first, last, step).map(|()| CronExpression::Range { first, last, step }))
    }

    fn check_range(self, first: u32, last: Option<u32>, step: Option<u32>) -> Result<(), String> {
        let Self { low, high, .. } = self;
        check_step(step, high - low)?;
        if first < low {
            return Err(format!("the first value ({first}) is lower than the minimum value ({low})"));
        }
        if let Some(last) = last.filter(|last| *last > high) {
            return Err(format!("the last value ({last}) is higher than the maximum value ({high})"));
        }
        // A last value of 0 counts as none in Python.
        let last = last.filter(|last| *last != 0).unwrap_or(high);
        check_step(step, last.saturating_sub(first))
    }
}

fn check_step(step: Option<u32>, range: u32) -> Result<(), String> {
    match step {
        Some(step) if step > range => {
            Err(format!("the step value ({step}) is higher than the total range of the expression ({range})"))
        }
        _ => Ok(()),
    }
}

/// Digits alone; numbers beyond reason are as large as can be.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

fn is_step(text: &str) -> bool {
    text.strip_prefix('/').and_then(number).is_some()
}

fn range(text: &str) -> Option<(u32, Option<u32>, Option<u32>)> {
    let (rest, step) = match text.split_once('/') {
        Some((rest, step)) => (rest, Some(number(step)?)),
        None => (text, None),
    };
    match rest.split_once('-') {
        Some((first, last)) => Some((number(first)?, Some(number(last)?), step)),
        None => Some((number(rest)?, None, step)),
    }
}

/// `jan`, `jan-mar`. What follows them is not looked at.
fn words(text: &str) -> Option<(&str, Option<&str>)> {
    let letters = |text: &str| text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (first, rest) = text.split_at(letters(text));
    if first.is_empty() {
        return None;
    }
    let last = rest.strip_prefix('-').map(|rest| &rest[..letters(rest)]);
    Some((first, last.filter(|last| !last.is_empty())))
}

/// `2nd fri`: the position, and the word.
fn position(text: &str) -> Option<(u32, String)> {
    let (place, rest) = POSITIONS.iter().enumerate().find_map(|(place, name)| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((place as u32, rest))
    })?;
    let word = rest.trim_start_matches(' ');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word: String = word.chars().take_while(|c| is_word(*c)).collect();
    (rest.starts_with(' ') && !word.is_empty()).then_some((place, word))
}

fn index(names: &[&str], word: &str, what: &str) -> Result<u32, String> {
    let found = names.iter().position(|name| name.eq_ignore_ascii_case(word));
    found.map(|index| index as u32).ok_or_else(|| format!("Invalid {what} name \"{word}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(name: &str, value: Value) -> Result<Vec<CronExpression>, String> {
        let parameters = Map::from_iter([(name.to_owned(), value)]);
        let place = FIELDS.iter().position(|(field, ..)| *field == name).unwrap();
        let parsed = CronFields::parse(&parameters).map_err(|error| error.message)?;
        Ok(parsed.fields[place].clone().unwrap())
    }

    #[test]
    fn expressions_are_numbers_names_and_positions() {
        use CronExpression::{All, LastDay, Range, Weekday};
        assert_eq!(
            field("minute", json!("*/10, 3")).unwrap(),
            [All { step: Some(10) }, Range { first: 3, last: Some(3), step: None }]
        );
        assert_eq!(field("hour", json!(5)).unwrap(), [Range { first: 5, last: Some(5), step: None }]);
        assert_eq!(
            field("month", json!("Jan-mar")).unwrap(),
            [Range { first: 1, last: Some(3), step: None }]
        );
        assert_eq!(
            field("day", json!("LAST sun,last")).unwrap(),
            [Weekday { position: 5, weekday: 6 }, LastDay]
        );
        assert_eq!(
            field("year", json!("2030/2")).unwrap(),
            [Range { first: 2030, last: None, step: Some(2) }]
        );
    }

    #[test]
    fn faults_are_told_in_apschedulers_words() {
        let fault = |name: &str, value: &str| field(name, json!(value)).unwrap_err();
        assert_eq!(fault("minute", "-1"), "Unrecognized expression \"-1\" for field \"minute\"");
        assert_eq!(
            fault("minute", "5-1"),
            "The minimum value in a range must not be higher than the maximum"
        );
        assert_eq!(
            fault("minute", "0-10/20"),
            "Error validating expression '0-10/20': the step value (20) is higher than the total range of the \
             expression (10)"
        );
        assert_eq!(fault("day", "last xyz"), "Invalid weekday name \"xyz\"");
        assert_eq!(fault("day", "LAST Xyz"), "Invalid weekday name \"Xyz\"");
        assert_eq!(fault("month", "last"), "Invalid month name \"last\"");
        assert_eq!(fault("month", "L"), "Invalid month name \"L\"");
        assert_eq!(fault("minute", "*/0"), "Increment must be higher than 0");
    }
}
