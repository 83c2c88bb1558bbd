//! Workflows within workflows.

use super::{FILE, ask, children, daemon, id, tasks};
use crate::support::{daemon::TestDaemon, processes::eventually};
use serde_json::json;
use std::time::Duration;

const OUTER: &str = "
version: 1.0
input: [file]
tasks:
  below:
    action: flow.inner
    input:
      file: <% ctx(file) %>
    next:
      - when: <% succeeded() %>
        publish: got=<% result().output.got %>
        do: after
  after: {action: core.noop}
output:
  - got: <% ctx().get(got) %>
";

const INNER: &str = "
version: 1.0
input: [file]
tasks:
  first:
    action: core.local
    input:
      cmd: while ! test -e <% ctx(file) %>; do sleep 0.05; done; echo 7
      timeout: 50
    next:
      - when: <% succeeded() %>
        publish: got=<% result().stdout %>
        do: second
  second: {action: core.noop}
output:
  - got: <% ctx().get(got) %>
";

const LOOP: &str = "
version: 1.0
tasks:
  again: {action: flow.loop}
";

async fn outer(st2: &TestDaemon, file: &str) -> (String, String) {
    let outer = st2.request_action("flow.outer", json!({"file": file})).await;
    let inner = eventually("the inner workflow runs its task", Duration::from_secs(30), async || {
        let inner = children(st2, &outer).await.first().map(|inner| id(inner).to_owned())?;
        tasks(st2, &inner).await.contains(&"first running".to_owned()).then_some(inner)
    })
    .await;
    (outer, inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_and_resume_go_down_and_results_come_up() {
    let st2 = daemon(&[("outer", FILE, OUTER), ("inner", FILE, INNER)]).await;
    let file = st2.data_dir().join("go");
    let (outer, inner) = outer(&st2, file.to_str().unwrap()).await;
    ask(&st2, &outer, "pausing").await;
    st2.wait_for(&inner, &["pausing"]).await;
    std::fs::write(&file, "").unwrap();
    st2.wait_for(&inner, &["paused"]).await;
    st2.wait_for(&outer, &["paused"]).await;
    ask(&st2, &outer, "resuming").await;
    let ended = st2.wait_for_end(&outer).await;
    assert_eq!(ended["result"], json!({"output": {"got": 7}}), "{ended}");
    assert_eq!(tasks(&st2, &outer).await, ["below succeeded", "after succeeded"]);
    let tree = st2.get(&format!("/v1/executions/{outer}/children?depth=-1")).await.expect(200);
    assert_eq!(tree.as_array().unwrap().len(), 4, "{tree}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_inner_workflow_pauses_the_outer_one_and_its_resume_wakes_it() {
    let st2 = daemon(&[("outer", FILE, OUTER), ("inner", FILE, INNER)]).await;
    let file = st2.data_dir().join("go");
    let (outer, inner) = outer(&st2, file.to_str().unwrap()).await;
    ask(&st2, &inner, "pausing").await;
    std::fs::write(&file, "").unwrap();
    st2.wait_for(&inner, &["paused"]).await;
    st2.wait_for(&outer, &["paused"]).await;
    ask(&st2, &inner, "resuming").await;
    assert_eq!(st2.wait_for_end(&outer).await["result"], json!({"output": {"got": 7}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_goes_down_and_up() {
    let st2 = daemon(&[("outer", FILE, OUTER), ("inner", FILE, INNER)]).await;
    for from_below in [false, true] {
        let file = st2.data_dir().join(format!("go-{from_below}"));
        let (outer, inner) = outer(&st2, file.to_str().unwrap()).await;
        let asked = if from_below { &inner } else { &outer };
        st2.delete(&format!("/v1/executions/{asked}")).await.expect(200);
        st2.wait_for(&inner, &["canceling"]).await;
        st2.wait_for(&outer, &["canceling"]).await;
        std::fs::write(&file, "").unwrap();
        assert_eq!(st2.wait_for_end(&inner).await["status"], "canceled");
        assert_eq!(st2.wait_for_end(&outer).await["status"], "canceled");
        assert_eq!(tasks(&st2, &inner).await, ["first succeeded"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_calls_itself_without_an_end_fails_at_the_limit() {
    let home = super::home(&[("loop", "", LOOP)]);
    let limit = "[workflow_engine]\nmax_depth = 5";
    let st2 = TestDaemon::start().with_home(&home).with_config(limit).await;
    let ended = st2.run("flow.loop", json!({})).await;
    assert_eq!(ended["status"], "failed");
    let all = st2.get("/v1/executions?action=flow.loop&limit=-1").await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 6);
    let deepest = all[0]["result"]["errors"][0]["message"].as_str().unwrap();
    assert!(deepest.contains("flow.loop") && deepest.contains("max_depth"), "{deepest}");
}
