//! Settings from files, the environment and flags, and what is said about wrong ones.

use crate::support::daemon::TestDaemon;
use std::{net::TcpListener, process::Command};

#[tokio::test]
async fn every_wrong_setting_is_named_with_its_place_and_what_is_allowed() {
    let failed = TestDaemon::start()
        .with_config(
            "[api]\nlisen = \"127.0.0.1:1\"\nmax_page_size = \"many\"\n[databse]\n[log]\nformat = \"jsno\"",
        )
        .with_env("ST2_AUTH__ENABLE", "maybe")
        .with_env("ST2_CONTENT__OPTIONAL_PACKS", "linux,exampels")
        .with_args(["--log-level", "loud"])
        .fail()
        .await;
    assert_eq!(failed.status.code(), Some(2));
    let lines: Vec<&str> = failed.stderr.lines().collect();
    for expected in [
        "st2.toml:4: unknown key `api.lisen`; did you mean `api.listen`?",
        "st2.toml:5: `api.max_page_size` is the text \"many\", expected a whole number",
        "st2.toml:6: unknown section [databse]; did you mean [database]?",
        "st2.toml:8: `log.format` is \"jsno\", expected one of: auto, human, json; did you mean \"json\"?",
        "`content.optional_packs` is \"exampels\", expected one of: linux, examples; did you mean \"examples\"?",
        "environment variable ST2_AUTH__ENABLE: `auth.enable` is \"maybe\", expected true or false",
        "--log-level: `log.level` is \"loud\", expected error, warn, info",
    ] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}\n---\n{}", failed.stderr);
    }
}

#[tokio::test]
async fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let failed = TestDaemon::start().with_config("[api]\nlisten = ").fail().await;
    assert_eq!(failed.status.code(), Some(2));
    assert!(failed.stderr.contains("st2.toml:4: not valid TOML"), "{}", failed.stderr);
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    std::fs::write(&file, "[api]\nlisten = \"127.0.0.1:1\"\n[auth]\nlisten = \"127.0.0.1:1\"\n[stream]\nlisten = \"127.0.0.1:1\"")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_st2d"))
        .args(["config", "show", "--api-listen", "", "--config"])
        .arg(&file)
        .env("ST2_API__LISTEN", "127.0.0.1:2")
        .env("ST2_AUTH__LISTEN", "127.0.0.1:2")
        .env("ST2_DATABASE__URL", "postgres://me:secret@db/st2")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "listen = \"\"  # --api-listen".to_owned(),
        "listen = \"127.0.0.1:2\"  # environment variable ST2_AUTH__LISTEN".to_owned(),
        format!("listen = \"127.0.0.1:1\"  # {}:6", file.display()),
        "url = \"postgres://me:********@db/st2\"".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected}\n---\n{text}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = TestDaemon::start().with_args(["--auth-listen", &address]).fail().await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains(&address) && failed.stderr.contains("--auth-listen"), "{}", failed.stderr);
}

#[tokio::test]
async fn an_empty_listen_turns_that_listener_off() {
    let st2 = TestDaemon::start().with_args(["--auth-listen", "", "--stream-listen", ""]).await;
    assert!(st2.addresses().api.is_some());
    assert_eq!((&st2.addresses().auth, &st2.addresses().stream), (&None, &None));
    let ready = format!("st2d is ready: {}", st2.addresses().api.as_ref().unwrap());
    assert!(st2.stdout().contains(&ready), "{:?}", st2.stdout());
}
