//! Running tasks of a workflow again.

use super::{FILE, daemon, id, tasks, write};
use crate::support::daemon::TestDaemon;
use serde_json::{Value, json};

const CHAIN: &str = "
version: 1.0
input: [file]
tasks:
  first:
    action: core.local cmd=\"echo 1\"
    next:
      - when: <% succeeded() %>
        publish: one=<% result().stdout %>
        do: second
  second:
    action: core.local
    input:
      cmd: test -e <% ctx(file) %>
output:
  - one: <% ctx(one) %>
";

const EACH: &str = "
version: 1.0
input: [file]
tasks:
  each:
    with: <% [0, 1, 2] %>
    action: core.local
    input:
      cmd: test <% item() %> != 1 -o -e <% ctx(file) %> && echo <% item() %>
    next:
      - when: <% succeeded() %>
        publish: all=<% result().select($.stdout) %>
output:
  - all: <% ctx().get(all) %>
";

async fn again(st2: &TestDaemon, execution: &Value, body: Value) -> Value {
    let path = format!("/v1/executions/{}/re_run", id(execution));
    let new = st2.post(&path, body).await.expect(201);
    st2.wait_for_end(id(&new)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_task_runs_again_with_what_was_published_before() {
    let st2 = daemon(&[("chain", FILE, CHAIN)]).await;
    let file = st2.data_dir().join("go");
    let failed = st2.run("flow.chain", json!({"file": file})).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    std::fs::write(&file, "").unwrap();
    let ended = again(&st2, &failed, json!({"tasks": ["second"], "reset": ["second"]})).await;
    assert_eq!(ended["result"], json!({"output": {"one": 1}}), "{ended}");
    assert_eq!(tasks(&st2, id(&ended)).await, ["second succeeded"]);
    assert_eq!(ended["context"]["workflow_execution"], failed["context"]["workflow_execution"]);
    let refused = again(&st2, &ended, json!({"tasks": ["gone"]})).await;
    let message = "Unable to rerun workflow because one or more tasks is not found: gone";
    assert_eq!(refused["result"], json!({"errors": [{"message": message}], "output": null}), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_items_run_again_alone_unless_all_are_reset() {
    let st2 = daemon(&[("each", FILE, EACH)]).await;
    let file = st2.data_dir().join("go");
    let failed = st2.run("flow.each", json!({"file": file})).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    std::fs::write(&file, "").unwrap();
    let ended = again(&st2, &failed, json!({"tasks": ["each"], "reset": []})).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(tasks(&st2, id(&ended)).await, ["each[1] succeeded"]);
    assert_eq!(ended["result"], json!({"output": {"all": [0, 1, 2]}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_definition_does_not_change_a_workflow_that_has_begun() {
    let st2 = daemon(&[("chain", FILE, CHAIN)]).await;
    let file = st2.data_dir().join("go");
    let failed = st2.run("flow.chain", json!({"file": file})).await;
    write(&st2.home(), "chain", FILE, "version: 1.0\ntasks:\n  other: {action: core.noop}\n");
    std::fs::write(&file, "").unwrap();
    let ended = again(&st2, &failed, json!({"tasks": ["second"]})).await;
    assert_eq!(ended["result"], json!({"output": {"one": 1}}), "{ended}");
    let fresh = again(&st2, &failed, json!({})).await;
    assert_eq!(tasks(&st2, id(&fresh)).await, ["other succeeded"]);
}
