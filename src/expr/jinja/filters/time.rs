//! Seconds as people write them.

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};

use super::{Filter, Table};
use crate::expr::jinja::{
    args::{Bound, Signature},
    error::{Class, Error, Result},
    filters::convert,
    operators::Number,
    render::Run,
    value::Value,
};

pub(super) const FILTERS: Table = &[(
    "to_human_time_from_seconds",
    Filter::new(Signature::new("to_human_time_from_seconds", 1, &["seconds"]), human_time),
)];

/// Days a span may have.
const MAX_DAYS: i128 = 999_999_999;

/// The last day there is, counted from the first of January of the year 1.
const LAST_DAY: i128 = 3_652_058;

fn human_time(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let Some(number) = Number::of(&value) else {
        return Err(Error::new(Class::AssertionError, ""));
    };
    let float = convert::to_float(&value, run)?;
    if float == 0.0 {
        return Ok(Value::str("0s"));
    }
    if float < 1.0 {
        return Ok(Value::str(format!("{}μs", run.str(&value)?)));
    }
    let whole = match number {
        Number::Float(float) if !float.is_finite() => {
            let kind = if float.is_nan() { "NaN" } else { "infinity" };
            return Err(Error::new(
                if float.is_nan() { Class::ValueError } else { Class::OverflowError },
                format!("cannot convert float {kind} to integer"),
            ));
        }
        Number::Float(float) => {
            crate::expr::jinja::format::fixed(float, 0).parse::<i128>().unwrap_or(i128::MAX)
        }
        other => other.integer().and_then(|int| i128::try_from(int).ok()).unwrap_or(i128::MAX),
    };
    let (days, seconds) = (whole / 86_400, whole % 86_400);
    if days > i128::from(i32::MAX) {
        return Err(Error::new(Class::OverflowError, "Python int too large to convert to C int"));
    }
    if days > MAX_DAYS {
        return Err(Error::new(
            Class::OverflowError,
            format!("days={days}; must have magnitude <= {MAX_DAYS}"),
        ));
    }
    let first = NaiveDate::from_ymd_opt(1, 1, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
    let moment = first
        .filter(|_| days <= LAST_DAY)
        .and_then(|first| first.checked_add_signed(TimeDelta::seconds((days * 86_400 + seconds) as i64)))
        .ok_or_else(|| Error::new(Class::OverflowError, "date value out of range"))?;
    // Months are lost: the days are those of the month the moment falls into.
    let parts = [
        i64::from(moment.year()) - 1,
        i64::from(moment.day()) - 1,
        i64::from(moment.hour()),
        i64::from(moment.minute()),
        i64::from(moment.second()),
    ];
    let Some(first) = parts.iter().position(|part| *part != 0) else { return Ok(Value::str("0s")) };
    let units = ["y", "d", "h", "m", "s"];
    let text = parts[first..].iter().zip(&units[first..]).map(|(part, unit)| format!("{part}{unit}"));
    Ok(Value::str(text.collect::<String>()))
}
