//! Runs from start to end: sequences, joins, items, retries, delays, and what fails.

use super::{children, daemon, id, tasks};
use crate::support::executions::history;
use serde_json::{Value, json};

const SEQUENCE: &str = "
version: 1.0
input:
  - who
  - greeting: hello
vars:
  - said: []
output:
  - said: <% ctx(said) %>
  - shout: '{{ ctx().text | upper }}'
tasks:
  first:
    action: core.local cmd=\"echo <% ctx(greeting) %> <% ctx(who) %>\"
    next:
      - when: <% succeeded() %>
        publish:
          - text: <% result().stdout %>
          - said: <% ctx(said).append(result().return_code) %>
        do: second
  second:
    action: core.noop
    next:
      - publish: said=<% ctx(said).append(task(first).result.stdout) %>
        do: third
  third: {delay: 0}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_ends_with_its_output_and_its_children_know_their_place() {
    let parameters = "parameters:\n  who: {type: string, required: true}";
    let st2 = daemon(&[("sequence", parameters, SEQUENCE)]).await;
    let ended = st2.run("flow.sequence", json!({"who": "Ann"})).await;
    assert_eq!(
        ended["result"],
        json!({"output": {"said": [0, "hello Ann"], "shout": "HELLO ANN"}}),
        "{ended}"
    );
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "succeeded"]);
    let workflow = ended["context"]["workflow_execution"].as_str().unwrap();
    let ran = children(&st2, id(&ended)).await;
    assert_eq!(ended["children"], json!([ran[0]["id"], ran[1]["id"]]));
    assert_eq!(tasks(&st2, id(&ended)).await, ["first succeeded", "second succeeded"]);
    let context = &ran[0]["context"];
    assert_eq!(context["parent"], json!({"execution_id": ended["id"], "user": "st2admin", "pack": "flow"}));
    assert_eq!((&context["pack"], &context["user"]), (&json!("core"), &json!("st2admin")));
    let orquesta = &context["orquesta"];
    assert_eq!(orquesta["workflow_execution_id"], workflow);
    assert_eq!((&orquesta["task_name"], &orquesta["task_route"]), (&json!("first"), &json!(0)));
    assert_eq!(ran[0]["task_execution"], orquesta["task_execution_id"]);
    assert_eq!(ran[0]["workflow_execution"], workflow);
    let said = String::from_utf8(st2.output(id(&ended)).await).unwrap();
    for line in [
        format!("Workflow execution \"{workflow}\" is created.\n"),
        "Identified the following set of tasks to execute next: first (route 0)\n".to_owned(),
        "The workflow execution is completed with status \"succeeded\".\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{said}");
    }
}

const FORK: &str = "
version: 1.0
tasks:
  begin:
    action: core.noop
    next:
      - do: [left, right]
  left:
    action: core.local cmd=\"echo 1\"
    next:
      - publish: a=<% result().stdout %>
        do: meet
  right:
    action: core.noop
    next:
      - publish: b=2
        do: meet
  meet:
    join: all
    action: core.local
    input:
      cmd: echo <% ctx(a) + ctx(b) %>
    next:
      - publish: sum=<% result().stdout %>
output:
  - sum: <% ctx(sum) %>
";

const ITEMS: &str = "
version: 1.0
input:
  - count
  - limit: null
tasks:
  each:
    with:
      items: <% range(ctx(count)).toList() %>
      concurrency: <% ctx(limit) %>
    action: core.local
    input:
      cmd: echo <% item() %>
    next:
      - publish: all=<% result().select($.stdout) %>
output:
  - all: <% ctx(all) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn branches_meet_and_items_keep_their_order() {
    let parameters = "parameters:\n  count: {type: integer}\n  limit: {type: integer}";
    let st2 = daemon(&[("fork", "", FORK), ("items", parameters, ITEMS)]).await;
    let ended = st2.run("flow.fork", json!({})).await;
    assert_eq!(ended["result"], json!({"output": {"sum": 3}}), "{ended}");
    for (count, limit) in [(5, json!(null)), (7, json!(2)), (0, json!(null)), (3, json!(0))] {
        let ended = st2.run("flow.items", json!({"count": count, "limit": limit})).await;
        let all: Vec<Value> = (0..count).map(|item| json!(item)).collect();
        assert_eq!(ended["result"], json!({"output": {"all": all}}), "{count} {limit}: {ended}");
        assert_eq!(children(&st2, id(&ended)).await.len(), count);
    }
}

const RETRY: &str = "
version: 1.0
input:
  - file
tasks:
  often:
    action: core.local
    input:
      cmd: echo x >> <% ctx(file) %>; test $(wc -l < <% ctx(file) %>) -ge 3
    retry:
      count: 4
    next:
      - when: <% succeeded() %>
        do: late
  late:
    action: core.noop
    delay: 1
";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_tried_again_and_another_waits() {
    let parameters = "parameters:\n  file: {type: string}";
    let st2 = daemon(&[("retry", parameters, RETRY)]).await;
    let file = st2.data_dir().join("tries");
    let ended = st2.run("flow.retry", json!({"file": file})).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(
        tasks(&st2, id(&ended)).await,
        ["often failed", "often failed", "often succeeded", "late succeeded"]
    );
    let late = children(&st2, id(&ended)).await.pop().unwrap();
    assert_eq!(late["delay"], 1000);
    assert_eq!(history(&late), ["requested", "delayed", "scheduled", "running", "succeeded"]);
}

const FAILS: &str = "
version: 1.0
tasks:
  bad:
    action: core.local cmd=\"exit 3\"
  good:
    action: core.noop
output:
  - x: 1
";

const UNKNOWN: &str = "
version: 1.0
input: [what]
tasks:
  lost:
    action: <% ctx(what) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_says_where_and_why() {
    let st2 = daemon(&[
        ("fails", "", FAILS),
        ("unknown", "parameters:\n  what: {type: string}", UNKNOWN),
        ("notify", "", FAILS),
    ])
    .await;
    let ended = st2.run("flow.fails", json!({})).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["result"]["output"], json!({"x": 1}));
    let error = &ended["result"]["errors"][0];
    assert_eq!((&error["type"], &error["task_id"]), (&json!("error"), &json!("bad")));
    assert_eq!(error["message"], "Execution failed. See result for details.");
    assert_eq!(error["result"]["return_code"], 3);

    let ended = st2.run("flow.unknown", json!({"what": "no.such"})).await;
    let error = json!({
        "type": "error", "task_id": "lost", "route": 0,
        "message": "InvalidActionReferencedException: Unable to find action \"no.such\".",
    });
    assert_eq!(ended["result"], json!({"output": null, "errors": [error]}), "{ended}");

    let ended = st2.run("flow.notify", json!({"notify": ["good", "gone", "lost"]})).await;
    let message =
        "The following tasks in the notify parameter do not exist in the workflow definition: gone, lost.";
    assert_eq!(ended["result"], json!({"errors": [{"message": message}], "output": null}), "{ended}");
}
