//! What goes wrong around workflows: daemons killed while somebody is asked, definitions that vanish, tasks of inner
//! workflows that run again, notifications that are handed on.

use super::{FILE, WAITS, ask, begun, children, daemon, home, id, tasks};
use crate::support::{daemon::TestDaemon, processes::eventually};
use serde_json::{Value, json};
use std::{fs, time::Duration};

const ASKS: &str = "
version: 1.0
tasks:
  ask:
    action: core.ask
    next:
      - when: <% succeeded() %>
        publish: said=<% result().response.word %>
        do: after
  beside: {action: core.noop, next: [{do: after}]}
  after: {join: all, action: core.noop}
output:
  - said: <% ctx().get(said) %>
";

const AROUND: &str = "
version: 1.0
tasks:
  below: {action: flow.asks, next: [{publish: 'said=<% result().output.said %>', do: after}]}
  after: {action: core.noop}
output:
  - said: <% ctx().get(said) %>
";

/// The question that an inner workflow asks, once it is asked, and that workflow.
async fn question(st2: &TestDaemon, outer: &str) -> (String, String) {
    eventually("a question is asked within", Duration::from_secs(30), async || {
        let inner = children(st2, outer).await.first().map(|inner| id(inner).to_owned())?;
        let asked = children(st2, &inner).await.into_iter().find(|child| child["status"] == "pending")?;
        Some((id(&asked).to_owned(), inner))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_though_the_daemon_was_killed_after_it_asked() {
    let home = home(&[("asks", "", ASKS), ("around", "", AROUND)]);
    let mut st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let outer = st2.request_action("flow.around", json!({})).await;
    let (asked, inner) = question(&st2, &outer).await;
    st2.wait_for(&inner, &["paused"]).await;
    st2.wait_for(&outer, &["paused"]).await;
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let answer = |word: &str| json!({"id": asked, "response": {"continue": true, "word": word}});
    let path = format!("/v1/inquiries/{asked}");
    let (one, other) = tokio::join!(st2.put(&path, answer("yes")), st2.put(&path, answer("no")));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{one:?} {other:?}");
    let said = if one.status == 200 { "yes" } else { "no" };
    let ended = st2.wait_for_end(&outer).await;
    assert_eq!(ended["result"], json!({"output": {"said": said}}), "{ended:#}");
    let mut ran = tasks(&st2, &inner).await;
    ran.sort();
    assert_eq!(ran, ["after succeeded", "ask succeeded", "beside succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_while_all_rests_leaves_inner_and_outer_to_be_canceled_or_resumed() {
    let home = home(&[("asks", "", ASKS), ("around", "", AROUND)]);
    let mut st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let outer = st2.request_action("flow.around", json!({})).await;
        let (asked, inner) = question(&st2, &outer).await;
        st2.wait_for(&outer, &["paused"]).await;
        runs.push((outer, inner, asked));
    }
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let [(outer, inner, _), (resumed, _, asked)] = &runs[..] else { panic!("{runs:?}") };
    st2.delete(&format!("/v1/executions/{outer}")).await.expect(200);
    assert_eq!(st2.wait_for_end(outer).await["status"], "canceled");
    assert_eq!(st2.wait_for_end(inner).await["status"], "canceled");
    // A resume while the question is open goes as far as it can; the answer does the rest.
    ask(&st2, resumed, "resuming").await;
    let answer = json!({"id": asked, "response": {"continue": true, "word": "on"}});
    st2.put(&format!("/v1/inquiries/{asked}"), answer).await.expect(200);
    assert_eq!(st2.wait_for_end(resumed).await["result"], json!({"output": {"said": "on"}}));
}

const LAST: &str = "version: 1.0\ntasks:\n  only: {action: core.noop}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_vanishes_ends_what_begins_later_and_nothing_else() {
    let waits = WAITS.replace("core.noop", "flow.last");
    let st2 = daemon(&[("waits", FILE, &waits), ("last", "", LAST)]).await;
    let file = st2.data_dir().join("go");
    let workflow = begun(&st2, "waits", &file).await;
    let workflows = st2.data_dir().join("packs/flow/actions/workflows");
    fs::remove_file(workflows.join("waits.yaml")).unwrap();
    fs::remove_file(workflows.join("last.yaml")).unwrap();
    fs::write(&file, "").unwrap();
    let ended = st2.wait_for_end(&workflow).await;
    // The first task was known; the inner workflow could not be read when its turn came.
    assert_eq!(tasks(&st2, &workflow).await, ["first succeeded", "second failed"], "{ended:#}");
    assert_eq!(ended["status"], "failed");
    let inner = &children(&st2, &workflow).await[1];
    let inner = st2.get(&format!("/v1/executions/{}", id(inner))).await.expect(200);
    let why = inner["result"].to_string();
    assert!(why.contains("last.yaml"), "{why}");
}

const OUTER: &str = "
version: 1.0
input: [file]
tasks:
  before: {action: core.noop, next: [{do: below}]}
  below:
    action: flow.inner
    input: {file: <% ctx(file) %>}
    next: [{when: <% succeeded() %>, publish: 'got=<% result().output.got %>'}]
output:
  - got: <% ctx().get(got) %>
";
const INNER: &str = "
version: 1.0
input: [file]
tasks:
  first:
    action: core.local cmd=\"echo 7\"
    next: [{when: <% succeeded() %>, publish: 'got=<% result().stdout %>', do: second}]
  second:
    action: core.local
    input: {cmd: test -e <% ctx(file) %>}
output:
  - got: <% ctx().get(got) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_within_an_inner_workflow_runs_again_and_so_does_the_task_around_it() {
    let st2 = daemon(&[("outer", FILE, OUTER), ("inner", FILE, INNER)]).await;
    let file = st2.data_dir().join("go");
    let failed = st2.run("flow.outer", json!({"file": file})).await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let inner = children(&st2, id(&failed)).await.pop().unwrap();
    assert_eq!(tasks(&st2, id(&inner)).await, ["first succeeded", "second failed"]);
    fs::write(&file, "").unwrap();
    let again = async |execution: &str, task: &str| {
        let body = json!({"tasks": [task], "reset": [task]});
        let new = st2.post(&format!("/v1/executions/{execution}/re_run"), body).await.expect(201);
        st2.wait_for_end(id(&new)).await
    };
    // By itself: only its second task, with what the first one published.
    let ended = again(id(&inner), "second").await;
    assert_eq!(ended["result"], json!({"output": {"got": 7}}), "{ended:#}");
    assert_eq!(tasks(&st2, id(&ended)).await, ["second succeeded"]);
    // The outer one has ended, and stays as it is.
    let outer = st2.get(&format!("/v1/executions/{}", id(&failed))).await.expect(200);
    assert_eq!((&outer["status"], &outer["result"]), (&failed["status"], &failed["result"]));
    // From the outside: the whole inner workflow.
    let ended = again(id(&failed), "below").await;
    assert_eq!(ended["result"], json!({"output": {"got": 7}}), "{ended:#}");
    assert_eq!(tasks(&st2, id(&ended)).await, ["below succeeded"]);
}

const TELLS: &str = "
version: 1.0
tasks:
  told: {action: core.noop, next: [{do: untold}]}
  untold: {action: core.noop}
";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_tasks_that_are_named_notify_as_their_workflow_does() {
    let st2 = daemon(&[("tells", "", TELLS)]).await;
    let notify = json!({"on-complete": {"routes": ["ops"], "message": "done"}});
    let parameters = json!({"notify": ["told"]});
    let body = json!({"action": "flow.tells", "parameters": parameters, "notify": notify});
    let new = st2.post("/v1/executions", body).await.expect(201);
    let ended = st2.wait_for_end(id(&new)).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    let mut notifies = Vec::new();
    for child in children(&st2, id(&ended)).await {
        let child: Value = st2.get(&format!("/v1/executions/{}", id(&child))).await.expect(200);
        let has = child["liveaction"]["notify"]["on-complete"]["routes"] == json!(["ops"]);
        notifies.push((child["context"]["orquesta"]["task_name"].as_str().unwrap().to_owned(), has));
    }
    assert_eq!(notifies, [("told".to_owned(), true), ("untold".to_owned(), false)]);
    let body = json!({"action": "flow.tells", "parameters": {"notify": ["gone"]}});
    let new = st2.post("/v1/executions", body).await.expect(201);
    let ended = st2.wait_for_end(id(&new)).await;
    let message =
        "The following tasks in the notify parameter do not exist in the workflow definition: gone.";
    assert_eq!(ended["result"], json!({"errors": [{"message": message}], "output": null}), "{ended:#}");
}

const STILLBORN: &str = "
version: 1.0
input: [{name: <% abs(8).value %>}]
tasks:
  only: {action: core.noop, next: [{publish: 'got=<% 1 %>'}]}
output:
  - got: <% ctx().got %>
";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_fails_before_it_begins_gives_nothing_and_names_that_fault_alone() {
    let st2 = daemon(&[("stillborn", "", STILLBORN)]).await;
    let ended = st2.run("flow.stillborn", json!({})).await;
    assert_eq!((&ended["status"], &ended["result"]["output"]), (&json!("failed"), &Value::Null));
    let errors = ended["result"]["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0]["message"].as_str().unwrap().contains("#property#value"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_runs_though_its_pack_is_not_registered_if_the_files_are_there() {
    let st2 = daemon(&[]).await;
    let pack = st2.data_dir().join("packs/late");
    fs::create_dir_all(pack.join("actions")).unwrap();
    fs::write(pack.join("actions/only.yaml"), LAST).unwrap();
    let body = json!({"name": "only", "pack": "late", "runner_type": "orquesta", "entry_point": "only.yaml"});
    st2.post("/v1/actions", body).await.expect(201);
    assert_eq!(st2.run("late.only", json!({})).await["status"], "succeeded");
    fs::remove_dir_all(pack).unwrap();
    let why = st2.run("late.only", json!({})).await["result"].to_string();
    assert!(why.contains("neither registered nor on disk"), "{why}");
}

const HUGE: &str = "
version: 1.0
tasks:
  first:
    action: core.local
    input: {cmd: head -c 3000000 /dev/zero | tr '\\0' x}
    next: [{when: <% succeeded() %>, publish: 'text=<% result().stdout %>', do: second}]
  second:
    action: core.echo
    input: {message: <% str(ctx(text).len()) %>}
    next: [{when: <% succeeded() %>, publish: 'size=<% result().stdout %>'}]
output:
  - size: <% ctx(size) %>
  - text: <% ctx(text) %>
";

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_result_is_handed_on_whole() {
    let st2 = daemon(&[("huge", "", HUGE)]).await;
    let workflow = st2.request_action("flow.huge", json!({})).await;
    let ended = st2.wait_for_end(&workflow).await;
    let output = &ended["result"]["output"];
    assert_eq!((&ended["status"], &output["size"]), (&json!("succeeded"), &json!(3_000_000)));
    assert!(
        output["text"]
            .as_str()
            .is_some_and(|text| text.len() == 3_000_000 && text.bytes().all(|b| b == b'x'))
    );
}
