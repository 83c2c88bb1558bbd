//! `st2` and workflows: followed at any depth, shown as a tree, paused, resumed, run again, and asked.

use super::{daemon::beside, st2::St2};
use crate::support::daemon::TestDaemon;

/// A daemon with the pack `examples`, and a client beside it.
async fn with_examples() -> (TestDaemon, St2) {
    let daemon = TestDaemon::start().with_config("content.optional_packs = [\"examples\"]").await;
    let st2 = beside(&daemon);
    (daemon, st2)
}

/// The id of the newest execution of an example.
fn newest(st2: &St2, action: &str) -> String {
    let list = st2.run(&["execution", "list", "-n", "1", "--action", action, "-a", "id", "-j"]).ok();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    list[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_within_a_workflow_is_followed_and_shown_as_a_tree() {
    let (_daemon, st2) = with_examples().await;
    let text = st2.run(&["run", "examples.orquesta-subworkflow", "--tail"]).ok();
    let at = |line: &str| text.find(line).unwrap_or_else(|| panic!("no {line:?} in\n{text}"));
    let lines = [
        "Tailing execution \"",
        "\nChild execution (task=start) ",
        "\nChild execution (task=greet) ",
        "\nChild execution (task=task1) ",
        "\n\nStanley\n",
        "\nChild execution (task=task3) ",
        "\n\nStanley, All your base are belong to us!\n",
    ];
    assert!(lines.map(at).is_sorted(), "{text}");
    let id = newest(&st2, "examples.orquesta-subworkflow");
    at(&format!("\nExecution {id} has completed (status=succeeded).\n"));
    for (depth, expected) in
        [(None, vec!["start", "greet", "task1", "task2", "task3"]), (Some("1"), vec!["start", "greet"])]
    {
        let mut argv = vec!["execution", "get", &id, "--show-tasks"];
        argv.extend(depth.iter().flat_map(|depth| ["--depth", depth]));
        let table = st2.run(&argv).ok();
        let cells: Vec<Vec<&str>> =
            table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
        let tasks: Vec<&str> = cells
            .iter()
            .filter(|row| row.len() > 3 && row[2].starts_with("succeeded"))
            .map(|row| row[3])
            .collect();
        assert_eq!(tasks, expected, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_paused_resumed_and_asked_by_the_client() {
    let (daemon, st2) = with_examples().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = format!("tempfile={}", file.path().display());
    st2.run(&["run", "examples.chain-test-pause-resume", &path, "message=hi", "-a"]).ok();
    let id = newest(&st2, "examples.chain-test-pause-resume");
    daemon.wait_for(&id, &["running"]).await;
    st2.run(&["execution", "pause", &id]).ok();
    drop(file);
    daemon.wait_for(&id, &["paused"]).await;
    st2.run(&["execution", "resume", &id]).ok();
    daemon.wait_for(&id, &["succeeded"]).await;
    let text = st2.run(&["execution", "get", &id]).ok();
    assert!(text.contains("\nresult_task: t2\n") && text.contains("\n  stdout: hi\n"), "{text}");

    st2.run(&["run", "examples.chain-test-inquiry-parent", "-a"]).ok();
    let id = newest(&st2, "examples.chain-test-inquiry-parent");
    daemon.wait_for(&id, &["paused"]).await;
    let open: serde_json::Value = serde_json::from_str(&st2.run(&["inquiry", "list", "-j"]).ok()).unwrap();
    let question = open[0]["id"].as_str().unwrap();
    st2.run(&["inquiry", "respond", question, "-r", "{\"approved\": true}"]).ok();
    daemon.wait_for(&id, &["succeeded"]).await;
    let again = st2.run(&["execution", "re-run", &id, "-a"]).ok();
    assert!(again.contains("st2 execution get "), "{again}");
    let newer = newest(&st2, "examples.chain-test-inquiry-parent");
    assert_ne!(newer, id);
    daemon.wait_for(&newer, &["paused"]).await;
    st2.run(&["execution", "cancel", &newer]).ok();
    daemon.wait_for(&newer, &["canceled"]).await;
}
