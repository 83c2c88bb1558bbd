//! The timers, with a clock that the tests move: every due time has one trigger instance, whatever happens.

mod changes;

use super::server::{Answer, Server, start_with};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    access::Access,
    config::Config,
    content,
    engine::{
        Engine,
        timer::{Alarm, Timers},
    },
    model::{
        Rule, RuleId,
        schedule::{CRON_TIMER, DATE_TIMER, INTERVAL_TIMER},
    },
    service::{Service, Stop},
    store::{Store, ledger::Ledger, rules, triggers},
};
use std::sync::Arc;
use tokio::{sync::watch, task::JoinHandle};

/// A clock whose hands a test moves.
struct Hands {
    now: watch::Sender<DateTime<Utc>>,
    /// How often somebody began to wait, and for when.
    waits: watch::Sender<(u64, Option<DateTime<Utc>>)>,
}

impl Hands {
    fn at(text: &str) -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(time(text)), waits: watch::Sender::new((0, None)) })
    }

    /// Sets the clock, and waits until whoever goes by it has done what there is to do and waits again. Whoever looked at
    /// rules meanwhile may begin to wait for what is due already: that is no wait.
    async fn set(&self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = self.waits.borrow().0;
        self.now.send_replace(to);
        let waits =
            |(count, until): &(u64, Option<DateTime<Utc>>)| *count > before && until.is_none_or(|it| it > to);
        self.waits.subscribe().wait_for(waits).await.unwrap().1
    }

    /// Waits until somebody waits.
    async fn waited_for(&self) -> Option<DateTime<Utc>> {
        self.waits.subscribe().wait_for(|(count, _)| *count > 0).await.unwrap().1
    }
}

impl Alarm for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn until(&self, moment: Option<DateTime<Utc>>) -> BoxFuture<'_, ()> {
        let mut hands = self.now.subscribe();
        self.waits.send_modify(|(count, until)| {
            *count += 1;
            *until = moment;
        });
        async move {
            if moment.is_some_and(|moment| moment <= *hands.borrow_and_update()) {
                return;
            }
            let _ = hands.changed().await;
        }
        .boxed()
    }
}

/// The service, running.
struct Running {
    stop: Stop,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn start(st2: &Server, hands: &Arc<Hands>) -> Self {
        Self::start_on(&st2.app.engine, hands).await
    }

    async fn start_on(engine: &Engine, hands: &Arc<Hands>) -> Self {
        hands.waits.send_replace((0, None));
        let stop = Stop::new();
        let mut timers = Timers::new(engine.clone(), hands.clone());
        let own = stop.clone();
        let task = st2d::service::spawn("timers of a test", async move { timers.run(own).await });
        hands.waited_for().await;
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.request();
        self.task.await.unwrap().unwrap();
    }

    /// As a `kill -9` would.
    async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn start(pool: PgPool, misfire: &str) -> Server {
    let misfire = misfire.to_owned();
    let st2 = start_with(pool, |config| {
        config.timersengine.misfire = misfire;
        "UTC".clone_into(&mut config.timersengine.local_timezone);
    })
    .await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    st2
}

/// A rule that waits for a timer; answers the reference of its trigger.
async fn rule(st2: &Server, name: &str, kind: &str, parameters: Value, enabled: bool) -> String {
    let mut tx = st2.app.store.begin().await.unwrap();
    let wanted = [(kind.to_owned(), parameters.as_object().unwrap().clone())];
    let trigger = triggers::for_rules(&mut tx, &wanted).await.unwrap().remove(0);
    let rule = Rule {
        id: RuleId::generate(),
        pack: "default".into(),
        name: name.into(),
        description: None,
        enabled,
        rule_type: "standard".into(),
        type_parameters: serde_json::Map::new(),
        trigger: trigger.clone(),
        criteria: serde_json::Map::new(),
        action: "core.noop".into(),
        action_parameters: serde_json::Map::new(),
        action_description: None,
        context: serde_json::Map::new(),
        tags: vec![],
        metadata_file: String::new(),
    };
    rules::upsert(&mut tx, &[rule]).await.unwrap();
    tx.commit().await.unwrap();
    trigger
}

/// The times in the payloads of what a trigger fired, in order.
async fn fired(st2: &Server, trigger: &str) -> Vec<String> {
    let sql =
        "SELECT payload ->> 'executed_at' FROM trigger_instances WHERE trigger = $1 ORDER BY occurred_at, id";
    let all: Vec<String> =
        sqlx::query_scalar(sql).bind(trigger).fetch_all(st2.app.store.pool()).await.unwrap();
    all.into_iter().map(|at| at[11..19].to_owned()).collect()
}

#[sqlx::test]
async fn a_timer_fires_at_its_times_and_says_what_stackstorm_says(pool: PgPool) {
    let st2 = start(pool, "once").await;
    let trigger = rule(&st2, "a", INTERVAL_TIMER, json!({"unit": "seconds", "delta": 10}), true).await;
    let hands = Hands::at("2026-03-10T12:00:00Z");
    let timers = Running::start(&st2, &hands).await;
    assert_eq!(hands.waited_for().await, Some(time("2026-03-10T12:00:10Z")));
    assert_eq!(hands.set(time("2026-03-10T12:00:09.999Z")).await, Some(time("2026-03-10T12:00:10Z")));
    assert!(fired(&st2, &trigger).await.is_empty());
    assert_eq!(hands.set(time("2026-03-10T12:00:10.004Z")).await, Some(time("2026-03-10T12:00:20Z")));
    let sql = "SELECT payload::text, trace_tag, trigger FROM trigger_instances";
    let (payload, tag, _): (String, String, String) =
        sqlx::query_as(sql).fetch_one(st2.app.store.pool()).await.unwrap();
    assert_eq!(payload, r#"{"executed_at":"2026-03-10 12:00:10.004000+00:00","schedule":null}"#);
    let name = trigger.strip_prefix("core.").unwrap();
    assert_eq!(tag, format!("st2.IntervalTimer-{name}"));
    timers.stop().await;
}

#[sqlx::test]
async fn what_was_missed_becomes_what_the_setting_says(pool: PgPool) {
    let cases = [("once", vec!["12:35:07"]), ("skip", vec![]), ("all", vec!["12:35:07"; 5])];
    let st2 = start(pool.clone(), "once").await;
    for (misfire, expected) in cases {
        // The same rows, seen by a daemon with another setting.
        let mut config = (*st2.app.config).clone();
        config.timersengine.misfire = misfire.to_owned();
        let trigger =
            rule(&st2, misfire, CRON_TIMER, json!({"minute": "*", "second": expected.len()}), true).await;
        let engine = other_engine(&st2, config).await;
        let hands = Hands::at("2026-03-10T12:30:07Z");
        let first = Running::start_on(&engine, &hands).await;
        first.stop().await;
        hands.now.send_replace(time("2026-03-10T12:35:07Z"));
        let second = Running::start_on(&engine, &hands).await;
        hands.set(time("2026-03-10T12:35:07.5Z")).await;
        second.stop().await;
        assert_eq!(fired(&st2, &trigger).await, expected, "{misfire}");
    }
}

#[sqlx::test]
async fn a_crash_between_the_event_and_the_next_due_time_doubles_nothing(pool: PgPool) {
    let st2 = start(pool, "all").await;
    let pool = st2.app.store.pool().clone();
    let trigger = rule(&st2, "a", CRON_TIMER, json!({"second": "*/10"}), true).await;
    let hands = Hands::at("2026-03-10T12:00:05Z");
    let mut timers = Running::start(&st2, &hands).await;
    for second in [10, 20, 30, 40] {
        hands.set(time("2026-03-10T12:00:00Z") + TimeDelta::seconds(second)).await;
        timers.crash().await;
        // As if it had died before the row moved on.
        sqlx::query("UPDATE timers SET due_at = due_at - interval '10 s'").execute(&pool).await.unwrap();
        timers = Running::start(&st2, &hands).await;
    }
    assert_eq!(fired(&st2, &trigger).await, ["12:00:10", "12:00:20", "12:00:30", "12:00:40"]);
    timers.stop().await;
}

#[sqlx::test]
async fn of_two_daemons_one_fires_and_the_other_takes_over(pool: PgPool) {
    let st2 = start(pool, "all").await;
    let trigger = rule(&st2, "a", CRON_TIMER, json!({"second": "*/10"}), true).await;
    let hands = Hands::at("2026-03-10T12:00:05Z");
    let first = Running::start(&st2, &hands).await;
    let other = other_engine(&st2, (*st2.app.config).clone()).await;
    let stop = Stop::new();
    let (mut second, own) = (Timers::new(other, hands.clone()), stop.clone());
    let second = st2d::service::spawn("second", async move { second.run(own).await });
    hands.set(time("2026-03-10T12:00:10Z")).await;
    assert_eq!(fired(&st2, &trigger).await, ["12:00:10"]);
    let before = hands.waits.borrow().0;
    first.crash().await;
    hands.waits.subscribe().wait_for(|(count, _)| *count > before).await.unwrap();
    hands.set(time("2026-03-10T12:00:20Z")).await;
    assert_eq!(fired(&st2, &trigger).await, ["12:00:10", "12:00:20"]);
    stop.request();
    second.await.unwrap().unwrap();
}

#[sqlx::test]
async fn clocks_that_jump_and_change_double_and_lose_nothing(pool: PgPool) {
    let st2 = start(pool, "all").await;
    let zone = "Europe/Prague";
    let cron = json!({"minute": "*/30", "timezone": zone});
    let cron = rule(&st2, "cron", CRON_TIMER, cron, true).await;
    let interval =
        rule(&st2, "interval", INTERVAL_TIMER, json!({"unit": "minutes", "delta": 30}), true).await;
    // An hour before the clocks of Prague are set back.
    let start = time("2026-10-24T23:45:00Z");
    let hands = Hands::at("2026-10-24T23:45:00Z");
    let timers = Running::start(&st2, &hands).await;
    let minute = |minutes: i64| start + TimeDelta::minutes(minutes);
    hands.set(minute(15)).await;
    hands.set(minute(30)).await;
    // An hour ahead, and back again.
    hands.set(minute(105)).await;
    hands.set(minute(45)).await;
    assert_eq!(fired(&st2, &cron).await.len(), 4, "00:00, and three more when the clock jumped");
    hands.set(minute(105)).await;
    assert_eq!(fired(&st2, &cron).await.len(), 4, "they had been fired");
    hands.set(minute(135)).await;
    assert_eq!(fired(&st2, &cron).await.len(), 5);
    // Two due times when the clock jumped ahead. Set back, the interval begins anew, half an hour from then.
    let all = fired(&st2, &interval).await;
    assert_eq!(all, ["00:15:00", "01:30:00", "01:30:00", "01:30:00", "01:30:00", "02:00:00"]);
    timers.stop().await;
}

#[sqlx::test]
async fn a_timer_lives_as_long_as_an_enabled_rule_waits_for_it(pool: PgPool) {
    let st2 = start(pool, "once").await;
    let hands = Hands::at("2026-03-10T12:00:00Z");
    let timers = Running::start(&st2, &hands).await;
    assert_eq!(hands.waited_for().await, None);
    rule(&st2, "off", DATE_TIMER, json!({"date": "2026-03-10 12:10"}), false).await;
    rule(&st2, "past", DATE_TIMER, json!({"date": "2026-03-10 11:59"}), true).await;
    let date = json!({"date": "2026-03-10 13:30", "timezone": "Europe/Prague"});
    let trigger = rule(&st2, "on", DATE_TIMER, date, true).await;
    let due = Some(time("2026-03-10T12:30:00Z"));
    hands.waits.subscribe().wait_for(|(_, until)| *until == due).await.unwrap();
    assert_eq!(hands.set(time("2026-03-10T12:30:00Z")).await, None);
    assert_eq!(fired(&st2, &trigger).await, ["12:30:00"]);
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM trigger_instances")
        .fetch_one(st2.app.store.pool())
        .await
        .unwrap();
    assert_eq!(all, 1);
    timers.stop().await;
}

/// Another daemon on the same database.
async fn other_engine(st2: &Server, config: Config) -> Engine {
    let store = Store::new(st2.app.store.pool().clone(), st2.app.store.bus().clone());
    let (ledger, _) = Ledger::start(&store, None);
    let access = Access::open(&store, &config).await.unwrap();
    let node = format!("other-{}", RuleId::generate());
    Engine::start(Arc::new(config), store, ledger, access, &node).await.unwrap()
}

#[sqlx::test]
async fn timers_are_listed_and_found(pool: PgPool) {
    let st2 = start(pool, "once").await;
    let interval = rule(&st2, "a", INTERVAL_TIMER, json!({"unit": "days", "delta": 1}), true).await;
    let cron = rule(&st2, "b", CRON_TIMER, json!({"hour": 5}), true).await;
    let all = st2.get("/v1/timers").await;
    assert_eq!(all.status, 200);
    let refs = |answer: &Answer| {
        let items = answer.body.as_array().unwrap().iter();
        items.map(|item| item["ref"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(refs(&all), [interval.clone(), cron.clone()]);
    assert_eq!(all.header("X-Total-Count"), Some("2"));
    assert_eq!(
        refs(&st2.get(&format!("/v1/timers?timer_type={CRON_TIMER}")).await),
        std::slice::from_ref(&cron)
    );
    let one = st2.get(&format!("/v1/timers/{cron}")).await;
    assert_eq!((one.status, &one.body), (200, &all.body[1]));
    let id = all.body[0]["id"].as_str().unwrap();
    assert_eq!(st2.get(&format!("/v1/timers/{id}")).await.body, all.body[0]);
    assert_eq!(st2.get("/v1/timers/core.nope").await.status, 404);
    assert_eq!(st2.get("/v1/timers?timer_type=core.st2.webhook").await.status, 400);
}
