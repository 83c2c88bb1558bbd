//! Points and spans of time.

use std::{rc::Rc, sync::Arc};

use chrono::{Datelike, NaiveDate, Timelike};

use super::date_parse;
use crate::expr::yaql::{
    date::{DateTime, Span, Zone},
    error::{Error, Result},
    ops::strict,
    overload::{Call, Row},
    value::{Number, Value},
};

pub(in crate::expr::yaql) const ROWS: &[Row] = &[
    (
        "F",
        "datetime",
        "year:I month:I day:I hour:I=0 minute:I=0 second:I=0 microsecond:I=0 offset:TS=null",
        |call| {
            let int = |index: usize| call.int(index);
            let zone = zone(&call.args[7])?;
            made(DateTime::fields([int(0), int(1), int(2)], [int(3), int(4), int(5), int(6)], zone)?)
        },
    ),
    ("F", "datetime", "timestamp:N offset:TS=null", |call| {
        let zone = zone(&call.args[1])?;
        let instant = match strict(&call.args[0]) {
            Some(Number::Float(float)) if float.is_finite() => (float * 1e6).round_ties_even() as i128,
            Some(Number::Int(seconds)) => i128::from(seconds) * 1_000_000,
            _ => return Err(Error::new("OverflowError", "timestamp out of range for platform time_t")),
        };
        let range = |_| Error::value("year is out of range");
        made(DateTime::at(instant, zone).map_err(range)?)
    }),
    ("F", "datetime", "string:S format:S?=null", |call| {
        let text = call.text(0);
        match call.some_text(1).filter(|format| !format.is_empty()) {
            Some(format) => made(date_parse::with_format(&text, &format)?),
            None => made(date_parse::free(&text, call.rt.options.now)?),
        }
    }),
    (
        "F",
        "timespan",
        "days:I=0 hours:I=0 minutes:I=0 seconds:J=0 milliseconds:J=0 microseconds:J=0",
        |call| {
            let units: [i128; 6] = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1000, 1];
            if call.int(0).unsigned_abs() > i32::MAX as u64 {
                return Err(Error::new("OverflowError", "Python int too large to convert to C int"));
            }
            let micros =
                units.iter().enumerate().map(|(index, unit)| i128::from(call.int(index)) * unit).sum();
            Span::new(micros).map(Value::Span)
        },
    ),
    ("F", "now", "offset:TS=null", |call| {
        let zone = zone(&call.args[0])?;
        made(DateTime::at(i128::from(call.rt.options.now.timestamp_micros()), zone)?)
    }),
    ("F", "localtz", "", |_| Ok(Value::Span(Span(0)))),
    ("F", "utctz", "", |_| Ok(Value::Span(Span(0)))),
    (
        "M",
        "replace",
        "dt:DT year:I?=null month:I?=null day:I?=null hour:I?=null minute:I?=null second:I?=null microsecond:I?=null \
         offset:TS?=null",
        replace,
    ),
    ("M", "format", "dt:DT format:S", |call| Ok(Value::text(date(&call.args[0])?.format(&call.text(1))))),
    ("F", "isDatetime", "value", |call| Ok(Value::Bool(matches!(call.args[0], Value::DateTime(_))))),
    ("F", "isTimespan", "value", |call| Ok(Value::Bool(matches!(call.args[0], Value::Span(_))))),
];

#[expect(clippy::unnecessary_wraps, reason = "the tables of the library hold functions of one form")]
fn made(date: DateTime) -> Result<Value> {
    Ok(Value::DateTime(Rc::new(date)))
}

/// The zone of an offset; one left out is UTC.
fn zone(value: &Value) -> Result<Zone> {
    if let Value::Span(span) = value { Zone::of(*span) } else { Ok(Zone::Utc) }
}

fn date(value: &Value) -> Result<Rc<DateTime>> {
    if let Value::DateTime(date) = value {
        Ok(Rc::clone(date))
    } else {
        Err(Error::kind("a datetime was expected"))
    }
}

fn replace(call: &mut Call<'_, '_>) -> Result<Value> {
    let old = date(&call.args[0])?;
    let or = |index: usize, old: u32| {
        if matches!(call.args[index], Value::Null) { i64::from(old) } else { call.int(index) }
    };
    let local = &old.local;
    let zone = if let Value::Span(span) = &call.args[8] { Zone::of(*span)? } else { old.zone };
    let year = if matches!(call.args[1], Value::Null) { i64::from(local.year()) } else { call.int(1) };
    made(DateTime::fields(
        [year, or(2, local.month()), or(3, local.day())],
        [
            or(4, local.hour()),
            or(5, local.minute()),
            or(6, local.second()),
            or(7, local.nanosecond() / 1000 % 1_000_000),
        ],
        zone,
    )?)
}

/// Whether times have a property of that name.
pub(in crate::expr::yaql) fn is_property(name: &str) -> bool {
    [
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "date",
        "time",
        "weekday",
        "utc",
        "offset",
        "timestamp",
        "days",
        "hours",
        "minutes",
        "seconds",
        "milliseconds",
        "microseconds",
    ]
    .contains(&name)
}

/// `value.name` of a time.
pub(in crate::expr::yaql) fn property(value: &Value, name: &Arc<str>) -> Option<Result<Value>> {
    match value {
        Value::DateTime(date) => date_property(date, name),
        Value::Span(span) => span_property(*span, name).map(Ok),
        _ => None,
    }
}

fn span_property(span: Span, name: &str) -> Option<Value> {
    let unit = match name {
        "days" => 86_400_000_000.0,
        "hours" => 3_600_000_000.0,
        "minutes" => 60_000_000.0,
        "seconds" => 1_000_000.0,
        "milliseconds" => 1000.0,
        "microseconds" => return Some(Value::big(span.0.into())),
        _ => return None,
    };
    Some(Value::Float(span.0 as f64 / unit))
}

fn date_property(date: &DateTime, name: &str) -> Option<Result<Value>> {
    let local = &date.local;
    let int = |value: u32| Some(Ok(Value::Int(i64::from(value))));
    let midnight = || {
        let day = NaiveDate::from_ymd_opt(local.year(), local.month(), local.day())?;
        Some(DateTime { local: day.and_hms_opt(0, 0, 0)?, zone: date.zone })
    };
    match name {
        "year" => Some(Ok(Value::Int(i64::from(local.year())))),
        "month" => int(local.month()),
        "day" => int(local.day()),
        "hour" => int(local.hour()),
        "minute" => int(local.minute()),
        "second" => int(local.second()),
        "microsecond" => int(local.nanosecond() / 1000 % 1_000_000),
        "weekday" => int(local.weekday().num_days_from_monday()),
        "offset" => Some(Ok(Value::Span(Span(i128::from(date.zone.offset()))))),
        "timestamp" => {
            // The reference subtracts the offset twice, and users see that.
            let micros = date.instant() - i128::from(date.zone.offset());
            Some(Ok(Value::Float(micros as f64 / 1e6)))
        }
        "utc" => Some(date.plus(Span(-i128::from(date.zone.offset()))).and_then(made)),
        "date" => midnight().map(made),
        "time" => midnight().map(|day| Ok(Value::Span(Span(date.instant() - day.instant())))),
        _ => None,
    }
}
