//! Rules as clients see them: from a webhook to an execution, and what is recorded when nothing runs.

use crate::support::{
    daemon::TestDaemon,
    processes::{eventually, signal},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

async fn rule(st2: &TestDaemon, name: &str, more: Value) -> Value {
    let mut rule = json!({
        "name": name, "pack": "default", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "action": {"ref": "core.noop"},
    });
    for (key, value) in more.as_object().unwrap() {
        rule[key] = value.clone();
    }
    st2.post("/v1/rules", rule).await.expect(201)
}

/// The enforcements of a rule, oldest first, once there are this many.
async fn enforcements(st2: &TestDaemon, rule: &str, count: usize) -> Vec<Value> {
    eventually("the enforcements", PATIENCE, async || {
        let path = format!("/v1/ruleenforcements?rule_ref=default.{rule}&sort=id&limit=-1");
        let found = list(st2, &path).await;
        assert!(found.len() <= count, "{found:?}");
        (found.len() == count).then_some(found)
    })
    .await
}

async fn list(st2: &TestDaemon, path: &str) -> Vec<Value> {
    st2.get(path).await.expect(200).as_array().unwrap().clone()
}

async fn post(st2: &TestDaemon, body: Value) {
    assert_eq!(st2.post("/v1/webhooks/hook", body.clone()).await.expect(202), body);
}

#[tokio::test]
async fn a_webhook_that_meets_the_criteria_of_a_rule_runs_its_action() {
    let st2 = TestDaemon::start().await;
    let criteria = json!({"trigger.body.level": {"type": "gt", "pattern": 3}});
    let action = json!({"ref": "core.echo", "parameters": {"message": "level {{ trigger.body.level }}"}});
    let made = rule(&st2, "r", json!({"criteria": criteria, "action": action})).await;
    rule(&st2, "all", json!({})).await;
    post(&st2, json!({"level": 2})).await;
    post(&st2, json!({"level": 5})).await;
    post(&st2, json!({"level": "high"})).await;
    enforcements(&st2, "all", 3).await;
    let mut found = enforcements(&st2, "r", 2).await;
    // Events are looked at side by side.
    found.sort_by_key(|it| it["status"] == "failed");
    assert_eq!([&found[0]["status"], &found[1]["status"]], ["succeeded", "failed"]);
    assert_eq!(
        found[1]["failure_reason"].as_str().unwrap().split_once("\": ").unwrap().1,
        "There might be a problem with the criteria in rule default.r: '>' not supported between instances of 'str' \
         and 'int'"
    );
    let id = found[0]["execution_id"].as_str().unwrap();
    let execution = eventually("the end", PATIENCE, async || {
        let execution = st2.get(&format!("/v1/executions/{id}")).await.expect(200);
        (execution["status"] == "succeeded").then_some(execution)
    })
    .await;
    assert_eq!(execution["result"]["stdout"], "level 5");
    assert_eq!(execution["rule"]["id"], made["id"]);
    assert_eq!(execution["context"]["rule"], json!({"id": made["id"], "name": "r"}));
    assert_eq!(execution["context"]["trigger_instance"]["id"], found[0]["trigger_instance_id"]);
    assert_eq!(execution["trigger_instance"]["payload"]["body"], json!({"level": 5}));
    assert_eq!(execution["trigger"]["parameters"], json!({"url": "hook"}));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_recorded_with_its_reason() {
    let st2 = TestDaemon::start().await;
    rule(&st2, "gone", json!({"action": {"ref": "core.nope"}})).await;
    rule(&st2, "wrong", json!({"action": {"ref": "core.echo", "parameters": {"bogus": 1}}})).await;
    let message = "{{ trigger.nope.nope }}";
    rule(&st2, "broken", json!({"action": {"ref": "core.echo", "parameters": {"message": message}}})).await;
    rule(
        &st2,
        "slow",
        json!({"criteria": {"trigger.body.x": {"type": "regex", "pattern": "(?=(a+)+$)\\1b"}}}),
    )
    .await;
    rule(&st2, "fine", json!({})).await;
    post(&st2, json!({"x": "a".repeat(5000)})).await;
    let reason = async |name: &str| {
        let found = enforcements(&st2, name, 1).await.remove(0);
        assert_eq!((&found["status"], found.get("execution_id")), (&json!("failed"), None), "{found}");
        found["failure_reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason("gone").await, "Action \"core.nope\" doesn't exist");
    let wrong = "Additional properties are not allowed ('bogus' was unexpected)\n\nFailed validating \
                 'additionalProperties' in schema:\n";
    assert!(reason("wrong").await.starts_with(wrong));
    assert!(reason("broken").await.contains("Failed to render parameter \"message\""));
    assert!(reason("slow").await.ends_with("the regular expression takes too many steps on this value"));
    assert_eq!(enforcements(&st2, "fine", 1).await[0]["status"], "succeeded");
    let failed = list(&st2, "/v1/executions?action=core.echo").await;
    assert_eq!(failed.len(), 1, "a request whose template fails is kept as a failed execution");
    assert_eq!(failed[0]["status"], "failed");
}

#[tokio::test]
async fn accepted_events_have_one_enforcement_each_whatever_is_killed() {
    let mut st2 = TestDaemon::start().with_private_postgres().await;
    let home = st2.home();
    rule(&st2, "r", json!({})).await;
    let mut accepted = 0;
    for round in 0..3 {
        // Killed while events come in: some are accepted, some rows wait, some executions run.
        let pid = st2.pid();
        for n in 0..40 {
            let request = st2.request(reqwest::Method::POST, "/v1/webhooks/hook").json(&json!({"n": n}));
            if n == 10 + round * 9 {
                signal(pid, Signal::SIGKILL);
            }
            match request.send().await {
                Ok(answer) if answer.status() == 202 => accepted += 1,
                _ => break,
            }
        }
        st2.kill();
        drop(st2);
        st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    }
    let instances = eventually("the end of all events", PATIENCE, async || {
        let all = list(&st2, "/v1/triggerinstances?limit=-1").await;
        all.iter().all(|instance| instance["status"] == "processed").then_some(all)
    })
    .await;
    // One that was being accepted when its daemon died may be there unanswered.
    assert!((accepted..=accepted + 3).contains(&instances.len()), "{accepted} {}", instances.len());
    let found = enforcements(&st2, "r", instances.len()).await;
    let mut of: Vec<&str> = found.iter().map(|it| it["trigger_instance_id"].as_str().unwrap()).collect();
    of.sort_unstable();
    of.dedup();
    assert_eq!(of.len(), instances.len(), "one enforcement for each event");
    let executions = list(&st2, "/v1/executions?limit=-1&include_attributes=status").await;
    assert_eq!(executions.len(), instances.len(), "one execution for each enforcement");
}

#[tokio::test]
async fn a_lost_answer_to_a_commit_leaves_no_execution_to_nobody() {
    const EVENTS: usize = 120;
    let st2 = TestDaemon::start().await;
    let action = json!({"ref": "core.local", "parameters": {"cmd": "true"}});
    rule(&st2, "r", json!({"action": action})).await;
    let mut database = st2.database().connect().await;
    let mut accepted = 0;
    for number in 0..EVENTS {
        if number % 6 == 0 {
            // Whatever they are at: between statements, in one, or in a commit.
            let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            sqlx::query(cut).execute(&mut database).await.unwrap();
        }
        let request = st2.request(reqwest::Method::POST, "/v1/webhooks/hook").json(&json!({"n": number}));
        accepted += usize::from(request.send().await.is_ok_and(|answer| answer.status() == 202));
    }
    assert!(accepted > 0, "all were refused");
    let executions = eventually("the end of all executions", PATIENCE, async || {
        let waiting = "SELECT count(*) FROM waiting_events";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut database).await.unwrap();
        let all = st2.get("/v1/executions?limit=-1&include_attributes=status").await;
        // A connection that was cut is noticed by whoever gets it next.
        let all = if all.status == 200 { all.json() } else { return None };
        let all = all.as_array().unwrap();
        (waiting == 0 && all.iter().all(|it| it["status"] == "succeeded")).then_some(all.len())
    })
    .await;
    let instances = "SELECT count(*) FROM trigger_instances";
    let instances: i64 = sqlx::query_scalar(instances).fetch_one(&mut database).await.unwrap();
    let instances = instances as usize;
    // One that was refused may have been stored, and taken up before it could be removed.
    assert!((accepted..=EVENTS).contains(&instances), "{accepted} {instances}");
    assert_eq!(executions, instances);
    let found = enforcements(&st2, "r", instances).await;
    assert!(found.iter().all(|it| it["status"] == "succeeded"), "{found:?}");
}

#[tokio::test]
async fn rules_that_are_wrong_in_a_hundred_ways_are_refused_with_the_reason() {
    let st2 = TestDaemon::start().await;
    let good = json!({
        "name": "r", "pack": "default", "description": "d", "enabled": true, "tags": [], "context": {},
        "type": {"ref": "standard", "parameters": {}},
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "criteria": {"trigger.body.a": {"type": "equals", "pattern": 1}},
        "action": {"ref": "core.noop", "parameters": {}},
    });
    let places = [
        "/name",
        "/pack",
        "/enabled",
        "/tags",
        "/context",
        "/type",
        "/type/ref",
        "/type/parameters",
        "/trigger",
        "/trigger/type",
        "/trigger/parameters",
        "/trigger/parameters/url",
        "/criteria",
        "/criteria/trigger.body.a",
        "/criteria/trigger.body.a/type",
        "/criteria/trigger.body.a/pattern",
        "/action",
        "/action/ref",
        "/action/parameters",
    ];
    let values = [
        json!(null),
        json!(7),
        json!(true),
        json!("x y\u{0}"),
        json!([[]]),
        json!({"a": {"b": null}}),
        json!("{{ nope"),
    ];
    let mut refused = 0;
    for place in places {
        for value in &values {
            let mut rule = good.clone();
            *rule.pointer_mut(place).unwrap() = value.clone();
            let answer = st2.post("/v1/rules", rule).await;
            match answer.status {
                201 => {
                    let id = answer.json()["id"].as_str().unwrap().to_owned();
                    st2.delete(&format!("/v1/rules/{id}")).await.expect(204);
                }
                400 => {
                    assert!(!answer.json()["faultstring"].as_str().unwrap().is_empty(), "{place} {value}");
                    refused += 1;
                }
                other => panic!("{place} {value}: {other} {}", answer.text()),
            }
        }
    }
    assert!(refused > 80, "{refused}");
    let mut unknown = good.clone();
    unknown["surprise"] = json!(1);
    assert_eq!(st2.post("/v1/rules", unknown).await.status, 400);
    st2.post("/v1/rules", good).await.expect(201);
}
