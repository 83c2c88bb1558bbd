//! Python actions, each test run twice: with an interpreter of their own, and forked from a warm one.

mod ends;
mod faults;
mod places;
mod versions;

use crate::support::{
    daemon::{Home, Starting, TestDaemon},
    processes::eventually,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

/// How actions are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Cold,
    Warm,
}

/// An action with a file of its own, in the pack `pyt`.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
}

/// Its parameters are whatever is given.
const METADATA: &str = "runner_type: python-script\nenabled: true\nparameters:\n  value: {}\n";

/// Tells the number of the process it was started by.
const PARENT: Script = Script {
    name: "parent",
    code: "import os\nclass Tell:\n    def __init__(self, config=None, action_service=None): pass\n    def run(self, value=None): return os.getppid()\n",
};

/// A daemon to be, with a pack of these actions and a virtualenv for it.
pub(super) fn starting(way: Way, scripts: &[Script]) -> (Starting, Home) {
    let home = Home::new();
    let data = home.data_dir();
    write(
        &data,
        "packs/pyt/pack.yaml",
        "name: pyt\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n",
    );
    for script in scripts.iter().chain([&PARENT]) {
        let name = script.name;
        write(&data, &format!("packs/pyt/actions/{name}.py"), script.code);
        let metadata = format!("name: {name}\nentry_point: {name}.py\n{METADATA}");
        write(&data, &format!("packs/pyt/actions/{name}.yaml"), &metadata);
    }
    virtualenv(&data.join("virtualenvs/pyt"));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!("actionrunner.python_warm = {}", way == Way::Warm);
    (TestDaemon::start().with_home(&home).with_config(&config), home)
}

/// Such a daemon; when it is to run actions warm, one whose interpreter waits already.
pub(super) async fn daemon(way: Way, scripts: &[Script]) -> TestDaemon {
    let st2 = starting(way, scripts).0.await;
    if way == Way::Warm {
        warmed_up(&st2).await;
    }
    st2
}

/// Waits until actions of the pack are forked from an interpreter that waits.
pub(super) async fn warmed_up(st2: &TestDaemon) {
    eventually("a warm interpreter", Duration::from_secs(30), async || {
        let ended = st2.run("pyt.parent", json!({})).await;
        assert_eq!(ended["status"], "succeeded", "{ended:#}");
        (ended["result"]["result"] != json!(st2.pid())).then_some(())
    })
    .await;
}

pub(super) fn write(base: &Path, path: &str, text: &str) {
    let path = base.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(super) fn virtualenv(path: &Path) {
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(path).status().unwrap();
    assert!(made.success());
}

/// Runs an action of the pack.
pub(super) async fn run(st2: &TestDaemon, name: &str, value: Value) -> Value {
    st2.run(&format!("pyt.{name}"), json!({"value": value})).await
}
