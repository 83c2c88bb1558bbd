//! The whole way from an event to what its action's end causes, with the daemon killed at any moment of it.
//!
//! Six kills in a run of all tests; `ST2_TEST_KILLS=500` looks harder.

use crate::support::{
    daemon::{Home, TestDaemon},
    processes::{eventually, signal},
};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(120);

/// The most a daemon is asked for before it is killed, and the longest it lives on after the last of that.
const REQUESTS: u64 = 40;
const MORE_MS: u64 = 100;

async fn list(st2: &TestDaemon, path: &str) -> Vec<Value> {
    st2.get(path).await.expect(200).as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

async fn rules_and_policies(st2: &TestDaemon) {
    let ran = json!({"trigger.action_name": {"type": "equals", "pattern": "core.local"}});
    for (name, trigger, criteria, action) in [
        (
            "work",
            json!({"type": "core.st2.webhook", "parameters": {"url": "hook"}}),
            json!({}),
            json!({"ref": "core.local", "parameters": {"cmd": "exit {{ trigger.body.code }}"}}),
        ),
        ("follow", json!({"type": "core.st2.generic.actiontrigger"}), ran, json!({"ref": "core.noop"})),
    ] {
        let rule = json!({"name": name, "pack": "default", "enabled": true, "trigger": trigger,
            "criteria": criteria, "action": action});
        st2.post("/v1/rules", rule).await.expect(201);
    }
    for (name, kind, parameters) in [
        ("few", "action.concurrency", json!({"threshold": 3})),
        ("again", "action.retry", json!({"retry_on": "failure", "max_retry_count": 1, "delay": 0})),
    ] {
        let policy = json!({"name": name, "pack": "default", "resource_ref": "core.local", "policy_type": kind,
            "parameters": parameters});
        st2.post("/v1/policies", policy).await.expect(201);
    }
}

/// What clients sent, and what of it was accepted.
#[derive(Default)]
struct Sent {
    next: u64,
    events: BTreeSet<u64>,
    requests: BTreeSet<String>,
}

impl Sent {
    /// Sends an event and a request. `false`: the daemon is no more.
    async fn go_on(&mut self, st2: &TestDaemon) -> bool {
        let number = self.next;
        self.next += 1;
        let code = u8::from(number.is_multiple_of(4));
        let event = st2.request(Method::POST, "/v1/webhooks/hook").json(&json!({"n": number, "code": code}));
        match event.send().await {
            Ok(answer) if answer.status() == 202 => _ = self.events.insert(number),
            _ => return false,
        }
        let request = json!({"action": "core.local", "parameters": {"cmd": "true"},
            "notify": {"on-complete": {"routes": ["log"]}}});
        match st2.request(Method::POST, "/v1/executions").json(&request).send().await {
            Ok(answer) if answer.status() == 201 => {
                // An answer that is cut off is of a request that may have been taken.
                let Ok(made) = answer.json::<Value>().await else { return false };
                self.requests.insert(text(&made, "/id").to_owned());
                true
            }
            _ => false,
        }
    }
}

/// How many there are of each.
fn count<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn once_each<K: Ord + std::fmt::Debug>(keys: impl Iterator<Item = K>, what: &str) -> BTreeSet<K> {
    let counts = count(keys);
    let more: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(more.is_empty(), "{what} more than once: {more:?}");
    counts.into_keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_event_to_a_notification_nothing_is_lost_or_doubled_by_kills() {
    let kills: usize = std::env::var("ST2_TEST_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let home = Home::new();
    let mut st2 = TestDaemon::start().with_home(&home).await;
    rules_and_policies(&st2).await;
    let mut sent = Sent::default();
    for kill in 0..kills {
        let (pid, chance) = (st2.pid(), RandomState::new().hash_one(kill));
        for _ in 0..chance % REQUESTS {
            assert!(sent.go_on(&st2).await, "the daemon does not accept what it should");
        }
        let load = async { while sent.go_on(&st2).await {} };
        let killer = async {
            tokio::time::sleep(Duration::from_millis(chance / REQUESTS % MORE_MS)).await;
            signal(pid, Signal::SIGKILL);
        };
        tokio::join!(load, killer);
        st2.kill();
        let (_, database) = st2.ended_with_database().await;
        st2 = TestDaemon::start().with_home(&home).with_database(database).await;
    }
    let Sent { events, requests: asked, .. } = sent;
    assert!(!events.is_empty() && !asked.is_empty(), "nothing was accepted");

    let mut database = st2.database().connect().await;
    let mut open = i64::MAX;
    while open > 0 {
        // As long as it goes on it may take its time: three at once are not many.
        open = eventually("less to do than before", PATIENCE, async || {
            let now = "SELECT (SELECT count(*) FROM waiting_events)
                + (SELECT count(*) FROM execution_ends)
                + (SELECT count(*) FROM executions WHERE ended_at IS NULL)";
            let now: i64 = sqlx::query_scalar(now).fetch_one(&mut database).await.unwrap();
            (now < open).then_some(now)
        })
        .await;
    }

    // Every event that was accepted is there, none twice, and none failed.
    let instances = list(&st2, "/v1/triggerinstances?trigger_type=core.st2.webhook&limit=-1").await;
    assert!(instances.iter().all(|it| it["status"] == "processed"), "{instances:?}");
    let numbers =
        once_each(instances.iter().map(|it| it["payload"]["body"]["n"].as_u64().unwrap()), "events");
    let lost: Vec<_> = events.difference(&numbers).collect();
    assert!(lost.is_empty(), "events lost: {lost:?}");

    // Each has one enforcement, and that one execution of its own, with at most one retry.
    let enforcements = list(&st2, "/v1/ruleenforcements?rule_ref=default.work&limit=-1").await;
    let of = once_each(enforcements.iter().map(|it| text(it, "/trigger_instance_id")), "enforcements");
    assert_eq!(of, instances.iter().map(|it| text(it, "/id")).collect());
    let wanted = once_each(enforcements.iter().map(|it| text(it, "/execution_id")), "executions of rules");
    let executions = list(&st2, "/v1/executions?action=core.local&limit=-1&exclude_attributes=result").await;
    let known = executions.iter().map(|it| text(it, "/id")).collect::<BTreeSet<_>>();
    assert!(wanted.is_subset(&known) && asked.iter().all(|id| known.contains(id.as_str())));
    let retried = |it: &Value| it.pointer("/context/policies/retry/retried_liveaction_id").is_some();
    let firsts = executions.iter().filter(|it| !retried(it)).count();
    // Requests whose answer was cut off may have been taken.
    let more = firsts.checked_sub(wanted.len() + asked.len());
    assert!(more.is_some_and(|more| more <= kills), "{firsts} for {} and {}", wanted.len(), asked.len());

    // Each end was told once, and followed by one action.
    let ends = list(&st2, "/v1/triggerinstances?trigger_type=core.st2.generic.actiontrigger&limit=-1").await;
    let told = once_each(ends.iter().map(|it| text(it, "/payload/execution_id")), "ends");
    let untold: Vec<_> = known.difference(&told).collect();
    assert!(untold.is_empty(), "ends not told: {untold:?}");
    let follow = list(&st2, "/v1/ruleenforcements?rule_ref=default.follow&limit=-1").await;
    let of = once_each(follow.iter().map(|it| text(it, "/trigger_instance_id")), "what follows");
    assert_eq!(of.len(), executions.len());
    let noops = list(&st2, "/v1/executions?action=core.noop&limit=-1&include_attributes=id").await;
    assert_eq!(noops.len(), executions.len());

    // Who asked to be notified was, once.
    let notes = list(&st2, "/v1/triggerinstances?trigger_type=core.st2.generic.notifytrigger&limit=-1").await;
    let notified = once_each(notes.iter().map(|it| text(it, "/payload/execution_id")), "notifications");
    let missing: Vec<_> = asked.iter().filter(|id| !notified.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "not notified: {missing:?}");
}
