//! Action chains: their results, what fails in them, and how they rest, stop and go on.

use super::{children, id, put};
use crate::support::{
    daemon::{Home, TestDaemon},
    executions::history,
    processes::eventually,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

/// A home with a pack `flow` of these chains: name, parameters, definition.
fn home(chains: &[(&str, &str, &str)]) -> Home {
    let home = Home::new();
    let pack = home.data_dir().join("packs/flow");
    put(
        &pack.join("pack.yaml"),
        "ref: flow\nname: flow\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n",
    );
    for (name, parameters, definition) in chains {
        let metadata = format!(
            "name: {name}\nrunner_type: action-chain\nentry_point: chains/{name}.yaml\nparameters: {parameters}\n"
        );
        put(&pack.join(format!("actions/{name}.yaml")), &metadata);
        put(&pack.join(format!("actions/chains/{name}.yaml")), definition);
    }
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    home
}

async fn daemon(chains: &[(&str, &str, &str)]) -> TestDaemon {
    TestDaemon::start().with_home(&home(chains)).await
}

/// The nodes in a result, each with its state.
fn nodes(execution: &Value) -> Vec<String> {
    let tasks = execution["result"]["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named =
        |task: &Value| format!("{} {}", task["name"].as_str().unwrap(), task["state"].as_str().unwrap());
    tasks.iter().map(named).collect()
}

/// The first execution that a chain asks for, once it is there.
async fn first(st2: &TestDaemon, chain: &str) -> String {
    eventually("a chain's first child", Duration::from_secs(60), async || {
        children(st2, chain).await.first().map(|child| id(child).to_owned())
    })
    .await
}

async fn set(st2: &TestDaemon, id: &str, status: &str) -> Value {
    st2.put(&format!("/v1/executions/{id}"), json!({"status": status})).await.expect(200)
}

const PASSES_ON: &str = "
vars:
  word: '{{ who }} and others'
chain:
  - {name: first, ref: core.local, parameters: {cmd: 'echo {{ word }}'}, on-success: second,
     publish: {said: '{{ first.stdout }}', codes: ['{{ first.return_code }}']}}
  - {name: second, ref: core.local, params: {cmd: 'echo {{ said }}; exit 3', timeout: '{{ limit }}'}, on-failure: mends}
  - {name: mends, ref: core.local,
     parameters: {cmd: 'echo {{ second.return_code }} {{ action_context.parent.pack }} {{ codes }}'}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_passes_on_what_its_nodes_found_and_a_node_mends_what_another_broke() {
    let parameters = "{who: {type: string, required: true}, limit: {type: string, default: '30'}}";
    let st2 = daemon(&[("passes", parameters, PASSES_ON)]).await;
    let ended = st2.run("flow.passes", json!({"who": "Ann"})).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "succeeded"]);
    assert_eq!(nodes(&ended), ["first succeeded", "second failed", "mends succeeded"]);
    assert_eq!(ended["result"]["published"], json!({"said": "Ann and others", "codes": ["0"]}));
    let tasks = &ended["result"]["tasks"];
    assert_eq!(tasks[2]["result"]["stdout"], "3 flow [0]");
    let ran = children(&st2, id(&ended)).await;
    for (task, child) in tasks.as_array().unwrap().iter().zip(&ran) {
        assert_eq!(
            (&task["execution_id"], &task["liveaction_id"], &task["result"]),
            (&child["id"], &child["liveaction"]["id"], &child["result"])
        );
    }
    assert_eq!(ran[1]["parameters"]["timeout"], 30);
    let context = &ran[0]["context"];
    assert_eq!(context["parent"], json!({"execution_id": ended["id"], "user": "st2admin", "pack": "flow"}));
    assert_eq!(context["chain"]["parameters"], json!({"cmd": "echo {{ word }}"}));
    let bare = st2.run("flow.passes", json!({"who": "Ann", "display_published": false})).await;
    assert_eq!(bare["result"].get("published"), None);
}

const TELLS: &str = "
chain:
  - {name: own, ref: core.noop, on-success: as_chain,
     notify: {on-complete: {routes: [own], message: 'own {{ action_results.return_code }}'}}}
  - {name: as_chain, ref: core.noop, on-success: skipped}
  - {name: skipped, ref: core.noop, on-success: also_skipped}
  - {name: also_skipped, ref: core.noop, on-success: breaks, notify: {on-complete: {routes: [own]}}}
  - {name: breaks, ref: core.local, parameters: {cmd: exit 1},
     notify: {on-success: {routes: [good]}, on-failure: {routes: [bad]}}}
";

/// Route, execution and message of what was told, in the order of executions; once no end waits to be followed.
async fn told(st2: &TestDaemon) -> Vec<(String, String, String)> {
    let mut database = st2.database().connect().await;
    eventually("all ends are followed", Duration::from_secs(60), async || {
        let waiting: i64 =
            sqlx::query_scalar("SELECT count(*) FROM execution_ends").fetch_one(&mut database).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    let path = "/v1/triggerinstances?trigger=core.st2.generic.notifytrigger&limit=100";
    let found = st2.get(path).await.expect(200);
    let text = |event: &Value, key: &str| event["payload"][key].as_str().unwrap().to_owned();
    let one = |event| (text(event, "execution_id"), text(event, "route"), text(event, "message"));
    let mut all: Vec<_> = found.as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_tell_as_they_say_or_as_their_chain_does_but_for_those_that_are_skipped() {
    let st2 = daemon(&[("tells", "{}", TELLS)]).await;
    let run = async |parameters: Value, notify: Value| {
        let body = json!({"action": "flow.tells", "parameters": parameters, "notify": notify});
        let requested = st2.post("/v1/executions", body).await.expect(201);
        let ended = st2.wait_for_end(requested["id"].as_str().unwrap()).await;
        assert_eq!(ended["status"], "failed", "{ended:#}");
        ended
    };
    let skip = json!({"skip_notify": ["skipped", "also_skipped"]});
    let chain = run(skip, json!({"on-complete": {"routes": ["ops"], "message": "chain"}})).await;
    let ran = children(&st2, id(&chain)).await;
    let notifies: Vec<&Value> =
        ran.iter().map(|child| child["liveaction"].get("notify").unwrap_or(&Value::Null)).collect();
    assert_eq!(notifies[0]["on-complete"]["routes"], json!(["own"]));
    assert_eq!(notifies[1]["on-complete"]["routes"], json!(["ops"]));
    for skipped in &notifies[2..4] {
        assert!(skipped.as_object().is_none_or(serde_json::Map::is_empty), "{skipped}");
    }
    let mut expected = vec![
        (id(&chain).to_owned(), "ops".to_owned(), "chain".to_owned()),
        (id(&ran[0]).to_owned(), "own".to_owned(), "own 0".to_owned()),
        (id(&ran[1]).to_owned(), "ops".to_owned(), "chain".to_owned()),
        (id(&ran[4]).to_owned(), "bad".to_owned(), "Action core.local failed.".to_owned()),
    ];
    expected.sort();
    assert_eq!(told(&st2).await, expected);

    // A chain that tells nothing has nothing to pass on.
    let before = told(&st2).await;
    let quiet = run(json!({}), json!({})).await;
    let ran = children(&st2, id(&quiet)).await;
    let mut routes: Vec<_> = told(&st2).await.into_iter().filter(|it| !before.contains(it)).collect();
    routes.sort();
    let routes: Vec<(&str, &str)> =
        routes.iter().map(|(id, route, _)| (id.as_str(), route.as_str())).collect();
    assert_eq!(routes, [(id(&ran[0]), "own"), (id(&ran[3]), "own"), (id(&ran[4]), "bad")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_says_why() {
    let one =
        |node: &str| format!("chain: [{{name: c1, {node}, on-failure: c2}}, {{name: c2, ref: core.noop}}]");
    let cases = [
        (
            one("ref: no.such"),
            "Failed to run task \"c1\". Action with reference \"no.such\" doesn't exist.. Task :: c1 - Action with ref \
             no.such not registered.",
        ),
        (
            one("ref: core.local, parameters: {cmd: '{{ nobody }}'}"),
            "Failed to run task \"c1\". Parameter rendering failed.. Failed rendering value for action parameter \"cmd\" in \
             task \"c1\" (template string={{ nobody }}): 'nobody' is undefined",
        ),
        (
            format!("vars: {{a: '{{{{ nobody }}}}'}}\n{}", one("ref: core.noop")),
            "Failed initializing ``vars`` in chain.. 'nobody' is undefined",
        ),
        (
            "chain: [{name: c1, ref: core.noop, on-success: c9}]".to_owned(),
            "Unable to find node with name \"c9\" referenced in \"on-success\" in task \"c1\".",
        ),
        (
            one("ref: core.noop, publish: {p: '{{ nobody }}'}"),
            "Failed rendering value for publish parameter \"p\" in task \"c1\" (template string={{ nobody }}): 'nobody' is \
             undefined",
        ),
        ("chain: []".to_owned(), "Failed to find default node in f5."),
    ];
    let names: Vec<String> = (0..cases.len()).map(|number| format!("f{number}")).collect();
    let chains: Vec<_> =
        names.iter().zip(&cases).map(|(name, (text, _))| (name.as_str(), "{}", text.as_str())).collect();
    let st2 = daemon(&chains).await;
    for (name, (_, expected)) in names.iter().zip(&cases) {
        let ended = st2.run(&format!("flow.{name}"), json!({})).await;
        assert_eq!(
            (&ended["status"], &ended["result"]["error"]),
            (&json!("failed"), &json!(expected)),
            "{ended:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_refused_is_a_failed_node() {
    let chain = "chain: [{name: c1, ref: core.local, parameters: {nope: 1}, on-failure: c2}, {name: c2, ref: core.noop}]";
    let st2 = daemon(&[("refused", "{}", chain)]).await;
    let ended = st2.run("flow.refused", json!({})).await;
    assert_eq!(nodes(&ended), ["c1 failed", "c2 succeeded"], "{ended:#}");
    let first = &ended["result"]["tasks"][0];
    assert_eq!(first["execution_id"], Value::Null);
    let why = first["result"]["error"].as_str().unwrap();
    assert!(why.starts_with("Failed running task \"c1\".. "), "{why}");
    assert_eq!(ended["status"], "succeeded");
}

/// Waits for a file to go; then says something.
const WAITS: &str = "
chain:
  - {name: waits, ref: core.local, parameters: {cmd: 'while [ -e {{ file }} ]; do sleep 0.05; done; echo gone'},
     publish: {seen: '{{ waits.stdout | default(1) }}'}, on-success: says}
  - {name: says, ref: core.local, parameters: {cmd: 'echo {{ seen }}'}}
";
const OUTER: &str = "
chain:
  - {name: inner, ref: flow.waits, parameters: {file: '{{ file }}'}, on-success: after}
  - {name: after, ref: core.noop}
";
const FILE: &str = "{file: {type: string, required: true}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_rests_between_two_nodes_and_keeps_its_variables() {
    let st2 = daemon(&[("waits", FILE, WAITS)]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let chain = st2.request_action("flow.waits", json!({"file": file.path()})).await;
    let running = st2.wait_for(&chain, &["running"]).await;
    assert_eq!(set(&st2, id(&running), "pausing").await["status"], "pausing");
    drop(file);
    let paused = st2.wait_for(&chain, &["paused"]).await;
    assert_eq!(nodes(&paused), ["waits succeeded"]);
    assert_eq!(paused["context"]["vars"], json!({"seen": "gone"}));
    set(&st2, &chain, "resuming").await;
    let ended = st2.wait_for_end(&chain).await;
    assert_eq!(nodes(&ended), ["waits succeeded", "says succeeded"], "{ended:#}");
    assert_eq!(ended["result"]["tasks"][1]["result"]["stdout"], "gone");
    assert_eq!(
        history(&ended),
        ["requested", "scheduled", "running", "pausing", "paused", "resuming", "running", "succeeded"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_reaches_the_chain_within_and_so_does_a_resume() {
    let st2 = daemon(&[("waits", FILE, WAITS), ("outer", FILE, OUTER)]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let chain = st2.request_action("flow.outer", json!({"file": file.path()})).await;
    st2.wait_for(&chain, &["running"]).await;
    let inner = first(&st2, &chain).await;
    st2.wait_for(&inner, &["running"]).await;
    set(&st2, &chain, "pausing").await;
    st2.wait_for(&inner, &["pausing"]).await;
    drop(file);
    let paused = st2.wait_for(&chain, &["paused"]).await;
    assert_eq!(nodes(&paused), ["inner paused"]);
    set(&st2, &chain, "resuming").await;
    let ended = st2.wait_for_end(&chain).await;
    assert_eq!(nodes(&ended), ["inner succeeded", "after succeeded"], "{ended:#}");
    assert_eq!(nodes(&st2.wait_for_end(&inner).await), ["waits succeeded", "says succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_chain_within_after_its_node() {
    let st2 = daemon(&[("waits", FILE, WAITS), ("outer", FILE, OUTER)]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let chain = st2.request_action("flow.outer", json!({"file": file.path()})).await;
    st2.wait_for(&chain, &["running"]).await;
    let inner = first(&st2, &chain).await;
    st2.wait_for(&inner, &["running"]).await;
    st2.delete(&format!("/v1/executions/{chain}")).await.expect(200);
    st2.wait_for(&inner, &["canceling"]).await;
    drop(file);
    assert_eq!(st2.wait_for_end(&inner).await["status"], "canceled");
    let ended = st2.wait_for_end(&chain).await;
    assert_eq!(ended["status"], "canceled", "{ended:#}");
    assert_eq!(children(&st2, &chain).await.len(), 1);
    assert_eq!(children(&st2, &inner).await.len(), 1);
}

const ASKS: &str = "
chain:
  - {name: asks, ref: core.ask, on-success: says, parameters: {schema: {type: object, properties: {word: {type: string}}}}}
  - {name: says, ref: core.local, parameters: {cmd: 'echo {{ asks.response.word }}'}}
";
const AROUND: &str = "chain: [{name: inner, ref: flow.asks}]";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_wakes_all_chains_around_its_question_also_after_a_restart() {
    let home = home(&[("asks", "{}", ASKS), ("around", "{}", AROUND)]);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let chain = st2.request_action("flow.around", json!({})).await;
    let paused = st2.wait_for(&chain, &["paused"]).await;
    assert_eq!(nodes(&paused), ["inner paused"]);
    let inner = first(&st2, &chain).await;
    assert_eq!(nodes(&st2.wait_for(&inner, &["paused"]).await), ["asks pending"]);
    let question = first(&st2, &inner).await;
    assert!(st2.stop().await.success());
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let answer = json!({"id": question, "response": {"word": "yes"}});
    st2.put(&format!("/v1/inquiries/{question}"), answer).await.expect(200);
    let ended = st2.wait_for_end(&chain).await;
    assert_eq!(nodes(&ended), ["inner succeeded"], "{ended:#}");
    let inner = st2.wait_for_end(&inner).await;
    assert_eq!(nodes(&inner), ["asks succeeded", "says succeeded"]);
    assert_eq!(inner["result"]["tasks"][1]["result"]["stdout"], "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_after_the_daemon_was_killed() {
    let home = home(&[("waits", FILE, WAITS), ("outer", FILE, OUTER)]);
    let mut st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let chain = st2.request_action("flow.outer", json!({"file": file.path()})).await;
    st2.wait_for(&chain, &["running"]).await;
    let inner = first(&st2, &chain).await;
    st2.wait_for(&inner, &["running"]).await;
    let ran = first(&st2, &inner).await;
    st2.wait_for(&ran, &["running"]).await;
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    // What ran is lost with the daemon, and said to be; the chain around it ends as that demands.
    let lost = st2.wait_for_end(&ran).await;
    assert_eq!(lost["status"], "abandoned", "{lost:#}");
    assert_eq!(nodes(&st2.wait_for_end(&inner).await), ["waits abandoned"]);
    let ended = st2.wait_for_end(&chain).await;
    assert_eq!((nodes(&ended), &ended["status"]), (vec!["inner failed".to_owned()], &json!("failed")));
}
