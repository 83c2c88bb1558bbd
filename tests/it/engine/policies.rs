//! Policies at work: limits hold exactly, in order, on any number of nodes; retries come, also after a crash.

use crate::support::{
    daemon::{Home, TestDaemon},
    executions::history,
    processes::eventually,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

async fn make_policy(st2: &TestDaemon, kind: &str, parameters: Value) -> String {
    let name = format!("p{}", kind.replace('.', "_"));
    let body = json!({"name": name, "pack": "demo", "resource_ref": "core.local", "policy_type": kind,
        "parameters": parameters});
    let made = st2.post("/v1/policies", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn request(st2: &TestDaemon, cmd: &str) -> String {
    st2.request_action("core.local", json!({"cmd": cmd})).await
}

/// When it ran: the moments of two entries of its log, the last of which is its end.
fn ran(execution: &Value) -> (String, String) {
    let log = execution["log"].as_array().unwrap();
    let begun = log.iter().find(|entry| entry["status"] == "running");
    let begun = begun.unwrap_or_else(|| panic!("it never ran: {log:?}"));
    let at = |entry: &Value| entry["timestamp"].as_str().unwrap().to_owned();
    (at(begun), at(&log[log.len() - 1]))
}

/// The most of them that ran at the same moment.
fn most_at_once(executions: &[Value]) -> usize {
    let spans: Vec<_> = executions.iter().map(ran).collect();
    let at =
        |moment: &str| spans.iter().filter(|(from, to)| *from.as_str() <= *moment && *moment < **to).count();
    spans.iter().map(|(from, _)| at(from)).max().unwrap_or(0)
}

async fn ends(st2: &TestDaemon, ids: &[String]) -> Vec<Value> {
    let mut ended = Vec::new();
    for id in ids {
        ended.push(st2.wait_for_end(id).await);
    }
    ended
}

/// Rows of a table.
async fn count(st2: &TestDaemon, table: &'static str) -> i64 {
    let sql = match table {
        "execution_ends" => "SELECT count(*) FROM execution_ends",
        _ => "SELECT count(*) FROM policy_waiting",
    };
    sqlx::query_scalar(sql).fetch_one(&mut st2.database().connect().await).await.unwrap()
}

fn delays(execution: &Value) -> usize {
    history(execution).iter().filter(|status| **status == "delayed").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_in_the_order_they_came() {
    let st2 = TestDaemon::start().await;
    make_policy(&st2, "action.concurrency", json!({"threshold": 1})).await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(request(&st2, "true").await);
    }
    let ended = ends(&st2, &ids).await;
    let spans: Vec<_> = ended.iter().map(ran).collect();
    for (earlier, later) in spans.iter().zip(&spans[1..]) {
        assert!(earlier.1 <= later.0, "{earlier:?} overlaps {later:?}");
    }
    assert!(ended.iter().all(|it| it["status"] == "succeeded" && delays(it) <= 1), "{ended:?}");
    // Others are not held up, and nothing is left behind.
    assert_eq!(st2.run("core.noop", json!({})).await["status"], "succeeded");
    eventually("the slots are free", SOON, async || {
        request(&st2, "true").await;
        let waiting: i64 = count(&st2, "policy_waiting").await;
        (waiting == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_over_two_nodes() {
    let first = TestDaemon::start().await;
    let url = first.database().url();
    let second = TestDaemon::start().with_private_postgres().with_args(["--database-url", &url]).await;
    make_policy(&first, "action.concurrency", json!({"threshold": 3})).await;
    let mut ids = Vec::new();
    for number in 0..30 {
        let body = json!({"action": "core.local", "parameters": {"cmd": "sleep 0.05"}});
        if number % 2 == 0 {
            ids.push(request(&first, "sleep 0.05").await);
        } else {
            let asked = second.bare(Method::POST, "/v1/executions").header("St2-Api-Key", first.api_key());
            let made: Value = asked.json(&body).send().await.unwrap().json().await.unwrap();
            ids.push(made["id"].as_str().unwrap().to_owned());
        }
    }
    let ended = ends(&first, &ids).await;
    assert!(ended.iter().all(|it| it["status"] == "succeeded" && delays(it) <= 1), "{ended:?}");
    assert!(most_at_once(&ended) <= 3, "{} at once", most_at_once(&ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_room_so_it_is_canceled() {
    let st2 = TestDaemon::start().await;
    make_policy(&st2, "action.concurrency", json!({"threshold": 1, "action": "cancel"})).await;
    let gate = st2.data_dir().join("gate");
    let running = request(&st2, &format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display())).await;
    st2.wait_for(&running, &["running"]).await;
    let refused = st2.shell("true").await;
    assert_eq!(history(&refused), ["requested", "canceling", "canceled"]);
    assert_eq!(refused.get("result"), None);
    std::fs::write(&gate, "").unwrap();
    assert_eq!(st2.wait_for_end(&running).await["status"], "succeeded");
    assert_eq!(st2.shell("true").await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_equal_values_count_against_each_other() {
    let st2 = TestDaemon::start().await;
    make_policy(&st2, "action.concurrency.attr", json!({"threshold": 1, "attributes": ["cwd"]})).await;
    let gate = st2.data_dir().join("gate");
    let cmd = format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display());
    let at = async |cwd: &str| st2.request_action("core.local", json!({"cmd": cmd, "cwd": cwd})).await;
    let (one, other) = (at("/").await, at("/tmp").await);
    st2.wait_for(&one, &["running"]).await;
    st2.wait_for(&other, &["running"]).await;
    let second = at("/").await;
    st2.wait_for(&second, &["delayed"]).await;
    // It names no directory, so all of them count.
    let anywhere = request(&st2, "true").await;
    st2.wait_for(&anywhere, &["delayed"]).await;
    std::fs::write(&gate, "").unwrap();
    let ended = ends(&st2, &[one, other, second, anywhere]).await;
    assert!(ended.iter().all(|it| it["status"] == "succeeded"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_answer_leaves_the_room_to_others() {
    let st2 = TestDaemon::start().await;
    let policy = json!({"name": "one", "resource_ref": "core.ask", "policy_type": "action.concurrency",
        "parameters": {"threshold": 1}});
    st2.post("/v1/policies", policy).await.expect(201);
    let first = st2.request_action("core.ask", json!({})).await;
    st2.wait_for(&first, &["pending"]).await;
    let second = st2.request_action("core.ask", json!({})).await;
    let third = st2.request_action("core.ask", json!({})).await;
    for id in [&second, &third] {
        st2.wait_for(id, &["pending"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_come_and_go_while_executions_wait() {
    let st2 = TestDaemon::start().await;
    let gate = st2.data_dir().join("gate");
    let cmd = format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display());
    let before = request(&st2, &cmd).await;
    st2.wait_for(&before, &["running"]).await;
    let policy = make_policy(&st2, "action.concurrency", json!({"threshold": 1})).await;
    // What ran before the policy was made counts, too.
    let ids = [request(&st2, &cmd).await, request(&st2, &cmd).await, request(&st2, "true").await];
    for id in &ids {
        st2.wait_for(id, &["delayed"]).await;
    }
    st2.delete(&format!("/v1/executions/{}", ids[2])).await.expect(200);
    let canceled = st2.wait_for_end(&ids[2]).await;
    assert_eq!(history(&canceled), ["requested", "delayed", "canceled"]);

    let path = format!("/v1/policies/{policy}");
    let wider = json!({"name": "wider", "pack": "demo", "resource_ref": "core.local",
        "policy_type": "action.concurrency", "parameters": {"threshold": 2}});
    st2.put(&path, wider).await.expect(200);
    st2.wait_for(&ids[0], &["running"]).await;
    assert_eq!(st2.wait_for(&ids[1], &["delayed"]).await["status"], "delayed");
    assert_eq!(st2.delete(&path).await.status, 204);
    st2.wait_for(&ids[1], &["running"]).await;
    std::fs::write(&gate, "").unwrap();
    let ended = ends(&st2, &[before, ids[0].clone(), ids[1].clone()]).await;
    assert!(ended.iter().all(|it| it["status"] == "succeeded" && delays(it) <= 1), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_when_the_daemon_dies_waits_on() {
    let home = Home::new();
    let mut st2 = TestDaemon::start().with_home(&home).await;
    make_policy(&st2, "action.concurrency", json!({"threshold": 2})).await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(request(&st2, "sleep 0.3").await);
    }
    st2.wait_for(&ids[7], &["delayed"]).await;
    st2.kill();
    let (_, database) = st2.ended_with_database().await;
    let st2 = TestDaemon::start().with_home(&home).with_database(database).await;
    let ended = ends(&st2, &ids).await;
    let lost = ended.iter().filter(|it| it["status"] == "abandoned").count();
    let done: Vec<Value> = ended.into_iter().filter(|it| it["status"] == "succeeded").collect();
    assert!(lost <= 2 && lost + done.len() == 8, "{lost} lost, {} done", done.len());
    assert!(most_at_once(&done) <= 2);
}

/// Executions of an action, oldest first.
async fn attempts(st2: &TestDaemon) -> Vec<Value> {
    let found = st2.get("/v1/executions?action=core.local&sort_asc=1").await.expect(200);
    found.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_again_as_often_as_the_policy_says() {
    let st2 = TestDaemon::start().await;
    make_policy(&st2, "action.retry", json!({"retry_on": "failure", "max_retry_count": 2})).await;
    let first = st2.shell("exit 3").await;
    assert_eq!((&first["status"], first["context"].get("policies")), (&json!("failed"), None));
    let all = eventually("two retries", SOON, async || {
        let all = attempts(&st2).await;
        (all.len() == 3 && all.iter().all(|it| it["status"] == "failed")).then_some(all)
    })
    .await;
    for number in 1..3 {
        let retry = json!({"applied_policy": "demo.paction_retry", "retry_count": number,
            "retried_liveaction_id": all[number - 1]["liveaction"]["id"]});
        assert_eq!(all[number]["context"]["policies"], json!({"retry": retry}));
        assert_eq!(all[number]["parameters"], json!({"cmd": "exit 3"}));
    }
    let path = format!("/v1/traces?execution={}", all[2]["id"].as_str().unwrap());
    let traces = st2.get(&path).await.expect(200);
    let together: Vec<&Value> =
        traces[0]["action_executions"].as_array().unwrap().iter().map(|it| &it["object_id"]).collect();
    assert_eq!(together, [&all[0]["id"], &all[1]["id"], &all[2]["id"]]);
    // Neither what succeeds nor a time-out, which is another condition, is tried again.
    st2.shell("true").await;
    let timeout = st2.run("core.local", json!({"cmd": "sleep 60", "timeout": 1})).await;
    assert_eq!(timeout["status"], "timeout");
    let notes = async || count(&st2, "execution_ends").await;
    eventually("nothing is left to follow", SOON, async || (notes().await == 0).then_some(())).await;
    assert_eq!(attempts(&st2).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_rests_outlives_the_daemon() {
    let home = Home::new();
    let mut st2 = TestDaemon::start().with_home(&home).await;
    let rest = json!({"retry_on": "failure", "max_retry_count": 1, "delay": 2});
    make_policy(&st2, "action.retry", rest).await;
    st2.shell("exit 1").await;
    eventually("the retry rests", SOON, async || (attempts(&st2).await.len() == 2).then_some(())).await;
    st2.kill();
    let (_, database) = st2.ended_with_database().await;
    let st2 = TestDaemon::start().with_home(&home).with_database(database).await;
    let all = attempts(&st2).await;
    let again = st2.wait_for_end(all[1]["id"].as_str().unwrap()).await;
    assert_eq!(history(&again), ["requested", "delayed", "scheduled", "running", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policies_do_belongs_to_who_asked_and_shows_in_the_trace() {
    let st2 = TestDaemon::start().await;
    for path in ["policies", "policytypes", "traces", "ruleenforcements", "triggerinstances"] {
        let answer = st2.bare(Method::GET, &format!("/v1/{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    let bare = st2.bare(Method::POST, "/v1/policies").json(&json!({"name": "p"})).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    make_policy(&st2, "action.concurrency", json!({"threshold": 1})).await;
    make_policy(&st2, "action.retry", json!({"retry_on": "failure", "max_retry_count": 1})).await;
    let key = st2.post("/v1/apikeys", json!({"user": "bob"})).await.expect(201)["key"].clone();
    let rule = json!({
        "name": "r", "pack": "default", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "action": {"ref": "core.local", "parameters": {"cmd": "exit 2"}},
    });
    st2.post("/v1/rules", rule).await.expect(201);
    let send = async |path: &str, body: Value| {
        let request = st2.bare(Method::POST, path).header("St2-Api-Key", key.as_str().unwrap());
        let answer = request.header("St2-Trace-Tag", "deploy 7").json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    };
    send("/v1/webhooks/hook", json!({})).await;
    let context = json!({"trace_context": {"trace_tag": "by hand"}});
    send(
        "/v1/executions",
        json!({"action": "core.local", "parameters": {"cmd": "exit 3"}, "context": context}),
    )
    .await;
    let all = eventually("each has failed and was retried", SOON, async || {
        let all = attempts(&st2).await;
        (all.len() == 4 && all.iter().all(|it| it["status"] == "failed")).then_some(all)
    })
    .await;
    assert_eq!(most_at_once(&all), 1);
    // A rule acts for the system, whoever sent the event; a request is bob's, and so is its retry.
    let system = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    for (cmd, user, tag) in [("exit 2", system.as_str(), "deploy 7"), ("exit 3", "bob", "by hand")] {
        let ours: Vec<&Value> = all.iter().filter(|it| it["parameters"]["cmd"] == cmd).collect();
        let users: Vec<&Value> = ours.iter().map(|it| &it["context"]["user"]).collect();
        assert_eq!(users, [user, user], "{cmd}");
        let traces = st2.get(&format!("/v1/traces?trace_tag={}", tag.replace(' ', "%20"))).await.expect(200);
        assert_eq!(traces.as_array().unwrap().len(), 1, "{traces}");
        let members = traces[0]["action_executions"].as_array().unwrap();
        let members: Vec<&Value> = members.iter().map(|it| &it["object_id"]).collect();
        assert_eq!(members, ours.iter().map(|it| &it["id"]).collect::<Vec<_>>());
        let is_of_rule = cmd == "exit 2";
        assert_eq!(traces[0]["rules"].as_array().unwrap().len(), usize::from(is_of_rule));
        let id = traces[0]["id"].as_str().unwrap();
        let stranger = st2.bare(Method::GET, &format!("/v1/traces/{id}")).send().await.unwrap();
        assert_eq!(stranger.status(), 401);
    }
}
