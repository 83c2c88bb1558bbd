//! Packs are installed, upgraded and removed.

use super::repository::Pack;
use crate::support::{daemon::TestDaemon, processes::eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// Installs, and answers the ended execution.
pub(super) async fn install(st2: &TestDaemon, packs: Value) -> Value {
    install_with(st2, json!({"packs": packs})).await
}

pub(super) async fn install_with(st2: &TestDaemon, body: Value) -> Value {
    let answer = st2.post("/v1/packs/install", body).await.expect(202);
    st2.wait_for_end(answer["execution_id"].as_str().unwrap()).await
}

/// The tasks of a workflow as clients name them, with their statuses.
pub(super) async fn tasks(st2: &TestDaemon, execution: &Value) -> Vec<(String, String)> {
    let id = execution["id"].as_str().unwrap();
    let children = st2.get(&format!("/v1/executions/{id}/children")).await.expect(200);
    let children = children.as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |child: &Value| {
        let context = &child["context"];
        assert_eq!(context["parent"]["execution_id"], id, "{context}");
        if context["orquesta"].is_null() {
            text(&context["chain"]["name"])
        } else {
            text(&context["orquesta"]["task_name"])
        }
    };
    children.iter().map(|child| (name(child), text(&child["status"]))).collect()
}

/// What the pack's action prints; why it does not run.
pub(super) async fn go(st2: &TestDaemon, pack: &str) -> String {
    let body = json!({"action": format!("{pack}.go")});
    let answer = st2.post("/v1/executions", body).await;
    let body = answer.json();
    match body["id"].as_str() {
        Some(id) => st2.wait_for_end(id).await["result"]["stdout"].as_str().unwrap().to_owned(),
        None => body["faultstring"].as_str().unwrap().to_owned(),
    }
}

/// The whole of why a task failed.
pub(super) fn why(execution: &Value) -> &str {
    assert_eq!(execution["status"], "failed", "{execution:#}");
    execution["result"]["errors"][0]["result"]["stderr"].as_str().unwrap_or_else(|| panic!("{execution:#}"))
}

#[tokio::test]
async fn a_pack_is_installed_in_the_version_asked_for_upgraded_and_removed() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0").manifest("2.0.0", "").action("two").commit("v2.0.0");

    let first = install(&st2, json!([format!("{}=1.0.0", pack.url())])).await;
    assert_eq!(first["status"], "succeeded", "{first:#}");
    assert_eq!(
        first["result"]["output"],
        json!({"packs_list": ["hello"], "message": "Successfully installed packs", "conflict_list": [],
            "warning_list": []})
    );
    let names: Vec<String> = tasks(&st2, &first).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "init_task",
            "download_pack",
            "make_a_prerun",
            "get_pack_dependencies",
            "check_dependency_and_conflict_list",
            "install_pack_requirements",
            "get_pack_warnings",
            "register_pack",
        ]
    );
    assert_eq!(go(&st2, "hello").await, "one");
    let got = st2.run("packs.get", json!({"pack": "hello", "branch": "trunk"})).await;
    let status = got["result"]["result"]["git_status"].as_str().unwrap();
    assert!(status.starts_with("Status:\nHEAD detached at "), "{status}");
    assert!(
        status.ends_with(&format!("Remotes:\n{}\n\n1 commits behind origin/trunk.", pack.url())),
        "{status}"
    );

    let second = install(&st2, json!([pack.url()])).await;
    assert_eq!(second["status"], "succeeded", "{second:#}");
    assert_eq!(go(&st2, "hello").await, "two");
    assert_eq!(st2.get("/v1/packs/hello").await.expect(200)["version"], "2.0.0");

    let answer = st2.post("/v1/packs/uninstall", json!({"packs": ["hello"]})).await.expect(202);
    let removed = st2.wait_for_end(answer["execution_id"].as_str().unwrap()).await;
    assert_eq!(removed["status"], "succeeded", "{removed:#}");
    let all = [("unregister packs", "succeeded"), ("delete packs", "succeeded")];
    assert_eq!(tasks(&st2, &removed).await, all.map(|(name, how)| (name.to_owned(), how.to_owned())));
    assert_eq!(st2.get("/v1/packs/hello").await.status, 404);
    assert_eq!(st2.get("/v1/actions/hello.go").await.status, 404);
    assert!(!st2.data_dir().join("packs/hello").exists());
}

#[tokio::test]
async fn branches_commits_and_plain_directories_are_sources() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0").git(&["checkout", "--quiet", "-b", "feature/x"]).action("branch").commit("work");
    let commit = std::fs::read_to_string(pack.path().join(".git/refs/heads/trunk")).unwrap();
    pack.git(&["checkout", "--quiet", "trunk"]);
    for (reference, expected) in
        [("=feature/x", "branch"), (&format!("={}", &commit[..10]), "one"), ("=work", "branch"), ("", "one")]
    {
        let done = install(&st2, json!([format!("{}{reference}", pack.url())])).await;
        assert_eq!(done["status"], "succeeded", "{done:#}");
        assert_eq!(go(&st2, "hello").await, expected, "{reference}");
    }
    // What is not committed is not installed, unless there is no repository at all.
    let plain = Pack::new("plain", "1.0.0", "as it lies there");
    let done = install(&st2, json!([plain.url()])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "plain").await, "as it lies there");
}

#[tokio::test]
async fn what_a_pack_depends_on_comes_with_it_unless_versions_conflict() {
    let index = tempfile::tempdir().unwrap();
    let (base, middle, top) =
        (Pack::new("base", "1.0.0", "b"), Pack::new("middle", "1.0.0", "m"), Pack::new("top", "1.0.0", "t"));
    base.commit("v1.0.0");
    middle.manifest("1.0.0", "dependencies: [base=v1.0.0]\n").commit("v1.0.0");
    top.manifest("1.0.0", "dependencies: [middle]\n").commit("v1.0.0");
    let entry = |pack: &Pack| json!({"repo_url": pack.url(), "version": "1.0.0"});
    let packs = json!({"packs": {"base": entry(&base), "middle": entry(&middle)}});
    let file = index.path().join("index.json");
    std::fs::write(&file, packs.to_string()).unwrap();
    let config = format!("[content]\nindex_url = [\"file://{}\"]", file.display());
    let st2 = TestDaemon::start().with_config(&config).await;

    let done = install(&st2, json!([top.url()])).await;
    assert_eq!(done["result"]["output"]["packs_list"], json!(["top", "middle", "base"]), "{done:#}");
    assert_eq!([go(&st2, "base").await, go(&st2, "middle").await], ["b", "m"]);
    let names: Vec<String> = tasks(&st2, &done).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| *name == "download_pack").count(), 3);

    let picky = Pack::new("picky", "1.0.0", "p");
    picky.manifest("1.0.0", "dependencies: [base=v9.0.0]\n").commit("v1.0.0");
    let done = install(&st2, json!([picky.url()])).await;
    assert_eq!(done["status"], "failed");
    let output = &done["result"]["output"];
    assert_eq!(output["conflict_list"], json!(["base=v9.0.0"]));
    assert!(output["message"].as_str().unwrap().starts_with("Unable to install packs due to conflicts."));
    assert!(!st2.data_dir().join("packs/picky").exists());
    let names: Vec<String> = tasks(&st2, &done).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[5..], ["stop_installation_and_cleanup_because_conflict", "echo_pack_conflicts"]);
    assert_eq!(go(&st2, "base").await, "b");

    let body = json!({"packs": [picky.url()], "skip_dependencies": true});
    let done = install_with(&st2, body).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "picky").await, "p");
}

#[tokio::test]
async fn system_packs_stay() {
    let st2 = TestDaemon::start().await;
    let done = st2.run("packs.uninstall", json!({"packs": ["core"]})).await;
    let task = &done["result"]["tasks"][0];
    assert_eq!((&done["status"], &task["state"]), (&json!("failed"), &json!("failed")));
    assert_eq!(task["result"]["result"], "None");
    let text = task["result"]["stderr"].as_str().unwrap();
    assert!(text.starts_with("Traceback"), "{text}");
    assert!(text.ends_with("\nValueError: Unregister includes an unregisterable pack - core.\n"), "{text}");
    let done = st2.run("packs.delete", json!({"packs": ["core", "packs"]})).await;
    let text = done["result"]["stderr"].as_str().unwrap();
    assert!(
        text.ends_with("\nValueError: Uninstall includes an uninstallable pack - core, packs.\n"),
        "{text}"
    );

    let mine = Pack::new("core", "9.0.0", "mine");
    let done = install(&st2, json!([mine.url()])).await;
    assert!(why(&done).contains("Pack \"core\" comes with st2d and cannot be replaced."));
    assert_eq!(st2.shell("echo still here").await["result"]["stdout"], "still here");
}

#[tokio::test]
async fn a_pack_may_go_while_its_action_runs() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("busy", "1.0.0", "x");
    let go = st2.data_dir().join("go");
    let script = format!(
        "#!/bin/sh\necho begun\nwhile [ ! -e '{}' ]; do sleep 0.05; done\necho ended\n",
        go.display()
    );
    pack.file("actions/run.yaml", "name: run\nrunner_type: local-shell-script\nentry_point: run.sh\n")
        .file("actions/run.sh", &script);
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    let id = st2.request_action("busy.run", json!({})).await;
    eventually("its first line", Duration::from_secs(30), async || {
        (st2.output(&id).await == b"begun\n").then_some(())
    })
    .await;
    let removed = st2.run("packs.uninstall", json!({"packs": ["busy"]})).await;
    assert_eq!(removed["status"], "succeeded", "{removed:#}");
    std::fs::write(go, "").unwrap();
    let ended = st2.wait_for_end(&id).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("begun\nended")));
    assert_eq!(ended["action"]["ref"], "busy.run");
}

#[tokio::test]
async fn python_actions_of_an_installed_pack_run_in_its_virtualenv() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("snake", "1.0.0", "x");
    pack.file("actions/prefix.yaml", "name: prefix\nrunner_type: python-script\nentry_point: prefix.py\n").file(
        "actions/prefix.py",
        "import sys\nfrom st2common.runners.base_action import Action\n\n\nclass Prefix(Action):\n    def run(self):\n        \
         return sys.prefix\n",
    );
    let done = install(&st2, json!([pack.url()])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let ran = st2.run("snake.prefix", json!({})).await;
    let prefix = ran["result"]["result"].as_str().unwrap_or_else(|| panic!("{ran:#}")).to_owned();
    assert!(std::path::Path::new(&prefix).starts_with(st2.data_dir().join("virtualenvs")), "{prefix}");
    let removed = st2.run("packs.uninstall", json!({"packs": ["snake"]})).await;
    assert_eq!(removed["status"], "succeeded", "{removed:#}");
    assert!(!std::path::Path::new(&prefix).exists());
    let removed = st2.run("packs.uninstall", json!({"packs": ["snake"]})).await;
    let text = removed["result"]["tasks"][1]["result"]["stderr"].as_str().unwrap();
    assert!(text.contains("FileNotFoundError: [Errno 2] No such file or directory: '"), "{text}");
}

#[tokio::test]
async fn requirements_that_cannot_be_had_bring_the_old_pack_back() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    pack.manifest("2.0.0", "").action("two").file("requirements.txt", "./no-such-directory-here\n");
    let done = install(&st2, json!([pack.url()])).await;
    assert!(why(&done).contains("no-such-directory-here"), "{}", why(&done));
    assert_eq!(tasks(&st2, &done).await.last().unwrap().0, "install_pack_requirements");
    assert_eq!(go(&st2, "hello").await, "one");
}
