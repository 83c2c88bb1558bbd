//! The database comes, goes, and comes back.

use crate::support::{
    daemon::{Home, TestDaemon},
    postgres::TestDatabase,
    processes::{Process, eventually, postmaster_pid, signal},
};
use nix::sys::signal::Signal;
use sqlx::Executor;
use std::{os::unix::fs::PermissionsExt, process::Command, time::Duration};

#[tokio::test]
async fn an_empty_database_is_migrated() {
    let st2 = TestDaemon::start().with_database(TestDatabase::empty()).await;
    let mut connection = st2.database().connect().await;
    let nodes: Option<String> =
        sqlx::query_scalar("SELECT to_regclass('nodes')::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(nodes.as_deref(), Some("nodes"));
}

#[tokio::test]
async fn a_database_of_a_newer_schema_is_left_alone() {
    let database = TestDatabase::new();
    let mut connection = database.connect().await;
    connection
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', true, '', 0)",
        )
        .await
        .unwrap();
    let failed = TestDaemon::start().with_database(database).fail().await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("newer st2d (migration 9999"), "{}", failed.stderr);
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named() {
    let database = TestDatabase::empty();
    let url = database.url().replace("/test_", "/no_test_");
    let failed = TestDaemon::start().with_database(database).with_args(["--database-url", &url]).fail().await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("does not exist; make it with `createdb`"), "{}", failed.stderr);
}

#[tokio::test]
async fn a_killed_daemon_leaves_its_postgres_to_the_next() {
    let home = Home::new();
    let mut first = TestDaemon::start().with_home(&home).with_private_postgres().await;
    let pid = postmaster_pid(&home.data_dir()).unwrap();
    first.kill();
    let second = TestDaemon::start().with_home(&home).with_private_postgres().await;
    assert_eq!(postmaster_pid(&home.data_dir()), Some(pid));
    assert!(second.log().contains("Took over the PostgreSQL"), "{}", second.log());
    // What was taken over is stopped like one's own.
    let postmaster = Process::find(pid).unwrap();
    drop(second);
    assert!(!postmaster.is_alive());
}

#[tokio::test]
async fn a_killed_postgres_is_started_again() {
    let st2 = TestDaemon::start().with_private_postgres().await;
    let pid = postmaster_pid(&st2.data_dir()).unwrap();
    signal(pid, Signal::SIGKILL);
    eventually("another postmaster", Duration::from_secs(20), async || {
        postmaster_pid(&st2.data_dir()).filter(|now| *now != pid)
    })
    .await;
    eventually("the word of it", Duration::from_secs(20), async || {
        st2.log().contains("PostgreSQL is back").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_is_cleared() {
    let home = Home::new();
    drop(TestDaemon::start().with_home(&home).with_private_postgres().await);
    // Our own number: alive, but no server of that directory.
    let text = format!("{}\n/x\n1\n5432\n/x\n\n\nready\n", std::process::id());
    std::fs::write(home.data_dir().join("postgres/data/postmaster.pid"), text).unwrap();
    let st2 = TestDaemon::start().with_home(&home).with_private_postgres().await;
    assert!(st2.log().contains("Removing postmaster.pid"), "{}", st2.log());
}

#[tokio::test]
async fn a_data_directory_with_a_very_long_path_works() {
    let home = Home::new();
    let long = home.data_dir().join("x".repeat(150));
    let st2 = TestDaemon::start()
        .with_home(&home)
        .with_private_postgres()
        .with_args(["--data-dir", long.to_str().unwrap()])
        .await;
    assert!(postmaster_pid(&long).is_some());
    drop(st2);
    assert!(postmaster_pid(&long).is_none());
}

#[tokio::test]
async fn packs_are_registered_without_a_daemon() {
    let home = Home::new();
    let pack = home.data_dir().join("packs/demo");
    let actions = pack.join("actions");
    std::fs::create_dir_all(&actions).unwrap();
    let manifest = "name: demo\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";
    std::fs::write(pack.join("pack.yaml"), manifest).unwrap();
    std::fs::write(actions.join("go.yaml"), "name: go\nrunner_type: noop\n").unwrap();
    std::fs::set_permissions(home.data_dir(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let database = TestDatabase::empty();
    let register = |url: &str, fault: &str, flags: &[&str]| {
        std::fs::write(actions.join("other.yaml"), format!("name: other\n{fault}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_st2d"));
        command.args(["--data-dir", home.data_dir().to_str().unwrap()]);
        if !url.is_empty() {
            command.args(["--database-url", url]);
        }
        let output = command.args(["register", "--register-pack"]).arg(&pack).args(flags).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text.concat())
    };
    // A database that somebody names, which is made ready for it; then a private one.
    for url in [database.url(), String::new()] {
        let (code, text) = register(&url, "runner_type: nope\n", &[]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("Nothing was registered.") && text.contains("other.yaml"), "{text}");
        // It logs as the flag says, and little without it.
        let line = format!("Registered the pack {}", pack.display());
        for (flags, is_logged) in [(&[][..], false), (&["--log-level", "debug"], true)] {
            let (code, text) = register(&url, "runner_type: noop\n", flags);
            assert_eq!(code, Some(0), "{text}");
            assert!(text.contains("Registered 2 actions."), "{text}");
            assert_eq!(text.contains(&line), is_logged, "{text}");
        }
        let (code, text) = register(&url, "runner_type: noop\n", &["--log-level", "loud"]);
        assert_eq!((code, text.contains("--log-level")), (Some(2), true), "{text}");
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM actions WHERE pack = 'demo'")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(count, 2);
    // By the tools of StackStorm's documentation, which find st2d on the path.
    std::fs::write(actions.join("third.yaml"), "name: third\nrunner_type: noop\n").unwrap();
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_st2d")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let tool = |name: &str, arguments: &[&str]| {
        let tool = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(name);
        let mut command = Command::new(tool);
        command.env("PATH", &path).env("ST2_DATA_DIR", home.data_dir()).args(arguments);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text.concat())
    };
    let (code, text) = tool("st2ctl", &["reload", "--verbose", "--config-file", "/etc/st2/st2.conf"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Registered 0 rules.") && !text.contains("policies"), "{text}");
    let (code, text) = tool("st2ctl", &["reload", "--register-all"]);
    assert!(code == Some(0) && text.contains("Registered 0 policies."), "{text}");
    let (code, text) = tool("st2-register-content", &["--register-rules", "--config-file=/etc/st2/st2.conf"]);
    assert!(code == Some(0) && !text.contains("actions"), "{text}");
    let (code, text) = tool("st2sensorcontainer", &["--config-file=x", "--sensor-ref=demo.Nope"]);
    assert!(code == Some(1) && text.contains("Sensor demo.Nope not found in db."), "{text}");
    let st2 = TestDaemon::start().with_home(&home).with_private_postgres().await;
    assert_eq!(st2.run("demo.third", serde_json::json!({})).await["status"], "succeeded");
}
