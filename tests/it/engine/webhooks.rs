//! Signed webhooks, and the list of what was delivered; events about keys; why a rule fires or does not.

use crate::support::{daemon::TestDaemon, processes::eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(30);

/// HMAC-SHA256 of [`BODY`] with the key `It's a Secret to Everybody`, as GitHub's documentation has it.
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";

async fn with_hook(signature: Value) -> TestDaemon {
    let st2 = TestDaemon::start().await;
    let secret = json!({"name": "hook_secret", "value": SECRET, "secret": true});
    st2.put("/v1/keys/hook_secret", secret).await.expect(200);
    st2.post(
        "/v1/rules",
        json!({
            "name": "r", "enabled": true,
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": "/a/b/", "signature": signature}},
            "action": {"ref": "core.noop"},
        }),
    )
    .await
    .expect(201);
    st2
}

/// Sends [`BODY`] as a form, which any text is, without a token; answers the status.
async fn send(st2: &TestDaemon, headers: &[(&str, &str)]) -> u16 {
    let mut request = st2.bare(Method::POST, "/v1/webhooks/a/b").body(BODY);
    request = request.header("Content-Type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn list(st2: &TestDaemon, path: &str) -> Vec<Value> {
    st2.get(path).await.expect(200).as_array().unwrap().clone()
}

#[tokio::test]
async fn a_good_signature_stands_in_for_a_token_and_counts_once() {
    let st2 = with_hook(json!({"type": "github", "secret_key": "hook_secret"})).await;
    let signed = ("X-Hub-Signature-256", SIGNATURE);
    assert_eq!(send(&st2, &[]).await, 401);
    assert_eq!(send(&st2, &[("X-Hub-Signature-256", &SIGNATURE.replace('7', "8"))]).await, 401);
    assert_eq!(send(&st2, &[signed, ("X-GitHub-Delivery", "one")]).await, 202);
    assert_eq!(send(&st2, &[signed, ("X-GitHub-Delivery", "one")]).await, 202);
    assert_eq!(send(&st2, &[signed, ("X-GitHub-Delivery", "two")]).await, 202);
    // A token alone is no signature, and a bad one is not made good by a signature.
    assert_eq!(st2.post("/v1/webhooks/a/b", json!({})).await.status, 401);
    assert_eq!(send(&st2, &[signed, ("St2-Api-Key", "nonsense")]).await, 401);
    let deliveries = list(&st2, "/v1/webhookdeliveries?url=a/b").await;
    let verdicts: Vec<&str> = deliveries.iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    let (bad, good) = ("bad_signature", "accepted");
    assert_eq!(verdicts, [bad, good, "duplicate", good, bad, bad]);
    assert_eq!(deliveries[0]["reason"], "there is no header X-Hub-Signature-256");
    assert_eq!(deliveries[1]["bytes"], BODY.len());
    eventually("two executions", PATIENCE, async || {
        let found = list(&st2, "/v1/ruleenforcements?rule_ref=default.r").await;
        assert!(found.len() <= 2, "{found:?}");
        (found.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn strangers_do_not_hear_who_waits_where() {
    let st2 = with_hook(json!({"type": "gitlab", "secret_key": "hook_secret", "token": true})).await;
    let unknown = st2.bare(Method::POST, "/v1/webhooks/nope").body("{}").send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    assert_eq!(send(&st2, &[("X-Gitlab-Token", SECRET)]).await, 401);
    let key = st2.api_key().to_owned();
    assert_eq!(send(&st2, &[("X-Gitlab-Token", SECRET), ("St2-Api-Key", &key)]).await, 202);
    let instance = eventually("the event", PATIENCE, async || {
        list(&st2, "/v1/triggerinstances").await.into_iter().find(|it| it["payload"].get("headers").is_some())
    })
    .await;
    assert!(!instance["payload"].to_string().contains(SECRET), "the secret is not part of the event");
    let last = list(&st2, "/v1/webhookdeliveries?limit=2").await;
    assert_eq!(last[1]["reason"], "it needs a token or an API key as well");
    let refused = st2
        .post(
            "/v1/rules",
            json!({
                "name": "bad", "action": {"ref": "core.noop"},
                "trigger": {"type": "core.st2.webhook", "parameters": {"url": "x", "signature": {"type": "md5"}}},
            }),
        )
        .await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("must be one of github, gitlab, slack, hmac-sha256"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn bodies_and_addresses_of_any_kind_leave_the_daemon_well() {
    let st2 = TestDaemon::start().await;
    st2.post(
        "/v1/rules",
        json!({
            "name": "big", "enabled": true, "action": {"ref": "core.noop"},
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": "big"}},
            "criteria": {"trigger.body.blob": {"type": "endswith", "pattern": "z"}},
        }),
    )
    .await
    .expect(201);
    let blob = "x".repeat(1_000_000) + "z";
    st2.post("/v1/webhooks/big", json!({"blob": blob})).await.expect(202);
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for (path, body, kind, status) in [
        ("big", deep.as_str(), "application/json", 400),
        ("big", "{", "application/json", 400),
        ("big", "\"text\"", "application/json", 400),
        ("big", "", "application/json", 202),
        ("big", "a=1", "image/png", 400),
        ("nope/at/all", "{}", "application/json", 404),
        ("st2", "[]", "application/json", 400),
        ("st2", "{\"trigger\": \"core.nope\", \"payload\": {}}", "application/json", 400),
    ] {
        let request = st2.request(Method::POST, &format!("/v1/webhooks/{path}")).body(body.to_owned());
        let answer = request.header("Content-Type", kind).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} {kind} {}", body.get(..20).unwrap_or(body));
    }
    eventually("the execution", PATIENCE, async || {
        let found = list(&st2, "/v1/ruleenforcements?rule_ref=default.big&status=succeeded").await;
        found.iter().any(|it| it["status"] == "succeeded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rule_says_why_it_fires_and_why_not() {
    let st2 = TestDaemon::start().await;
    let rule = json!({
        "name": "r", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "criteria": {
            "trigger.body.level": {"type": "gt", "pattern": 3},
            "trigger.body.name": {"type": "equals", "pattern": "{{ trigger.body.wanted }}"},
        },
        "action": {"ref": "core.echo", "parameters": {"message": "level {{ trigger.body.level }}"}},
    });
    st2.post("/v1/rules", rule.clone()).await.expect(201);
    let mut ids = Vec::new();
    for body in
        [json!({"level": 5, "name": "a", "wanted": "a"}), json!({"level": "x", "name": "a", "wanted": "b"})]
    {
        st2.post("/v1/webhooks/hook", body).await.expect(202);
        let last = list(&st2, "/v1/webhookdeliveries?url=hook&limit=1").await;
        ids.push(last[0]["trigger_instances"][0].as_str().unwrap().to_owned());
    }
    for id in &ids {
        eventually("the end of the event", PATIENCE, async || {
            let event = st2.get(&format!("/v1/triggerinstances/{id}")).await.expect(200);
            (event["status"] == "processed").then_some(())
        })
        .await;
    }
    let why = st2.get(&format!("/v1/rules/default.r/why/{}", ids[0])).await.expect(200);
    assert_eq!((&why["matches"], &why["reasons"]), (&json!(true), &json!([])));
    assert_eq!(why["action"], json!({"ref": "core.echo", "parameters": {"message": "level 5"}}));
    assert_eq!(why["criteria"][1]["pattern"], "a");
    assert_eq!(why["enforcements"][0]["status"], "succeeded");
    let why = st2.get(&format!("/v1/rules/default.r/why/{}", ids[1])).await.expect(200);
    assert_eq!(why["reasons"], json!(["these criteria do not fit: trigger.body.level, trigger.body.name"]));
    assert_eq!((&why["criteria"][1]["value"], &why["criteria"][1]["pattern"]), (&json!("a"), &json!("b")));
    let failure = why["criteria"][0]["failure"].as_str().unwrap();
    assert!(failure.contains("'>' not supported between instances of 'str' and 'int'"), "{failure}");
    assert_eq!(why["enforcements"][0]["status"], "failed");

    let test = async |rule: Value, payload: Value| {
        let event = json!({"trigger": "core.st2.webhook", "payload": payload});
        let told =
            st2.post("/v1/rules/test", json!({"rule": rule, "trigger_instance": event})).await.expect(200);
        (told["matches"].as_bool().unwrap(), told["reasons"].clone(), told["action"].clone())
    };
    let mut other = rule.clone();
    other["action"] = json!({"ref": "core.echo", "parameters": {"bogus": 1}});
    other["criteria"] = json!({});
    let (fits, _, action) = test(other.clone(), json!({"a": 1})).await;
    assert!(fits && action["failure"].as_str().unwrap().contains("'bogus' was unexpected"), "{action}");
    other["type"] = json!({"ref": "backstop"});
    other["trigger"] = json!({"type": "core.st2.CronTimer", "parameters": {"second": 1}});
    let (fits, reasons, _) = test(other, json!({"a": 1})).await;
    assert!(!fits && reasons[0].as_str().unwrap().contains("the event is of core.st2.webhook"), "{reasons}");
    // A type that nobody has registered, as of a sensor that is still to be written.
    let mut unknown = rule.clone();
    unknown["trigger"] = json!({"type": "irc.pubmsg", "parameters": {}});
    unknown["criteria"] = json!({"trigger.m": {"type": "icontains", "pattern": "Storm"}});
    for (text, fits) in [("a storm", true), ("a calm", false)] {
        let event = json!({"trigger": "irc.pubmsg", "payload": {"m": text}});
        let body = json!({"rule": unknown, "trigger_instance": event});
        assert_eq!(st2.post("/v1/rules/test", body).await.expect(200)["matches"], fits);
    }
    let by_ids = json!({"rule_ref": "default.r", "trigger_instance_id": ids[0]});
    assert_eq!(st2.post("/v1/rules/test", by_ids).await.expect(200)["matches"], true);
    for wrong in [json!({}), json!({"rule_ref": "default.r"}), json!({"rule": {}, "rule_ref": "x"})] {
        assert_eq!(st2.post("/v1/rules/test", wrong).await.status, 400);
    }
    assert_eq!(list(&st2, "/v1/rules?pack=default").await.len(), 1, "a test stores nothing");
}

/// Sends the head of a request that announces a body, and no body. Answers what comes back at once.
async fn without_body(st2: &TestDaemon, path: &str, headers: &str) -> String {
    let address = st2.addresses().api.clone().unwrap();
    let address = address.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: st2\r\n{headers}Content-Length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
    let read = read.expect("it waits for a body it will not believe").unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn who_proves_nothing_is_not_listened_to() {
    let st2 = with_hook(json!({"type": "github", "secret_key": "hook_secret"})).await;
    for (path, headers) in [
        ("/v1/webhooks/nope", ""),
        ("/v1/webhooks/st2", ""),
        ("/v1/webhooks/a/b", ""),
        ("/v1/webhooks/a/b", "X-Hub-Signature-256: sha1=00\r\n"),
    ] {
        let answer = without_body(&st2, path, headers).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
    }
    let last = list(&st2, "/v1/webhookdeliveries?url=a/b").await;
    assert_eq!(last[0]["reason"], "the header X-Hub-Signature-256 holds no signature of this kind");
    assert_eq!((&last[0]["bytes"], &last[0]["verdict"]), (&json!(1_000_000), &json!("bad_signature")));
    // Whoever speaks after them on connections of his own is heard.
    assert_eq!(send(&st2, &[("X-Hub-Signature-256", SIGNATURE)]).await, 202);
}
