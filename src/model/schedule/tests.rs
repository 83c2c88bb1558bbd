use super::*;
use proptest::prelude::*;
use serde_json::json;

fn schedule(kind: &str, parameters: Value) -> Schedule {
    let now = at("2026-03-10T12:30:45.123456Z");
    Schedule::of(kind, parameters.as_object().unwrap(), Tz::UTC, now).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn an_interval_counts_from_its_last_due_time() {
    let timer = schedule(INTERVAL_TIMER, json!({"unit": "minutes", "delta": 5}));
    let first = timer.first(at("2026-03-10T12:00:00.5Z")).unwrap();
    assert_eq!(first, at("2026-03-10T12:05:00.5Z"));
    let (last, next) = timer.catch_up(first, at("2026-03-10T13:04:00Z"));
    assert_eq!((last, next), (at("2026-03-10T13:00:00.5Z"), Some(at("2026-03-10T13:05:00.5Z"))));
}

#[test]
fn an_interval_below_zero_never_fires() {
    let timer = schedule(INTERVAL_TIMER, json!({"unit": "days", "delta": -1}));
    assert_eq!(timer.first(at("2026-03-10T12:00:00Z")), None);
}

#[test]
fn a_date_fires_once_and_not_when_it_has_passed() {
    let timer = schedule(DATE_TIMER, json!({"date": "2026-03-10 12:31", "timezone": "Europe/Prague"}));
    let due = at("2026-03-10T11:31:00Z");
    assert_eq!(timer.first(at("2026-03-10T11:00:00Z")), Some(due));
    assert_eq!(timer.first(at("2026-03-10T11:31:01Z")), None);
    assert_eq!(timer.catch_up(due, at("2026-03-11T00:00:00Z")), (due, None));
}

#[test]
fn cron_fires_in_both_of_two_equal_hours_and_goes_on() {
    let timer = schedule(CRON_TIMER, json!({"minute": "*/30", "timezone": "Europe/Prague"}));
    let mut due = timer.first(at("2026-10-24T23:45:00Z")).unwrap();
    for expected in ["00:00", "00:30", "01:00", "01:30", "02:00"] {
        assert_eq!(due.format("%H:%M").to_string(), expected);
        due = timer.after(due).unwrap();
    }
}

#[test]
fn cron_that_fits_no_day_is_given_up() {
    let from = at("2026-01-01T00:00:00Z");
    assert_eq!(schedule(CRON_TIMER, json!({"month": 2, "day": 30})).first(from), None);
    assert_eq!(schedule(CRON_TIMER, json!({"week": 53, "month": "2-11"})).first(from), None);
}

const ZONES: [&str; 10] = [
    "Europe/Prague",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Kolkata",
    "Europe/London",
];

proptest! {
    /// Over both changes of clocks of ten zones: each due time is later than the one before, and none is passed over
    /// by one who slept through some of them.
    #[test]
    fn due_times_only_grow(
        zone in prop::sample::select(&ZONES[..]),
        fields in prop::sample::select(vec![
            json!({"hour": 2}), json!({"hour": 2, "minute": 30}), json!({"minute": "*/30"}), json!({"hour": "*"}),
            json!({"hour": "1-3", "minute": "0,30"}), json!({"hour": 0}), json!({"day_of_week": "sun", "hour": 2}),
        ]),
        start in 1_767_225_600_i64..1_798_761_600,
        asleep in 0_i64..400_000,
    ) {
        let mut parameters = fields.as_object().unwrap().clone();
        parameters.insert("timezone".into(), json!(zone));
        let timer = schedule(CRON_TIMER, Value::Object(parameters));
        let start = DateTime::from_timestamp(start, 0).unwrap();
        let first = timer.first(start).unwrap();
        let now = start + TimeDelta::seconds(asleep);
        let (last, next) = timer.catch_up(first, now);
        let mut due = first;
        loop {
            let after = timer.after(due).unwrap();
            prop_assert!(after > due, "{due} is followed by {after}");
            if after > now {
                break;
            }
            due = after;
        }
        // On the day on which clocks go forward APScheduler passes over the midnight after it when it counts from the one
        // before. One who slept counts from now, and need not, be it that this midnight is now or still to come.
        prop_assert!(last == due || (last > due && last <= now && Some(last) < timer.after(due)), "{last}, not {due}");
        let after = timer.after(due);
        prop_assert!(next == after || (next > Some(now) && next < after), "{next:?}, not {after:?}");
    }
}
