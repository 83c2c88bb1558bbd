//! `cron`: when timers fire.

use crate::support::corpus::{self, Case, Differences, Messages};
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use st2d::{
    content,
    model::schedule::{CRON_TIMER, Cron, DATE_TIMER, INTERVAL_TIMER, Schedule, Wall},
};

const DIFFERENCES: &Differences = &[];

#[test]
fn timers_fire_as_recorded() {
    corpus::run(
        "cron",
        |_| true,
        DIFFERENCES,
        |case| {
            let got = answer(case);
            case.check(got.as_ref().map_err(String::as_str), messages(case))
        },
    );
}

fn messages(case: &Case<'_>) -> Messages {
    match case.error_type() {
        // C's words for a number that is too large.
        Some("OverflowError") => Messages::Ignored,
        _ => Messages::Compared,
    }
}

fn answer(case: &Case<'_>) -> Result<Value, String> {
    let now: DateTime<Utc> =
        case.input("start").unwrap_or_else(|| case.need("now")).as_str().unwrap().parse().unwrap();
    let kind = match case.group {
        "interval" => INTERVAL_TIMER,
        "date" => DATE_TIMER,
        _ => CRON_TIMER,
    };
    let given = case.need("parameters").as_object().unwrap();
    let parameters = checked(kind, given)?;
    match Schedule::of(kind, &parameters, Tz::UTC, now).map_err(|error| error.to_string())? {
        Schedule::Cron(cron) => Ok(fires(&cron, now)),
        schedule @ Schedule::Interval(interval) => {
            // Of an interval below zero the reference counts back from now; ours never fires.
            let mut at = schedule.first(now).unwrap_or(now);
            let fires: Vec<_> = (0..5)
                .map(|_| {
                    let fire = iso(at.with_timezone(&interval.zone).fixed_offset());
                    at += interval.length;
                    fire
                })
                .collect();
            let seconds = interval.length.num_seconds();
            let is_default = parameters["delta"] == 0;
            Ok(
                json!({"seconds": if is_default { json!(seconds) } else { json!(seconds as f64) }, "fires": fires}),
            )
        }
        Schedule::Date(at) => Ok(json!({"run_date": iso(at), "expired": now > at})),
    }
}

fn checked(kind: &str, parameters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let types = content::builtin::trigger_types().unwrap();
    let schema = &types.iter().find(|it| it.reference() == kind).unwrap().parameters_schema;
    let filled =
        content::trigger::check_parameters(kind, schema, parameters).map_err(|error| error.message)?;
    Ok(filled.as_object().unwrap().clone())
}

/// The next five as the reference strings them together: it goes on from a microsecond after what the clocks showed,
/// the first time of two that are the same. So it never leaves an hour that comes twice; the timers, which go on from
/// the moment itself, do.
fn fires(cron: &Cron, now: DateTime<Utc>) -> Value {
    let mut next = cron.first_at(now);
    let mut fires = Vec::new();
    while let Some(wall) = next.filter(|_| fires.len() < 5) {
        fires.push(iso(wall.moment().with_timezone(&wall.offset())));
        next = cron.first_at_wall(Wall {
            shown: wall.shown + TimeDelta::microseconds(1),
            second_time: false,
            zone: cron.zone(),
        });
    }
    fires.into()
}

fn iso(at: DateTime<FixedOffset>) -> String {
    let form = if at.timestamp_subsec_micros() == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    at.to_rfc3339_opts(form, false)
}
