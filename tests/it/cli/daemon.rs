//! `st2` and `st2d` together: what somebody does in the first minutes.

use super::st2::St2;
use crate::support::daemon::TestDaemon;

/// `st2` on the daemon's machine, knowing nothing but where the daemon is.
pub(super) fn beside(daemon: &TestDaemon) -> St2 {
    let addresses = daemon.addresses();
    let url = |address: &Option<String>| address.clone().unwrap();
    St2::new()
        .env("ST2_DATA_DIR", daemon.data_dir().to_str().unwrap())
        .env("ST2_API_URL", &format!("{}/v1", url(&addresses.api)))
        .env("ST2_AUTH_URL", &url(&addresses.auth))
        .env("ST2_STREAM_URL", &format!("{}/v1", url(&addresses.stream)))
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_run_without_logging_in_on_the_daemons_machine() {
    let daemon = TestDaemon::start().await;
    let st2 = beside(&daemon);

    let text = st2.run(&["run", "core.local", "echo", "hello"]).ok();
    assert!(text.starts_with(".\nid: ") && text.contains("\naction.ref: core.local\n"), "{text}");
    assert!(text.contains("\nstatus: succeeded\n") && text.contains("\n  stdout: hello\n"), "{text}");

    assert_eq!(st2.run(&["run", "core.local", "cmd=echo hello", "-k", "stdout"]).ok(), ".\nhello\n");
    assert_eq!(st2.run(&["execution", "output", "last"]).ok(), "hello\n");
    assert_eq!(st2.run(&["execution", "get", "last", "-k", "stdout"]).ok(), "hello\n");
    let text = st2.run(&["run", "core.local", "cmd=echo a; sleep 0.3; echo b", "--tail"]).ok();
    assert!(text.contains(" has started.\n\na\nb\n\nExecution "), "{text}");

    let ran = st2.run(&["run", "core.local", "cmd=exit 3"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert!(
        ran.stdout.contains("\nstatus: failed\n") && ran.stdout.contains("\n  return_code: 3\n"),
        "{}",
        ran.stdout
    );

    let text = st2.run(&["execution", "list", "-a", "status", "-j"]).ok();
    assert!(text.starts_with("[\n    {\n        \"status\": \"succeeded\"\n    },"), "{text}");
    let ran = st2.run(&["run", "core.nope"]);
    let message = "ERROR: Resource with id or reference \"core.nope\" doesn't exist.\n\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (1, message));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_in() {
    let daemon = TestDaemon::start().await;
    let stranger = beside(&daemon).env("ST2_DATA_DIR", "/nonexistent");
    let ran = stranger.run(&["action", "list"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("ERROR: 401 Client Error: Unauthorized\nMESSAGE: "), "{}", ran.stdout);
    let wrong = beside(&daemon).env("ST2_API_KEY", "wrong").run(&["action", "get", "core.local"]);
    assert!(wrong.stdout.starts_with("ERROR: 401 Client Error: Unauthorized\n"), "{}", wrong.stdout);
    let ran = beside(&daemon).run(&["login", "st2admin", "-p", "wrong"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.starts_with("ERROR: Failed to log in as st2admin: 401 Client Error"),
        "{}",
        ran.stdout
    );
}
