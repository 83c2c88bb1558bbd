//! The hours around both changes of the year's clocks, in ten zones, with a clock that is also set ahead and back by an
//! hour in the middle of each: every due time has its instance, none has two.

use super::{Hands, Running, rule, start};
use chrono::{DateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::json;
use sqlx::PgPool;
use st2d::model::schedule::CRON_TIMER;
use std::collections::HashMap;

/// Changes of an hour, of half an hour and of two; at 1, 2, 2:45 and at midnight; east, west and south.
const ZONES: [Tz; 10] = [
    Tz::Europe__Prague,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__St_Johns,
    Tz::America__Santiago,
    Tz::America__Havana,
    Tz::Asia__Beirut,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Chatham,
    Tz::Antarctica__Troll,
];

const STEP: TimeDelta = TimeDelta::minutes(15);

/// When the clocks of a zone are changed this year.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let begin: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let quarters = (0..365 * 24 * 4).map(|n| begin + STEP * n);
    quarters.filter(|at| offset(*at - STEP) != offset(*at)).collect()
}

/// The moments of a span at which the clocks of a zone show what is wanted.
fn shown(zone: Tz, span: (DateTime<Utc>, DateTime<Utc>), wanted: impl Fn(u32, u32) -> bool) -> Vec<i64> {
    let mut moments = Vec::new();
    let mut at = span.0;
    while at <= span.1 {
        let clock = at.with_timezone(&zone);
        if wanted(clock.hour(), clock.minute()) {
            moments.push(at.timestamp_micros());
        }
        at += TimeDelta::minutes(1);
    }
    moments
}

/// Half past two of the night, if this change skips it: it comes as if the clocks had not been set forward yet.
fn skipped(zone: Tz, change: DateTime<Utc>) -> Option<i64> {
    let clock = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    let (before, after) = (clock(change - STEP) + STEP, clock(change));
    let night = before.date().and_hms_opt(2, 30, 0).unwrap();
    (before..after).contains(&night).then(|| (change + (night - before)).timestamp_micros())
}

#[sqlx::test]
async fn no_tick_is_lost_or_doubled_when_clocks_change_in_ten_zones(pool: PgPool) {
    let st2 = start(pool, "all").await;
    let pool = st2.app.store.pool().clone();
    let mut timers = Vec::new();
    for zone in ZONES {
        let half = json!({"minute": "*/30", "timezone": zone.name()});
        let night = json!({"hour": 2, "minute": 30, "timezone": zone.name()});
        for (name, parameters) in [("half", half), ("night", night)] {
            let trigger =
                rule(&st2, &format!("{name}-{zone}").replace('/', "_"), CRON_TIMER, parameters, true).await;
            timers.push((zone, name, trigger));
        }
    }
    let changes: HashMap<Tz, Vec<DateTime<Utc>>> = ZONES.map(|zone| (zone, changes(zone))).into();
    for zone in ZONES {
        assert_eq!(changes[&zone].len(), 2, "{zone}");
        for &change in &changes[&zone] {
            let span = (change - TimeDelta::hours(3), change + TimeDelta::hours(4));
            for table in ["timers", "trigger_instances"] {
                sqlx::query(&format!("DELETE FROM {table}")).execute(&pool).await.unwrap();
            }
            let hands = Hands::at(&span.0.to_rfc3339());
            let running = Running::start(&st2, &hands).await;
            let mut now = span.0;
            while now < span.1 {
                now += STEP;
                hands.set(now).await;
                if now == change - STEP || now == change + STEP {
                    hands.set(now + TimeDelta::hours(1)).await;
                    hands.set(now).await;
                }
            }
            running.stop().await;
            let sql = "SELECT trigger, split_part(once, ' ', 3)::bigint AS due FROM trigger_instances
                ORDER BY due";
            let mut fired: HashMap<String, Vec<i64>> = HashMap::new();
            for (trigger, due) in sqlx::query_as::<_, (String, i64)>(sql).fetch_all(&pool).await.unwrap() {
                fired.entry(trigger).or_default().push(due);
            }
            for (its_zone, name, trigger) in &timers {
                let got = fired.remove(trigger).unwrap_or_default();
                let mut expected = match *name {
                    "half" => shown(*its_zone, span, |_, minute| minute % 30 == 0),
                    _ => shown(*its_zone, span, |hour, minute| (hour, minute) == (2, 30)),
                };
                if *name == "night" {
                    let span = span.0.timestamp_micros()..=span.1.timestamp_micros();
                    let skipped = changes[its_zone].iter().filter_map(|change| skipped(*its_zone, *change));
                    expected.extend(skipped.filter(|at| span.contains(at)));
                    expected.sort_unstable();
                }
                assert_eq!(got, expected, "{name} of {its_zone} at the change of {zone}, {change}");
            }
        }
    }
}
