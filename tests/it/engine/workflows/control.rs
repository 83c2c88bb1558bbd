//! Pause, resume and cancel of one workflow, also at the moments when it begins or ends.

use super::{FILE, WAITS, ask, begun, daemon, id, tasks};
use crate::support::{daemon::TestDaemon, executions::history};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workflow_lets_its_task_end_and_goes_on_when_resumed() {
    let st2 = daemon(&[("waits", FILE, WAITS)]).await;
    let file = st2.data_dir().join("go");
    let id = begun(&st2, "waits", &file).await;
    assert_eq!(ask(&st2, &id, "pausing").await["status"], "pausing");
    std::fs::write(&file, "").unwrap();
    let paused = st2.wait_for(&id, &["paused"]).await;
    assert_eq!(paused["context"]["paused_by"], "st2admin");
    assert_eq!(tasks(&st2, &id).await, ["first succeeded"]);
    ask(&st2, &id, "resuming").await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(tasks(&st2, &id).await, ["first succeeded", "second succeeded"]);
    let log = history(&ended);
    let before = ["requested", "scheduled", "running", "pausing", "paused"];
    assert_eq!(log, [&before[..], &["resuming", "running", "succeeded"]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_workflow_leaves_what_runs_to_its_end_and_starts_nothing_more() {
    let st2 = daemon(&[("waits", FILE, WAITS)]).await;
    let file = st2.data_dir().join("go");
    let id = begun(&st2, "waits", &file).await;
    let answer = st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(answer["status"], "canceling");
    std::fs::write(&file, "").unwrap();
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "canceled");
    assert_eq!(ended["result"], json!({"output": null}));
    assert_eq!(tasks(&st2, &id).await, ["first succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workflow_outlives_its_daemon() {
    let home = super::home(&[("waits", FILE, WAITS)]);
    let mut st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let file = st2.data_dir().join("go");
    let id = begun(&st2, "waits", &file).await;
    ask(&st2, &id, "pausing").await;
    std::fs::write(&file, "").unwrap();
    st2.wait_for(&id, &["paused"]).await;
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    assert_eq!(st2.get(&format!("/v1/executions/{id}")).await.expect(200)["status"], "paused");
    ask(&st2, &id, "resuming").await;
    assert_eq!(st2.wait_for_end(&id).await["status"], "succeeded");
    assert_eq!(tasks(&st2, &id).await, ["first succeeded", "second succeeded"]);
}

const NOOPS: &str = "
version: 1.0
tasks:
  a: {action: core.noop, next: [{do: b}]}
  b: {action: 'core.local cmd=\"exit 0\"', next: [{do: c}]}
  c: {action: core.noop}
";

#[tokio::test(flavor = "multi_thread")]
async fn cancels_and_pauses_that_race_leave_one_clear_end() {
    let st2 = daemon(&[("noops", "", NOOPS)]).await;
    for round in 0..40 {
        let id = st2.request_action("flow.noops", json!({})).await;
        let path = format!("/v1/executions/{id}");
        if round % 2 == 0 {
            st2.delete(&path).await.expect(200);
        } else if st2.put(&path, json!({"status": "pausing"})).await.status == 200 {
            // It rests, or has ended before it could.
            if st2.wait_for(&id, &["paused", "succeeded"]).await["status"] == "paused" {
                ask(&st2, &id, "resuming").await;
            }
        }
        let ended = st2.wait_for_end(&id).await;
        let log = history(&ended);
        let ends = log.iter().filter(|status| ["succeeded", "canceled"].contains(status)).count();
        assert_eq!((ends, log.contains(&"failed")), (1, false), "{ended}");
        assert!(ended["context"]["workflow_execution"].is_string(), "{ended}");
    }
}

const ASKS: &str = "
version: 1.0
tasks:
  ask:
    action: core.ask
    next:
      - publish: said=<% result().response %>
        do: after
  after: {action: core.noop}
output:
  - said: <% ctx(said) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_rests_while_a_question_is_open_and_sees_the_answer() {
    let st2 = daemon(&[("asks", "", ASKS)]).await;
    let workflow = st2.request_action("flow.asks", json!({})).await;
    st2.wait_for(&workflow, &["paused"]).await;
    let ran = super::children(&st2, &workflow).await;
    assert_eq!(ran[0]["status"], "pending");
    let answer = json!({"id": id(&ran[0]), "response": {"continue": true}});
    st2.put(&format!("/v1/inquiries/{}", id(&ran[0])), answer).await.expect(200);
    let ended = st2.wait_for_end(&workflow).await;
    assert_eq!(ended["result"], json!({"output": {"said": {"continue": true}}}), "{ended}");
}

const ASKS_EACH: &str = "
version: 1.0
tasks:
  ask:
    with: <% [1, 2] %>
    action: core.ask
    next:
      - publish: said=<% result().select($.response.continue) %>
        do: after
  after: {action: core.noop}
output:
  - said: <% ctx(said) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn questions_for_each_item_are_answered_one_by_one() {
    let st2 = daemon(&[("asks", "", ASKS_EACH)]).await;
    let workflow = st2.request_action("flow.asks", json!({})).await;
    st2.wait_for(&workflow, &["paused"]).await;
    let ran = super::children(&st2, &workflow).await;
    for question in &ran {
        let answer = json!({"id": id(question), "response": {"continue": true}});
        st2.put(&format!("/v1/inquiries/{}", id(question)), answer).await.expect(200);
    }
    let ended = st2.wait_for_end(&workflow).await;
    assert_eq!(ended["result"], json!({"output": {"said": [true, true]}}), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resting_workflow_is_canceled_at_once() {
    let st2 = daemon(&[("asks", "", ASKS)]).await;
    let workflow = st2.request_action("flow.asks", json!({})).await;
    st2.wait_for(&workflow, &["paused"]).await;
    let canceled = st2.delete(&format!("/v1/executions/{workflow}")).await.expect(200);
    assert_eq!(canceled["status"], "canceled", "{canceled}");
    assert_eq!(canceled["result"]["message"], "Action canceled by user.");
}

const OUTPUT_SCHEMA: &str = "output_schema: {type: object, properties: {n: {type: integer}}}";

const GIVES_TEXT: &str = "
version: 1.0
tasks:
  a: {action: core.noop}
output:
  - n: text
";

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_does_not_fit_its_schema_fails_where_that_is_checked() {
    let home = super::home(&[("text", OUTPUT_SCHEMA, GIVES_TEXT)]);
    let st2 =
        TestDaemon::start().with_home(&home).with_config("[system]\nvalidate_output_schema = true").await;
    let ended = st2.run("flow.text", json!({})).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    let error = ended["result"]["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("'text' is not of type 'integer'"), "{ended}");
    assert_eq!(st2.run("core.noop", json!({})).await["status"], "succeeded");
}
