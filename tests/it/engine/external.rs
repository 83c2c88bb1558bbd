//! Runners that are programs of their own: the sample of the docs, and some that misbehave.

use super::shell::nothing_left_of;
use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A home with the sample, and a runner `sh` whose program is what a test says.
fn home(script: &str) -> Home {
    let home = Home::new();
    let data = home.data_dir();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/external-runners/reverse");
    for file in ["runner.yaml", "run.py"] {
        put(&data.join("runners/reverse").join(file), &fs::read_to_string(sample.join(file)).unwrap());
    }
    let description =
        "name: sh\nexecutable: run\nrunner_parameters:\n  timeout: {type: integer, default: 60}\n";
    put(&data.join("runners/sh/runner.yaml"), description);
    put(&data.join("runners/sh/run"), &format!("#!/bin/sh\nread order\n{script}\n"));
    put(&data.join("runners/wrong/runner.yaml"), "name: wrong\nexecutable: ../sh/run\n");
    put(&data.join("runners/local-shell-cmd/runner.yaml"), "name: local-shell-cmd\nexecutable: run\n");
    put(&data.join("runners/local-shell-cmd/run"), "#!/bin/sh\necho stolen\n");
    let pack = "ref: own\nname: own\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n";
    put(&data.join("packs/own/pack.yaml"), pack);
    put(
        &data.join("packs/own/actions/reverse.yaml"),
        "name: reverse\nrunner_type: reverse\nparameters:\n  text: {}\n",
    );
    put(&data.join("packs/own/actions/sh.yaml"), "name: sh\nrunner_type: sh\n");
    put(
        &data.join("packs/own/actions/old.yaml"),
        "name: old\nrunner_type: run-local\nparameters:\n  cmd: {default: echo old}\n",
    );
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).unwrap();
    home
}

fn put(path: &PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn error_of(execution: &Value) -> &str {
    execution["result"]["error"].as_str().unwrap_or_else(|| panic!("no error in {execution}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_of_the_docs_runs() {
    let st2 = TestDaemon::start().with_home(&home("")).await;
    let runner = st2.get("/v1/runnertypes/reverse").await.expect(200);
    assert_eq!(runner["runner_parameters"]["times"]["default"], 1);
    let id = st2.request_action("own.reverse", json!({"text": "abc", "times": 2})).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!((&ended["status"], &ended["result"]), (&json!("succeeded"), &json!({"text": "cba"})));
    assert_eq!(st2.output(&id).await, b"abc\nabc\n");
    let ended = st2.run("own.reverse", json!({"text": 5})).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(error_of(&ended), "The action needs a parameter `text` of type string.");
    // Neither of these counts, and the log says why.
    assert_eq!(st2.get("/v1/runnertypes/wrong").await.status, 404);
    assert!(st2.log().contains("lies outside of the runner's directory"), "{}", st2.log());
    assert_eq!(st2.shell("echo mine").await["result"]["stdout"], "mine");
    // A name of old still runs.
    let old = st2.run("own.old", json!({})).await;
    assert_eq!(
        (&old["result"]["stdout"], &old["action"]["runner_type"]),
        (&json!("old"), &json!("local-shell-cmd"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_break_the_protocol_are_told_of() {
    for (script, error) in [
        (
            "echo oops >&2; exit 3",
            "Runner \"sh\" ended with exit code 3 without a result. It wrote last: oops",
        ),
        (
            "echo hello",
            "Runner \"sh\" broke the protocol in line 1 of its output: expected a JSON object, got: hello",
        ),
        (
            "echo '{\"type\": \"result\", \"status\": \"fine\", \"result\": 1}'",
            "Runner \"sh\" broke the protocol in line 1 of its output: `status` is 'fine': expected succeeded, failed or \
             timeout",
        ),
    ] {
        let st2 = TestDaemon::start().with_home(&home(script)).await;
        let ended = st2.run("own.sh", json!({})).await;
        assert_eq!((&ended["status"], error_of(&ended)), (&json!("failed"), error));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_and_cancels_end_the_program_with_all_it_started() {
    let script = "printf '%s\\n' '{\"type\": \"output\", \"data\": \"begun\\n\"}'; trap '' TERM; sleep 4249 & sleep 4250";
    let st2 = TestDaemon::start().with_home(&home(script)).await;
    let id = st2.request_action("own.sh", json!({"timeout": 1})).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(
        (&ended["status"], error_of(&ended)),
        (&json!("timeout"), "Action failed to complete in 1 seconds")
    );
    nothing_left_of(&id).await;
    let id = st2.request_action("own.sh", json!({})).await;
    let begun = async || (!st2.output(&id).await.is_empty()).then_some(());
    eventually("the first line", Duration::from_secs(20), begun).await;
    st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(st2.wait_for_end(&id).await["status"], "canceled");
    nothing_left_of(&id).await;
}
