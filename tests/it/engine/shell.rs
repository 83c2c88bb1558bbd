//! Local commands: their results, their environment, and how hard they are to keep alive.

use crate::support::{daemon::TestDaemon, executions::history, processes::eventually};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn output_codes_and_json_come_back_in_the_result() {
    let st2 = TestDaemon::start().await;
    let cases = [
        (
            "echo out; echo err >&2; exit 3",
            json!({"failed": true, "succeeded": false, "return_code": 3, "stdout": "out", "stderr": "err"}),
            "failed",
        ),
        (
            "echo 5",
            json!({"failed": false, "succeeded": true, "return_code": 0, "stdout": 5, "stderr": ""}),
            "succeeded",
        ),
        (
            "echo '{\"a\": [1, true]}'",
            json!({"failed": false, "succeeded": true, "return_code": 0, "stdout": {"a": [1, true]}, "stderr": ""}),
            "succeeded",
        ),
    ];
    for (command, result, status) in cases {
        let ended = st2.shell(command).await;
        assert_eq!((&ended["status"], &ended["result"]), (&json!(status), &result), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_get_their_environment_and_none_of_the_daemons_settings() {
    let st2 = TestDaemon::start().with_env("ST2_LOG__LEVEL", "debug").await;
    let id = st2
        .request_action(
            "core.local",
            json!({"cmd": "env", "env": {"MINE": "a b", "ST2_ACTION_PACK_NAME": "no"}, "cwd": "/"}),
        )
        .await;
    let ended = st2.wait_for_end(&id).await;
    let stdout = ended["result"]["stdout"].as_str().unwrap();
    let line = |name: &str| {
        stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or("(absent)")
    };
    assert_eq!(line("MINE"), "a b");
    assert_eq!(line("PWD"), "/");
    assert_eq!(line("ST2_ACTION_PACK_NAME"), "core");
    assert_eq!(line("ST2_ACTION_EXECUTION_ID"), id);
    assert_eq!(line("ST2_LOG__LEVEL"), "(absent)");
    let url = format!("{}/v1/executions/{id}", st2.url(""));
    let answer =
        reqwest::Client::new().get(url).header("X-Auth-Token", line("ST2_ACTION_AUTH_TOKEN")).send().await;
    let status = answer.unwrap().status().as_u16();
    assert!(status == 200 || status == 401, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_running_action_opens_the_api() {
    let st2 = TestDaemon::start().await;
    let command =
        "curl -s -o /dev/null -w '%{http_code}' -H \"X-Auth-Token: $ST2_ACTION_AUTH_TOKEN\" $URL/v1/actions";
    let ended = st2.run("core.local", json!({"cmd": command, "env": {"URL": st2.url("")}})).await;
    assert_eq!(ended["result"]["stdout"], 200, "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_long_is_ended_with_all_its_processes() {
    let st2 = TestDaemon::start().await;
    let command = "echo begun; trap '' TERM; (trap '' TERM; setsid sleep 4242) & sleep 4242";
    let id = st2.request_action("core.local", json!({"cmd": command, "timeout": 1})).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "timeout");
    assert_eq!(ended["result"]["error"], "Action failed to complete in 1 seconds");
    assert_eq!(ended["result"]["return_code"], -9);
    assert_eq!(ended["result"]["stdout"], "begun");
    nothing_left_of(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grandchild_that_keeps_the_pipe_open_does_not_hold_up_the_end() {
    let st2 = TestDaemon::start().await;
    for command in ["sleep 4243 & echo done", "setsid sleep 4243 & echo done"] {
        let ended = st2.shell(command).await;
        assert_eq!(
            (&ended["status"], &ended["result"]["stdout"]),
            (&json!("succeeded"), &json!("done")),
            "{command}"
        );
        assert!(ended["elapsed_seconds"].as_f64().unwrap() < 30.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_directory_is_named() {
    let st2 = TestDaemon::start().await;
    let ended = st2.run("core.local", json!({"cmd": "true", "cwd": "/nope/nowhere"})).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["result"]["error"], "[Errno 2] No such file or directory: '/nope/nowhere'");
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_bytes_and_broken_utf8_survive_in_the_output() {
    let st2 = TestDaemon::start().await;
    let id = st2.request_action("core.local", json!({"cmd": "printf 'a\\000b\\377c\\n'"})).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["result"]["stdout"], "a\u{0}b\u{fffd}c");
    assert_eq!(st2.output(&id).await, b"a\0b\xffc\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_output_are_kept_within_bounds() {
    let st2 = TestDaemon::start()
        .with_config("actionrunner.output_max_bytes = 20000000\nactionrunner.result_max_bytes = 100000")
        .await;
    for command in ["yes | head -c 100000000", "head -c 50000000 /dev/zero | tr '\\0' x"] {
        let id = st2.request_action("core.local", json!({"cmd": command})).await;
        let ended = st2.wait_for_end(&id).await;
        assert_eq!(ended["status"], "succeeded", "{command}: {}", ended["result"]["error"]);
        let kept = ended["result"]["stdout"].as_str().unwrap().len();
        assert!((50_000..200_000).contains(&kept), "{command}: {kept} bytes in the result");
        let stored = st2.output(&id).await.len();
        assert!((15_000_000..25_000_000).contains(&stored), "{command}: {stored} bytes stored");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", st2.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak_kb: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kb < 300_000, "the daemon grew to {peak_kb} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_follow_each_other_in_the_history() {
    let st2 = TestDaemon::start().await;
    let ended = st2.shell("exit 1").await;
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "failed"]);
}

/// Waits until no process carries the execution's mark.
pub(super) async fn nothing_left_of(id: &str) {
    let mark = format!("ST2_ACTION_EXECUTION_ID={id}");
    eventually("all processes of the action are gone", Duration::from_secs(20), async || {
        let alive = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        });
        (!alive).then_some(())
    })
    .await;
}
