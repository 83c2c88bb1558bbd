//! `GET /executions/{id}/why`: the story of an execution.

use crate::support::daemon::{Home, TestDaemon};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A command that runs until there is such a file.
fn until(gate: &Path) -> String {
    format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display())
}

async fn story(st2: &TestDaemon, id: &str) -> Value {
    st2.get(&format!("/v1/executions/{id}/why")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_says_why_it_stands_where_it_stands() {
    let st2 = TestDaemon::start().await;
    let policy = json!({"name": "one", "pack": "demo", "resource_ref": "core.local",
        "policy_type": "action.concurrency", "parameters": {"threshold": 1}});
    st2.post("/v1/policies", policy).await.expect(201);
    let gate = st2.data_dir().join("gate");
    let cmd = format!("{}; echo oh >&2; exit 4", until(&gate));
    let first = st2.request_action("core.local", json!({"cmd": cmd})).await;
    st2.wait_for(&first, &["running"]).await;
    let second = st2.request_action("core.local", json!({"cmd": "true"})).await;
    st2.wait_for(&second, &["delayed"]).await;
    let told = story(&st2, &second).await;
    let now = "It waits for room: the policy demo.one lets 1 run at a time; nobody is before it.";
    assert_eq!(told["now"], now, "{told}");
    assert_eq!(told["steps"][0]["what"], "st2admin asked for core.local.");
    let next = [format!("st2 execution why {first}"), "st2 policy get demo.one".to_owned()];
    assert_eq!(told["next"].as_array().unwrap()[..2], next.map(Value::from));

    std::fs::write(&gate, "").unwrap();
    st2.wait_for_end(&first).await;
    let told = story(&st2, &first).await;
    assert_eq!(told["now"], "It failed: it returned 4 and said: oh.", "{told}");
    assert_eq!(st2.wait_for_end(&second).await["status"], "succeeded");
    assert_eq!(st2.get("/v1/executions/000000000000000000000000/why").await.status, 404);
}

/// A home with a pack of one workflow that runs one command.
fn home(gate: &Path) -> Home {
    let home = Home::new();
    let pack = home.data_dir().join("packs/flow");
    let files: [(PathBuf, String); 3] = [
        (
            pack.join("pack.yaml"),
            "ref: flow\nname: flow\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n".to_owned(),
        ),
        (
            pack.join("actions/waits.yaml"),
            "name: waits\nrunner_type: orquesta\nentry_point: workflows/waits.yaml\n".to_owned(),
        ),
        (
            pack.join("actions/workflows/waits.yaml"),
            format!(
                "version: 1.0\ntasks:\n  slow:\n    action: core.local\n    input:\n      cmd: {}; exit 1\n",
                until(gate)
            ),
        ),
    ];
    for (path, text) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_tells_whom_it_waits_for_and_by_whom_it_failed() {
    let directory = tempfile::tempdir().unwrap();
    let gate = directory.path().join("gate");
    let st2 = TestDaemon::start().with_home(&home(&gate)).await;
    let parent = st2.request_action("flow.waits", json!({})).await;
    let child =
        crate::support::processes::eventually("a child", std::time::Duration::from_secs(60), async || {
            let found = st2.get(&format!("/v1/executions?parent={parent}&status=running")).await.expect(200);
            found[0]["id"].as_str().map(str::to_owned)
        })
        .await;
    let told = story(&st2, &parent).await;
    let now = told["now"].as_str().unwrap();
    assert!(now.ends_with(" and waits for slow (which is running)."), "{told}");
    assert_eq!(told["next"][0], format!("st2 execution why {child}"));
    let told = story(&st2, &child).await;
    let asked = "The workflow flow.waits, which is running, asked for it for its task slow.";
    assert_eq!(told["steps"][0]["what"], asked);
    assert_eq!(told["steps"][0]["command"], format!("st2 execution why {parent}"));

    fs::write(&gate, "").unwrap();
    assert_eq!(st2.wait_for_end(&parent).await["status"], "failed");
    let told = story(&st2, &parent).await;
    assert!(told["now"].as_str().unwrap().starts_with("It failed: "), "{told}");
    assert_eq!(told["next"][0], format!("st2 execution why {child}"));
}
