//! Workflows: whole runs of them through the API.

mod chains;
mod control;
mod crash;
mod examples;
mod faults;
mod nested;
mod replay;
mod rerun;
mod runs;

use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

/// Two tasks in a row; the first lasts until a file is there.
pub(super) const WAITS: &str = "
version: 1.0
input: [file]
tasks:
  first:
    action: core.local
    input:
      cmd: while ! test -e <% ctx(file) %>; do sleep 0.05; done
      timeout: 50
    next:
      - do: second
  second:
    action: core.noop
";

/// The metadata of workflows that are told of a file.
pub(super) const FILE: &str = "parameters:\n  file: {type: string}";

/// A workflow of the pack `flow`: its name, lines added to its metadata, its definition.
pub(super) type Workflow<'a> = (&'a str, &'a str, &'a str);

/// A home with a pack `flow` of these workflows.
pub(super) fn home(workflows: &[Workflow<'_>]) -> Home {
    let home = Home::new();
    let pack = home.data_dir().join("packs/flow");
    put(
        &pack.join("pack.yaml"),
        "ref: flow\nname: flow\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n",
    );
    for (name, more, definition) in workflows {
        write(&home, name, more, definition);
    }
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    home
}

/// Writes, or writes anew, a workflow of the pack.
fn write(home: &Home, name: &str, more: &str, definition: &str) {
    let actions = home.data_dir().join("packs/flow/actions");
    let metadata =
        format!("name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\n{more}\n");
    put(&actions.join(format!("{name}.yaml")), &metadata);
    put(&actions.join(format!("workflows/{name}.yaml")), definition);
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A daemon with these workflows.
async fn daemon(workflows: &[Workflow<'_>]) -> TestDaemon {
    TestDaemon::start().with_home(&home(workflows)).await
}

/// Begins the workflow and waits until its first task runs.
async fn begun(st2: &TestDaemon, name: &str, file: &Path) -> String {
    let id = st2.request_action(&format!("flow.{name}"), json!({"file": file})).await;
    eventually("the first task runs", Duration::from_secs(30), async || {
        tasks(st2, &id).await.contains(&"first running".to_owned()).then_some(())
    })
    .await;
    id
}

/// The executions that an execution asked for, oldest first.
pub(super) async fn children(st2: &TestDaemon, id: &str) -> Vec<Value> {
    let list = st2.get(&format!("/v1/executions?parent={id}&sort_asc=true&limit=-1")).await.expect(200);
    list.as_array().unwrap().clone()
}

/// The names of the tasks that ran, in order, each with its status.
pub(super) async fn tasks(st2: &TestDaemon, id: &str) -> Vec<String> {
    let name = |child: &Value| {
        let of = &child["context"]["orquesta"];
        let item = of["item_id"].as_u64().map_or_else(String::new, |item| format!("[{item}]"));
        format!("{}{item} {}", of["task_name"].as_str().unwrap(), child["status"].as_str().unwrap())
    };
    children(st2, id).await.iter().map(name).collect()
}

fn id(execution: &Value) -> &str {
    execution["id"].as_str().unwrap()
}

/// Asks something of a workflow.
async fn ask(st2: &TestDaemon, id: &str, status: &str) -> Value {
    st2.put(&format!("/v1/executions/{id}"), serde_json::json!({"status": status})).await.expect(200)
}
