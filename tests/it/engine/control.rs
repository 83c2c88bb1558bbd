//! Cancel, pause, resume, and results set from outside.

use super::shell::nothing_left_of;
use crate::support::{daemon::TestDaemon, executions::history};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn cancel_really_ends_a_running_command() {
    let st2 = TestDaemon::start().await;
    let id = st2.request_action("core.local", json!({"cmd": "trap '' TERM; sleep 4244 & sleep 4244"})).await;
    st2.wait_for(&id, &["running"]).await;
    let answer = st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(answer["status"], "canceling");
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "canceling", "canceled"]);
    assert_eq!(ended["result"], json!({"message": "Action canceled by user.", "user": "st2admin"}));
    assert_eq!(ended["context"]["cancelled_by"], "st2admin");
    nothing_left_of(&id).await;
    let again = st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(again["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_canceled_at_once_and_what_ended_is_not() {
    let st2 = TestDaemon::start().await;
    let body = json!({"action": "core.noop", "delay": 3_600_000});
    let waiting = st2.post("/v1/executions", body).await.expect(201);
    let path = format!("/v1/executions/{}", waiting["id"].as_str().unwrap());
    let canceled = st2.delete(&path).await.expect(200);
    assert_eq!(history(&canceled), ["requested", "delayed", "canceled"]);
    let ended = st2.run("core.noop", json!({})).await;
    let answer = st2.delete(&format!("/v1/executions/{}", ended["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(answer["faultstring"], "Action cannot be canceled. State = succeeded.");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_pause_says_so() {
    let st2 = TestDaemon::start().await;
    let id = st2.request_action("core.local", json!({"cmd": "sleep 4245"})).await;
    let running = st2.wait_for(&id, &["running"]).await;
    let path = format!("/v1/executions/{id}");
    let refusal = st2.put(&path, json!({"status": "pausing"})).await.expect(400);
    let liveaction = running["liveaction"]["id"].as_str().unwrap();
    assert_eq!(
        refusal["faultstring"],
        format!(
            "Failed updating execution. Unable to pause liveaction \"{liveaction}\" because it is not supported by the \"local-shell-cmd\" runner."
        )
    );
    st2.delete(&path).await.expect(200);
    st2.wait_for_end(&id).await;
    let refusal = st2.put(&path, json!({"status": "resuming"})).await.expect(400);
    assert_eq!(refusal["faultstring"], "Execution is already in completed state.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_races_with_the_end_leaves_one_clear_end() {
    let st2 = TestDaemon::start().await;
    for _ in 0..40 {
        let id = st2.request_action("core.noop", json!({})).await;
        st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
        let ended = st2.wait_for_end(&id).await;
        let log = history(&ended);
        let ends = log.iter().filter(|status| ["succeeded", "canceled"].contains(status)).count();
        assert_eq!(ends, 1, "{log:?}");
    }
}
