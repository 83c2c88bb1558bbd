//! What follows from ends: notifications and events, once each, also over a crash; and the traces they belong to.

use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const SOON: Duration = Duration::from_secs(60);

/// Payloads of the events of a trigger, oldest first.
async fn events(st2: &TestDaemon, trigger: &str) -> Vec<Value> {
    let mut connection = st2.database().connect().await;
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT payload::text FROM trigger_instances WHERE trigger = $1 ORDER BY id")
            .bind(format!("core.st2.generic.{trigger}"))
            .fetch_all(&mut connection)
            .await
            .unwrap();
    rows.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

async fn notes(st2: &TestDaemon) -> i64 {
    let mut connection = st2.database().connect().await;
    sqlx::query_scalar("SELECT count(*) FROM execution_ends").fetch_one(&mut connection).await.unwrap()
}

async fn when_followed(st2: &TestDaemon) {
    eventually("all ends are followed", SOON, async || (notes(st2).await == 0).then_some(())).await;
}

async fn run_with(st2: &TestDaemon, cmd: &str, more: Value) -> Value {
    let mut body = json!({"action": "core.local", "parameters": {"cmd": cmd}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let requested = st2.post("/v1/executions", body).await.expect(201);
    st2.wait_for_end(requested["id"].as_str().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_is_told_in_the_words_of_the_section_that_applies() {
    let st2 = TestDaemon::start().await;
    let notify = json!({"notify": {
        "on-success": {
            "message": "{{ action_parameters.cmd }} said {{ action_results.stdout }}",
            "data": {"who": "{{ action_context.user }}", "deep": ["{{ action_results.return_code }}"]},
            "routes": ["hubot", "mail"],
        },
        "on-failure": {"message": "{{ nope.nope }}", "channels": ["mail"]},
        "on-complete": {"routes": ["log"]},
    }});
    let done = run_with(&st2, "echo hello", notify.clone()).await;
    when_followed(&st2).await;
    let told = events(&st2, "notifytrigger").await;
    let routes: Vec<&str> = told.iter().map(|it| it["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["log", "hubot", "mail"]);
    assert_eq!(told[0]["message"], "Action core.local completed.");
    assert_eq!(told[1]["message"], "echo hello said hello");
    assert_eq!((&told[1]["data"]["who"], &told[1]["data"]["deep"]), (&json!("st2admin"), &json!(["0"])));
    let result: Value = serde_json::from_str(told[1]["data"]["result"].as_str().unwrap()).unwrap();
    assert_eq!(result, done["result"]);
    assert_eq!(told[1]["channel"], "hubot");
    assert_eq!((&told[1]["execution_id"], &told[1]["status"]), (&done["id"], &json!("succeeded")));
    let end = done["end_timestamp"].as_str().unwrap().replace('Z', "+00:00");
    assert_eq!(told[1]["end_timestamp"], json!(end));
    assert_eq!(
        (&told[1]["action_ref"], &told[1]["runner_ref"]),
        (&json!("core.local"), &json!("local-shell-cmd"))
    );

    // A template that fails is sent as it is written.
    run_with(&st2, "exit 1", notify).await;
    when_followed(&st2).await;
    let told = events(&st2, "notifytrigger").await;
    assert_eq!((&told[4]["route"], &told[4]["message"]), (&json!("mail"), &json!("{{ nope.nope }}")));
    assert_eq!(told.len(), 5);
    // No rule is on the event of an end, and nobody named a trace.
    assert_eq!(events(&st2, "actiontrigger").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_execution_with_a_trace_tag_is_an_event_of_that_trace() {
    let st2 = TestDaemon::start().await;
    let secret = json!({"parameters": {"cmd": "echo x", "sudo_password": "hush"},
        "context": {"trace_context": {"trace_tag": "nightly"}}});
    let done = run_with(&st2, "", secret).await;
    when_followed(&st2).await;
    let told = events(&st2, "actiontrigger").await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["execution_id"], &told[0]["status"]), (&done["id"], &json!("succeeded")));
    assert_eq!(told[0]["parameters"]["sudo_password"], "********");
    assert_eq!(told[0]["result"], done["result"]);

    let found = st2.get("/v1/traces?trace_tag=nightly").await.expect(200);
    let [trace] = found.as_array().unwrap().as_slice() else { panic!("{found}") };
    let part = &trace["action_executions"][0];
    assert_eq!(
        (&part["object_id"], &part["ref"], &part["caused_by"]),
        (&done["id"], &json!("core.local"), &json!({}))
    );
    let event = &trace["trigger_instances"][0];
    assert_eq!(event["ref"], "core.st2.generic.actiontrigger");
    assert_eq!(event["caused_by"], json!({"type": "action_execution", "id": done["id"]}));
    assert_eq!(trace["rules"], json!([]));

    let id = trace["id"].as_str().unwrap();
    assert_eq!(st2.get(&format!("/v1/traces/{id}")).await.expect(200)["trace_tag"], "nightly");
    for filter in [
        format!("execution={}", done["id"].as_str().unwrap()),
        format!("trigger_instance={}", event["object_id"].as_str().unwrap()),
        format!("id={id}"),
    ] {
        let found = st2.get(&format!("/v1/traces?{filter}&include_attributes=id")).await.expect(200);
        assert_eq!(found, json!([{"id": id}]), "{filter}");
    }
    // The same tag begins another trace, the id joins this one.
    run_with(&st2, "true", json!({"context": {"trace_context": {"trace_tag": "nightly"}}})).await;
    run_with(&st2, "true", json!({"context": {"trace_context": {"id_": id}}})).await;
    let found = st2.get("/v1/traces?trace_tag=nightly&sort_asc=True").await.expect(200);
    let sizes: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["action_executions"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_without_a_tag_has_a_trace_that_costs_nothing() {
    let st2 = TestDaemon::start().await;
    let done = st2.run("core.noop", json!({})).await;
    let id = done["id"].as_str().unwrap();
    let found = st2.get(&format!("/v1/traces?execution={id}")).await.expect(200);
    let tag = format!("execution-{}", done["liveaction"]["id"].as_str().unwrap());
    assert_eq!(found[0]["trace_tag"], json!(tag));
    assert_eq!(found[0]["action_executions"][0]["object_id"], json!(id));
    let by_tag = st2.get(&format!("/v1/traces?trace_tag={tag}")).await.expect(200);
    assert_eq!(by_tag, found);
    // A re-run belongs to the trace of the old one.
    let again = st2.post(&format!("/v1/executions/{id}/re_run"), json!({})).await.expect(201);
    assert_eq!(again["context"]["trace_context"], json!({"id_": found[0]["id"]}));
    let path = format!("/v1/traces/{}", found[0]["id"].as_str().unwrap());
    let trace = st2.get(&path).await.expect(200);
    assert_eq!(trace["action_executions"][1]["object_id"], again["id"]);
    let mut connection = st2.database().connect().await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM trigger_instances")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!((rows, notes(&st2).await), (0, 0));
    for bad in ["/v1/traces/nope", "/v1/traces/000000000000000000000000"] {
        assert_eq!(st2.get(bad).await.status, 404);
    }
    assert_eq!(st2.get("/v1/traces?rule=conform.x&trigger_instance=x").await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_crash_every_end_is_told_once() {
    let home = Home::new();
    let mut st2 = TestDaemon::start().with_home(&home).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let body = json!({"action": "core.local", "parameters": {"cmd": format!("sleep 0.{}", number % 7)},
            "notify": {"on-complete": {"routes": ["log"]}}});
        let requested = st2.post("/v1/executions", body).await.expect(201);
        ids.push(requested["id"].as_str().unwrap().to_owned());
    }
    eventually("some are told", SOON, async || (events(&st2, "notifytrigger").await.len() > 3).then_some(()))
        .await;
    st2.kill();
    let (_, database) = st2.ended_with_database().await;
    let st2 = TestDaemon::start().with_home(&home).with_database(database).await;
    let mut ended = BTreeMap::new();
    for id in &ids {
        let end = st2.wait_for_end(id).await;
        ended.insert(id.clone(), end["status"].as_str().unwrap().to_owned());
    }
    when_followed(&st2).await;
    let told = events(&st2, "notifytrigger").await;
    assert_eq!(told.len(), ids.len());
    let told: BTreeMap<String, String> = told
        .iter()
        .map(|it| {
            (it["execution_id"].as_str().unwrap().to_owned(), it["status"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(told, ended);
}

async fn make_rule(st2: &TestDaemon, trigger: Value, criteria: Value, cmd: &str) -> Value {
    let rule = json!({"name": "follow", "pack": "default", "enabled": true, "trigger": trigger,
        "criteria": criteria, "action": {"ref": "core.local", "parameters": {"cmd": cmd}}});
    st2.post("/v1/rules", rule).await.expect(201)
}

/// The one execution of `core.local` when it has ended.
async fn followed(st2: &TestDaemon) -> Value {
    let id = eventually("the rule asks for its action", SOON, async || {
        let found = st2.get("/v1/executions?action=core.local").await.expect(200);
        found[0]["id"].as_str().map(str::to_owned)
    })
    .await;
    st2.wait_for_end(&id).await
}

/// What a trace holds of one kind: references and causes.
fn parts(trace: &Value, kind: &str) -> Vec<(Value, Value)> {
    let parts = trace[kind].as_array().unwrap().iter();
    parts.map(|part| (part["ref"].clone(), part["caused_by"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_on_ends_hears_of_them_and_all_of_it_is_one_trace() {
    let st2 = TestDaemon::start().await;
    let criteria = json!({"trigger.action_ref": {"type": "equals", "pattern": "core.noop"},
        "trigger.status": {"type": "equals", "pattern": "succeeded"}});
    let trigger = json!({"type": "core.st2.generic.actiontrigger"});
    let rule = make_rule(&st2, trigger, criteria, "echo {{ trigger.execution_id }}").await;
    let first = st2.run("core.noop", json!({})).await;
    let second = followed(&st2).await;
    assert_eq!((&second["status"], &second["result"]["stdout"]), (&json!("succeeded"), &first["id"]));
    when_followed(&st2).await;
    // The end of the second was told, too, and the rule let it pass by.
    let told = events(&st2, "actiontrigger").await;
    let of: Vec<&Value> = told.iter().map(|it| &it["execution_id"]).collect();
    assert_eq!(of, [&first["id"], &second["id"]]);

    let path = format!("/v1/traces?execution={}", second["id"].as_str().unwrap());
    let traces = st2.get(&path).await.expect(200);
    let [trace] = traces.as_array().unwrap().as_slice() else { panic!("{traces}") };
    assert_eq!(
        trace["trace_tag"],
        format!("execution-{}", first["liveaction"]["id"].as_str().unwrap()).as_str()
    );
    let instance = &trace["trigger_instances"][0]["object_id"];
    let cause = format!("{}:{}", rule["id"].as_str().unwrap(), instance.as_str().unwrap());
    assert_eq!(
        parts(trace, "action_executions"),
        [(json!("core.noop"), json!({})), (json!("core.local"), json!({"type": "rule", "id": cause})),]
    );
    assert_eq!(
        parts(trace, "rules"),
        [(json!("default.follow"), json!({"type": "trigger_instance", "id": instance}))]
    );
    let by_rule = st2.get(&format!("/v1/traces?rule={}", rule["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(by_rule[0]["id"], trace["id"]);

    let path = format!("/v1/executions/{}/why", second["id"].as_str().unwrap());
    let told = st2.get(&path).await.expect(200);
    let what: Vec<&Value> = told["steps"].as_array().unwrap().iter().map(|step| &step["what"]).collect();
    assert_eq!(what[0], "An event of the trigger core.st2.generic.actiontrigger came in.");
    assert_eq!(what[1], "The rule default.follow matched it.");
    let command = told["steps"][1]["command"].as_str().unwrap();
    assert!(command.starts_with("st2 rule-enforcement get "), "{command}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_names_the_trace_of_what_follows() {
    let st2 = TestDaemon::start().await;
    let trigger = json!({"type": "core.st2.webhook", "parameters": {"url": "traced"}});
    make_rule(&st2, trigger, json!({}), "echo {{ trigger.body.x }}").await;
    let sent = st2.bare(reqwest::Method::POST, "/v1/webhooks/traced").header("St2-Api-Key", st2.api_key());
    let sent = sent.header("St2-Trace-Tag", "order-7").json(&json!({"x": 1})).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let done = followed(&st2).await;
    let traces = st2.get("/v1/traces?trace_tag=order-7").await.expect(200);
    let [trace] = traces.as_array().unwrap().as_slice() else { panic!("{traces}") };
    assert_eq!(trace["action_executions"][0]["object_id"], done["id"]);
    assert_eq!(
        parts(trace, "trigger_instances")[0],
        (trace["trigger_instances"][0]["ref"].clone(), json!({}))
    );
    // Another with the id of that trace joins it.
    let id = trace["id"].as_str().unwrap();
    let body = json!({"action": "core.noop", "context": {"trace_context": {"id_": id}}});
    let joined = st2.post("/v1/executions", body).await.expect(201);
    let trace = st2.get(&format!("/v1/traces/{id}")).await.expect(200);
    assert_eq!(trace["action_executions"][1]["object_id"], joined["id"]);
}
