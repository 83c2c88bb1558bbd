//! What goes wrong around Python actions: interpreters that die, files that change, modules that start threads.

use super::{Script, Way, daemon, run, starting, virtualenv, warmed_up, write};
use crate::support::{
    daemon::TestDaemon,
    door::Door,
    postgres::TestDatabase,
    processes::{Process, eventually, signal},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::{collections::HashSet, fs, time::Duration};

const WAIT: Script = Script {
    name: "wait",
    code: "import os, time\nfrom st2common.runners.base_action import Action\nclass Wait(Action):\n    def run(self, value):\n        with open(value, 'a') as file: file.write('ran\\n')\n        time.sleep(4260)\n",
};

/// The waiting interpreters of a daemon.
fn interpreters(st2: &TestDaemon) -> Vec<Process> {
    let is_one = |process: &Process| {
        let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("st2_runner/parent.py")
    };
    let children = Process::descendants_of(st2.pid());
    // A fork has its interpreter's command line, but another parent.
    let ours = |process: &&Process| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(st2.pid())
    };
    children.iter().filter(ours).filter(|process| is_one(process)).cloned().collect()
}

async fn parent_of_runs(st2: &TestDaemon) -> Value {
    let ended = run(st2, "parent", Value::Null).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    ended["result"]["result"].clone()
}

/// While its row is stored the action is made ready; it begins when that is done, and not otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_stored_does_not_begin() {
    let touch = Script {
        name: "touch",
        code: "open(__file__ + '.began', 'a').write('x')\nclass It:\n    def __init__(self, config=None, action_service=None): pass\n    def run(self, value=None): return value\n",
    };
    let (starting, home) = starting(Way::Warm, &[touch]);
    let database = TestDatabase::new();
    let door = Door::new();
    let url = database.url_at(door.directory());
    let st2 = starting.with_database(database).with_args(["--database-url", &url]).await;
    warmed_up(&st2).await;
    assert_eq!(run(&st2, "touch", json!(1)).await["status"], "succeeded");
    door.shut();
    for _ in 0..5 {
        let answer = st2.post("/v1/executions", json!({"action": "pyt.touch"})).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    door.open();
    eventually("the database is back", Duration::from_secs(60), async || {
        (st2.post("/v1/executions", json!({"action": "core.noop"})).await.status == 201).then_some(())
    })
    .await;
    assert_eq!(run(&st2, "touch", json!(2)).await["result"]["result"], 2);
    let began = fs::read_to_string(home.data_dir().join("packs/pyt/actions/touch.py.began")).unwrap();
    assert_eq!(began, "xx");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_is_killed_takes_its_runs_along_and_is_replaced() {
    let st2 = daemon(Way::Warm, &[WAIT]).await;
    let mark = st2.data_dir().join("mark");
    let id = st2.request_action("pyt.wait", json!({"value": mark})).await;
    eventually("it runs", Duration::from_secs(30), async || mark.exists().then_some(())).await;
    let waiting = interpreters(&st2);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    signal(waiting[0].pid, Signal::SIGKILL);
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    let error = ended["result"]["error"].as_str().unwrap();
    assert!(error.contains("forked from ended unexpectedly"), "{error}");
    assert_eq!(fs::read_to_string(&mark).unwrap(), "ran\n", "it ran once");
    super::super::shell::nothing_left_of(&id).await;
    warmed_up(&st2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_does_not_answer_is_passed_by() {
    let st2 = daemon(Way::Warm, &[]).await;
    let waiting = interpreters(&st2);
    signal(waiting[0].pid, Signal::SIGSTOP);
    // What it has forked ahead still runs; after that actions start cold.
    let first = parent_of_runs(&st2).await;
    assert!(first == json!(st2.pid()) || first == json!(waiting[0].pid), "{first}");
    assert_eq!(parent_of_runs(&st2).await, json!(st2.pid()), "it ran cold");
    signal(waiting[0].pid, Signal::SIGCONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_actions_at_once_end_well() {
    let st2 = daemon(Way::Warm, &[]).await;
    let mut ids = vec![];
    for _ in 0..40 {
        ids.push(st2.request_action("pyt.parent", json!({})).await);
    }
    for id in ids {
        let ended = st2.wait_for_end(&id).await;
        assert_ne!(ended["result"]["result"], json!(st2.pid()), "{ended:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_is_replaced_when_its_virtualenv_was_made_anew() {
    let st2 = daemon(Way::Warm, &[]).await;
    let before = parent_of_runs(&st2).await;
    let path = st2.data_dir().join("virtualenvs/pyt");
    fs::remove_dir_all(&path).unwrap();
    virtualenv(&path);
    assert_eq!(parent_of_runs(&st2).await, json!(st2.pid()), "the first one runs cold");
    warmed_up(&st2).await;
    assert_ne!(parent_of_runs(&st2).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_ends_when_it_is_not_used() {
    let st2 = starting(Way::Warm, &[]).0.with_config("actionrunner.python_warm_idle = 3").await;
    warmed_up(&st2).await;
    eventually("the end of the interpreter", Duration::from_secs(30), async || {
        interpreters(&st2).is_empty().then_some(())
    })
    .await;
    warmed_up(&st2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_is_replaced_after_so_many_actions() {
    let st2 = starting(Way::Warm, &[]).0.with_config("actionrunner.python_warm_runs = 3").await;
    warmed_up(&st2).await;
    let first = parent_of_runs(&st2).await;
    eventually("another interpreter", Duration::from_secs(30), async || {
        (parent_of_runs(&st2).await != first).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_at_import_and_variables_of_the_interpreter_do_no_harm() {
    const THREADS: Script = Script {
        name: "threads",
        code: "import os, threading, time\nthreading.Thread(target=time.sleep, args=(4261,), daemon=True).start()\nfrom st2common.runners.base_action import Action\nclass Threads(Action):\n    def run(self, value=None):\n        return [threading.active_count() > 1, os.environ.get('PYTHONHASHSEED')]\n",
    };
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[THREADS]).await;
        let ended = st2.run("pyt.threads", json!({"env": {"PYTHONHASHSEED": "5"}})).await;
        assert_eq!(ended["result"]["result"], json!([true, "5"]), "{way:?} {ended:#}");
        let ended = run(&st2, "threads", Value::Null).await;
        assert_eq!(ended["result"]["result"], json!([true, null]), "{way:?} {ended:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_is_replaced_when_it_has_grown_too_large() {
    for (limit, changes) in [(1, true), (1 << 30, false)] {
        let config = format!("actionrunner.python_warm_memory = {limit}");
        let st2 = starting(Way::Warm, &[]).0.with_config(&config).await;
        warmed_up(&st2).await;
        // What the first runs imported may be preloaded into another interpreter, which takes its time to start.
        eventually("an interpreter that nothing replaces", Duration::from_secs(60), async || {
            let first = parent_of_runs(&st2).await;
            for _ in 0..5 {
                if parent_of_runs(&st2).await != first {
                    return None;
                }
            }
            (interpreters(&st2).len() == 1).then_some(())
        })
        .await;
        // Its memory is looked at now and then.
        let mut seen = HashSet::new();
        for _ in 0..40 {
            seen.insert(parent_of_runs(&st2).await.to_string());
        }
        assert_eq!(seen.len() > 1, changes, "{limit}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interpreter_that_was_not_used_for_the_longest_makes_room() {
    let (starting, home) = starting(Way::Warm, &[]);
    let data = home.data_dir();
    let manifest = fs::read_to_string(data.join("packs/pyt/pack.yaml")).unwrap();
    write(&data, "packs/pyu/pack.yaml", &manifest.replace("pyt", "pyu"));
    for file in ["actions/parent.py", "actions/parent.yaml"] {
        write(
            &data,
            &format!("packs/pyu/{file}"),
            &fs::read_to_string(data.join("packs/pyt").join(file)).unwrap(),
        );
    }
    virtualenv(&data.join("virtualenvs/pyu"));
    let st2 = starting.with_config("actionrunner.python_warm_max = 1").await;
    warmed_up(&st2).await;
    let first = interpreters(&st2);
    assert_eq!(first.len(), 1);
    eventually("an interpreter of the other pack", Duration::from_secs(30), async || {
        let ended = st2.run("pyu.parent", json!({})).await;
        (ended["result"]["result"] != json!(st2.pid())).then_some(())
    })
    .await;
    eventually("the end of the first", Duration::from_secs(30), async || {
        let left = interpreters(&st2);
        (left.len() == 1 && left[0].pid != first[0].pid).then_some(())
    })
    .await;
    assert_eq!(parent_of_runs(&st2).await, json!(st2.pid()), "the first pack starts cold again");
}
