//! Rules on two daemons with one database: each event has its enforcements once, whoever took it up and whoever died.

use crate::support::{
    daemon::TestDaemon,
    processes::{eventually, signal},
};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const SOON: Duration = Duration::from_secs(60);

async fn beside(first: &TestDaemon) -> TestDaemon {
    let url = first.database().url();
    TestDaemon::start().with_private_postgres().with_args(["--database-url", &url]).await
}

/// A rule on the webhook `hook`.
async fn rule(st2: &TestDaemon, name: &str, criteria: Value, action: &str) {
    let rule = json!({
        "name": name, "pack": "default", "enabled": true, "criteria": criteria,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "action": {"ref": action, "parameters": if action == "core.local" { json!({"cmd": "true"}) } else { json!({}) }},
    });
    st2.post("/v1/rules", rule).await.expect(201);
}

/// Whether this daemon took an event. `key` is one that both know.
async fn accepts(st2: &TestDaemon, key: &str, number: usize) -> bool {
    let request = st2.bare(Method::POST, "/v1/webhooks/hook").header("St2-Api-Key", key);
    request.json(&json!({"n": number})).send().await.is_ok_and(|answer| answer.status() == 202)
}

async fn list(st2: &TestDaemon, path: &str) -> Vec<Value> {
    st2.get(path).await.expect(200).as_array().unwrap().clone()
}

/// All events, once the rules have had their say about each of them.
async fn settled(st2: &TestDaemon) -> Vec<Value> {
    eventually("the rules have had their say", SOON, async || {
        let all = list(st2, "/v1/triggerinstances?trigger_type=core.st2.webhook&limit=-1").await;
        all.iter().all(|instance| instance["status"] == "processed").then_some(all)
    })
    .await
}

/// How often each pair of a rule and an event is enforced.
async fn enforced(st2: &TestDaemon) -> BTreeMap<(String, String), usize> {
    let mut pairs = BTreeMap::new();
    for enforcement in list(st2, "/v1/ruleenforcements?limit=-1").await {
        assert_eq!(enforcement["status"], "succeeded", "{enforcement}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        *pairs
            .entry((text(&enforcement["rule"]["ref"]), text(&enforcement["trigger_instance_id"])))
            .or_default() += 1;
    }
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_has_one_enforcement_for_each_rule_when_one_of_two_daemons_is_killed() {
    const EVENTS: usize = 120;
    let first = TestDaemon::start().await;
    rule(&first, "all", json!({}), "core.noop").await;
    rule(&first, "odd", json!({"trigger.body.odd": {"type": "nexists", "pattern": ""}}), "core.local").await;
    let second = beside(&first).await;
    let key = first.api_key().to_owned();
    let mut accepted = 0;
    for number in 0..EVENTS {
        if number == EVENTS / 2 {
            signal(second.pid(), Signal::SIGKILL);
        }
        let to = if number % 2 == 0 { &first } else { &second };
        accepted += usize::from(accepts(to, &key, number).await);
    }
    assert!((EVENTS / 2..EVENTS).contains(&accepted), "{accepted}");
    let instances = settled(&first).await;
    // One that was being accepted when its daemon died may be there unanswered.
    assert!((accepted..=accepted + 1).contains(&instances.len()), "{accepted} {}", instances.len());
    let pairs = enforced(&first).await;
    assert_eq!(pairs.len(), 2 * instances.len());
    assert!(pairs.values().all(|count| *count == 1), "{pairs:?}");
    let executions = eventually("all executions have ended", SOON, async || {
        let all = list(&first, "/v1/executions?limit=-1&include_attributes=status").await;
        let open = ["requested", "delayed", "scheduled", "running"];
        (!all.iter().any(|it| open.contains(&it["status"].as_str().unwrap()))).then_some(all)
    })
    .await;
    assert_eq!(executions.len(), 2 * instances.len(), "one execution for each enforcement");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_that_find_the_same_rows_enforce_them_once() {
    const EVENTS: usize = 300;
    let first = TestDaemon::start().await;
    rule(&first, "all", json!({}), "core.noop").await;
    let second = beside(&first).await;
    let mut database = first.database().connect().await;
    let trigger: String = sqlx::query_scalar("SELECT ref FROM triggers WHERE type = 'core.st2.webhook'")
        .fetch_one(&mut database)
        .await
        .unwrap();
    // Left behind by a third one that died: both sweep them.
    sqlx::query(
        r#"WITH left_behind AS (
              INSERT INTO trigger_instances (id, trigger, payload, occurred_at)
              SELECT '\x01'::bytea || substring(decode(md5(n::text), 'hex') FOR 11), $1, '{"body": {}}', now()
              FROM generate_series(1, $2) AS n RETURNING id)
          INSERT INTO waiting_events SELECT id FROM left_behind"#,
    )
    .bind(&trigger)
    .bind(EVENTS as i32)
    .execute(&mut database)
    .await
    .unwrap();
    let instances = settled(&first).await;
    assert_eq!(instances.len(), EVENTS);
    let pairs = enforced(&first).await;
    assert_eq!((pairs.len(), pairs.values().sum::<usize>()), (EVENTS, EVENTS));
    drop(second);
}
