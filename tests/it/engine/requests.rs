//! Requests: what is accepted, what is refused, and what the answer says.

use crate::support::{daemon::TestDaemon, executions::history};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn noop_runs_through_every_status() {
    let st2 = TestDaemon::start().await;
    let requested = st2.post("/v1/executions", json!({"action": "core.noop"})).await.expect(201);
    assert_eq!(requested["status"], "requested");
    assert_eq!(history(&requested), ["requested"]);
    let id = requested["id"].as_str().unwrap();
    let ended = st2.wait_for_end(id).await;
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "succeeded"]);
    assert_eq!(ended["result"], json!({"failed": false, "succeeded": true, "return_code": 0}));
    assert_eq!(ended["context"], json!({"user": "st2admin", "pack": "core"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_say_what_is_wrong() {
    let st2 = TestDaemon::start().await;
    let cases = [
        (json!({"action": "core.nope"}), "Action \"core.nope\" cannot be found."),
        (json!({}), "'action' is a required property"),
        (json!({"action": 5}), "5 is not of type 'string'"),
        (
            json!({"action": "core.local", "parameters": {"cmd": "true", "nope": 1}}),
            "Additional properties are not allowed ('nope' was unexpected)",
        ),
        (
            json!({"action": "core.local", "parameters": {"cmd": 5}}),
            "Value \"5\" must either be a string or None. Got \"int\".",
        ),
        (
            json!({"action": "core.local", "parameters": {"cmd": "true", "timeout": "x"}}),
            "invalid literal for int() with base 10: 'x'",
        ),
        (
            json!({"action": "core.local_sudo", "parameters": {"cmd": "true", "sudo": false}}),
            "Override of immutable parameter(s) ['sudo'] is unsupported.",
        ),
        (
            json!({"action": "core.local", "parameters": {"cmd": "{{ nope }}"}}),
            "Dependency unsatisfied in variable \"nope\"",
        ),
        (
            json!({"action": "core.noop", "context": {"trace_context": {"x": 1}}}),
            "Atleast one of id_ or trace_tag should be specified.",
        ),
    ];
    for (body, text) in cases {
        let refusal = st2.post("/v1/executions", body.clone()).await.expect(400);
        assert_eq!(refusal["faultstring"], text, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_cannot_be_rendered_leaves_a_failed_execution() {
    let st2 = TestDaemon::start().await;
    let body = json!({"action": "core.local", "parameters": {"cmd": "{{ 1 / 0 }}"}});
    let refusal = st2.post("/v1/executions", body).await.expect(400);
    let text = "Failed to render parameter \"cmd\": division by zero";
    assert_eq!(refusal["faultstring"], text);
    let last = st2.get("/v1/executions/last").await.expect(200);
    assert_eq!((&last["status"], &last["result"]["error"]), (&json!("failed"), &json!(text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_template_ends_in_an_error_and_blocks_nobody() {
    let st2 = TestDaemon::start().await;
    for template in [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 'x' * 10**12 }}",
        "{% for a in range(10**5) %}{% for b in range(10**5) %}{{ a }}{% endfor %}{% endfor %}",
    ] {
        let body = json!({"action": "core.local", "parameters": {"cmd": template}});
        let (refusal, other) =
            tokio::join!(st2.post("/v1/executions", body), st2.run("core.noop", json!({})));
        assert_eq!(refusal.status, 400, "{template}: {}", refusal.text());
        assert_eq!(other["status"], "succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_answers_with_the_same_execution() {
    let st2 = TestDaemon::start().await;
    let post = async |key: &str, body: Value| {
        let request =
            st2.request(reqwest::Method::POST, "/v1/executions").header("Idempotency-Key", key).json(&body);
        crate::support::daemon::Answer::of(request).await
    };
    let noop = json!({"action": "core.noop"});
    let first = post("a", noop.clone()).await.expect(201);
    let again = post("a", noop.clone()).await.expect(201);
    let other = post("b", noop).await.expect(201);
    assert_eq!(first["id"], again["id"]);
    assert_ne!(first["id"], other["id"]);
    let misuse = post("a", json!({"action": "core.local", "parameters": {"cmd": "true"}})).await;
    assert!((400..500).contains(&misuse.status), "{}", misuse.text());
    let all = st2.get("/v1/executions").await;
    assert_eq!(all.json().as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_execution_waits_until_it_is_due() {
    let st2 = TestDaemon::start().await;
    let body = json!({"action": "core.noop", "delay": 700});
    let requested = st2.post("/v1/executions", body).await.expect(201);
    let ended = st2.wait_for_end(requested["id"].as_str().unwrap()).await;
    assert_eq!(history(&ended), ["requested", "delayed", "scheduled", "running", "succeeded"]);
    assert!(ended["elapsed_seconds"].as_f64().unwrap() >= 0.7, "{}", ended["elapsed_seconds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_places_all_run_once() {
    let st2 = TestDaemon::start().with_config("actionrunner.actions_pool_size = 2").await;
    let requests = (0..60).map(|_| st2.request_action("core.local", json!({"cmd": "true"})));
    let ids = futures_util::future::join_all(requests).await;
    for id in &ids {
        let ended = st2.wait_for_end(id).await;
        assert_eq!(ended["status"], "succeeded");
        assert_eq!(history(&ended), ["requested", "scheduled", "running", "succeeded"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_noops_from_sixteen_clients_are_neither_lost_nor_doubled() {
    let st2 = TestDaemon::start().await;
    let client = async || {
        let mut ids = Vec::new();
        for _ in 0..625 {
            ids.push(st2.request_action("core.noop", json!({})).await);
        }
        ids
    };
    let mut ids: Vec<String> =
        futures_util::future::join_all((0..16).map(|_| client())).await.into_iter().flatten().collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
    st2.wait_for_end(ids.last().unwrap()).await;
    let done = async || {
        let answer = st2.get("/v1/executions?status=succeeded&limit=1").await;
        let total = answer.headers["x-total-count"].to_str().unwrap().parse::<usize>().unwrap();
        (total >= 10_000).then_some(total)
    };
    let total =
        crate::support::processes::eventually("all have succeeded", std::time::Duration::from_secs(60), done)
            .await;
    assert_eq!(total, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rerun_repeats_with_the_old_parameters_below_the_new() {
    let st2 = TestDaemon::start().await;
    let old = st2.run("core.local", json!({"cmd": "echo $A", "env": {"A": "one"}})).await;
    let path = format!("/v1/executions/{}/re_run", old["id"].as_str().unwrap());
    let body = json!({"parameters": {"env": {"A": "two"}}, "tasks": [], "reset": [], "delay": 0});
    let new = st2.post(&path, body).await.expect(201);
    assert_eq!(new["context"]["re-run"], json!({"ref": old["id"]}));
    let ended = st2.wait_for_end(new["id"].as_str().unwrap()).await;
    assert_eq!(ended["result"]["stdout"], "two");
    let refusal = st2.post(&path, json!({"tasks": ["a"]})).await.expect(400);
    assert_eq!(refusal["faultstring"], "Task option is only supported for Orquesta workflows.");
}
