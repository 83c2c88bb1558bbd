//! How Python actions end: results, codes, time-out, cancel.

use super::{Script, Way, daemon, run};
use crate::engine::shell::nothing_left_of;
use crate::support::executions::history;
use serde_json::{Value, json};

/// One action that does what it is told.
const DO: Script = Script {
    name: "do",
    code: r#"
import os, signal, subprocess, sys, time
from st2common.runners.base_action import Action

class Do(Action):
    def run(self, value):
        sys.stdout.write("out\n")
        sys.stderr.write("err\n")
        return eval(value["return"], globals(), {"self": self}) if "return" in value else exec(value["do"], globals(), {"self": self})
"#,
};

/// What is done, status, exit code, result, and a part of stderr or of the error.
type Case = (Value, &'static str, i64, Value, &'static str);

fn cases() -> Vec<Case> {
    let give = |text: &str| json!({"return": text});
    let act = |text: &str| json!({"do": text});
    vec![
        // Exit code 0: the status counts.
        (give("5"), "succeeded", 0, json!(5), ""),
        (give("None"), "succeeded", 0, json!(null), ""),
        (give("(True, {'a': [1, 2.5, None]})"), "succeeded", 0, json!({"a": [1, 2.5, null]}), ""),
        (give("(False, 'no')"), "failed", 0, json!("no"), ""),
        (give("(None, 3)"), "succeeded", 0, json!(3), ""),
        (give("[True, 1]"), "succeeded", 0, json!([true, 1]), ""),
        (give("(True, 1, 2)"), "succeeded", 0, json!([true, 1, 2]), ""),
        // Any other code: failed.
        (act("raise ValueError('on purpose')"), "failed", 1, json!("None"), "ValueError: on purpose"),
        (act("sys.exit(3)"), "failed", 3, json!("None"), ""),
        (act("os._exit(4)"), "failed", 4, json!("None"), ""),
        (act("os.kill(os.getpid(), signal.SIGSEGV)"), "failed", -11, json!("None"), ""),
        (act("os.kill(os.getpid(), signal.SIGTERM)"), "failed", -15, json!("None"), ""),
        // Killed by 9, by whomever: told as a time-out.
        (act("os.kill(os.getpid(), signal.SIGKILL)"), "timeout", -9, json!("None"), ""),
        // What JSON cannot hold.
        (give("(True, {1, 2}.__class__)"), "succeeded", 0, json!("<class 'set'>"), ""),
        (give("float('inf') > 1"), "succeeded", 0, json!(true), ""),
        // The delimiter of StackStorm's protocol is a text like any other.
        (
            give("'%%%%%~=~=~=************=~=~=~%%%%'"),
            "succeeded",
            0,
            json!("%%%%%~=~=~=************=~=~=~%%%%"),
            "",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_table_of_ends() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        for (what, status, code, result, said) in cases() {
            let ended = run(&st2, "do", what.clone()).await;
            let got = &ended["result"];
            assert_eq!(ended["status"], status, "{way:?} {what}: {ended:#}");
            assert_eq!(
                (&got["exit_code"], &got["result"]),
                (&json!(code), &result),
                "{way:?} {what}: {got:#}"
            );
            assert_eq!(got["stdout"], "out\n", "{way:?} {what}");
            let stderr = got["stderr"].as_str().unwrap();
            assert!(stderr.starts_with("err\n") && stderr.contains(said), "{way:?} {what}: {stderr}");
        }
        let ended = run(&st2, "do", json!({"return": "('yes', 1)"})).await;
        assert_eq!(ended["status"], "failed");
        let error = ended["result"]["error"].as_str().unwrap();
        assert!(error.contains("must either be True or False, got: yes"), "{way:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_takes_too_long_is_ended_with_all_that_it_started() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        let code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); subprocess.Popen(['setsid', 'sleep', '4250']); \
                    os.fork() or (os.setsid(), time.sleep(4250)); time.sleep(4250)";
        let body = json!({"value": {"do": code}, "timeout": 8});
        let id = st2.request_action("pyt.do", body).await;
        let ended = st2.wait_for_end(&id).await;
        assert_eq!(ended["status"], "timeout", "{way:?} {ended:#}");
        assert_eq!(ended["result"]["error"], "Action failed to complete in 8 seconds");
        assert_eq!(ended["result"]["exit_code"], -9);
        assert_eq!(ended["result"]["result"], "None");
        assert_eq!(ended["result"]["stdout"], "out\n");
        nothing_left_of(&id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_the_whole_group() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        let code = "subprocess.Popen(['sleep', '4251']); time.sleep(4251)";
        let id = st2.request_action("pyt.do", json!({"value": {"do": code}})).await;
        st2.wait_for(&id, &["running"]).await;
        st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
        let ended = st2.wait_for_end(&id).await;
        assert_eq!(
            history(&ended),
            ["requested", "scheduled", "running", "canceling", "canceled"],
            "{way:?}"
        );
        nothing_left_of(&id).await;
        // The interpreter that forked it still serves.
        let ended = run(&st2, "do", json!({"return": "7"})).await;
        assert_eq!(ended["result"]["result"], 7, "{way:?} {ended:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_left_behind_neither_hold_up_the_end_nor_outlive_it() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        for code in ["subprocess.Popen(['sleep', '4252'])", "os.fork() or time.sleep(4252)"] {
            let id = st2.request_action("pyt.do", json!({"value": {"do": code}})).await;
            let ended = st2.wait_for_end(&id).await;
            assert_eq!(ended["status"], "succeeded", "{way:?} {ended:#}");
            nothing_left_of(&id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_are_hard_to_keep_are_kept_or_told() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        let nested = "__import__('functools').reduce(lambda inner, _: [inner], range(150), 1)";
        let ended = run(&st2, "do", json!({"return": nested})).await;
        let text = ended["result"]["result"].as_str().unwrap_or_default();
        assert_eq!((&ended["status"], text.len()), (&json!("succeeded"), 301), "{way:?} {}", ended["result"]);
        let ended = run(&st2, "do", json!({"return": "'a' + chr(0) + chr(0x1f600)"})).await;
        assert_eq!(ended["result"]["result"], "a\0\u{1f600}", "{way:?} {}", ended["result"]);
        // Half of a character is no text: told as Python writes it, as in StackStorm.
        let ended = run(&st2, "do", json!({"return": "'a' + chr(0xd800)"})).await;
        assert_eq!(ended["result"]["result"], "'a\\ud800', 'status': None}", "{way:?} {}", ended["result"]);
        let ended = run(&st2, "do", json!({"return": "len(bytearray(2 << 30))"})).await;
        assert_eq!(ended["result"]["result"], 2_u64 << 30, "{way:?} {}", ended["result"]);
        let delimiter = st2d::engine::runner::shape::DELIMITER;
        let ended = run(&st2, "do", json!({"do": format!("print('{delimiter}')")})).await;
        assert_eq!((&ended["status"], &ended["result"]["result"]), (&json!("succeeded"), &Value::Null));
        assert_eq!(ended["result"]["stdout"], format!("out\n{delimiter}\n"), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_go_in_and_come_back() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = daemon(way, &[DO]).await;
        let big = "x".repeat(7_000_000);
        let code = format!("'{big}'[-3:]");
        let ended = run(&st2, "do", json!({"return": code})).await;
        assert_eq!(ended["result"]["result"], "xxx", "{way:?}");
        let ended = run(&st2, "do", json!({"return": "['x' * 10_000_000]"})).await;
        assert_eq!(ended["result"]["result"][0].as_str().map(str::len), Some(10_000_000), "{way:?}");
        let ended = run(&st2, "do", json!({"return": "'x' * 20_000_000"})).await;
        assert_eq!(ended["status"], "failed");
        assert_eq!(
            ended["result"]["error"],
            "The result of the action is larger than 16777216 bytes (actionrunner.result_max_bytes)."
        );
    }
}
