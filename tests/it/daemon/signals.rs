//! Being told to stop, and being in a bad place.

use crate::support::{
    daemon::{Home, TestDaemon},
    processes::{eventually, postmaster_pid, signal},
};
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn every_signal_to_end_is_a_stop_in_order() {
    for name in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let st2 = TestDaemon::start().await;
        signal(st2.pid(), name);
        let status = st2.ended().await;
        assert_eq!(status.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_log_nobody_reads_does_not_stop_the_daemon() {
    let st2 = TestDaemon::start().with_stuck_log_reader().await;
    // A line each, of more than 200 bytes: many times what a pipe holds.
    for _ in 0..3_000 {
        st2.get("/v1/user").await.expect(200);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_waited_for_until_a_signal_comes() {
    let st2 = TestDaemon::start()
        .with_private_postgres()
        .with_args(["--database-url", "postgres://st2:secret@127.0.0.1:9/st2"])
        .launch();
    let limit = Duration::from_secs(20);
    eventually("the word of it", limit, async || st2.log().contains("cannot be reached yet").then_some(()))
        .await;
    assert!(!st2.log().contains("secret"), "{}", st2.log());
    signal(st2.pid(), Signal::SIGTERM);
    assert_eq!(st2.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_start_leaves_no_postgres() {
    let home = Home::new();
    let st2 = TestDaemon::start().with_home(&home).with_private_postgres().launch();
    let limit = Duration::from_secs(20);
    eventually("a postmaster", limit, async || postmaster_pid(&home.data_dir())).await;
    signal(st2.pid(), Signal::SIGTERM);
    assert_eq!(st2.ended().await.code(), Some(0));
    assert_eq!(postmaster_pid(&home.data_dir()), None);
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_running_actions() {
    let st2 = TestDaemon::start().with_env("ST2_ACTIONRUNNER__EXIT_STILL_ACTIVE_CHECK", "300").await;
    let id = st2.request_action("core.local", json!({"cmd": "sleep 250"})).await;
    st2.wait_for(&id, &["running"]).await;
    let begun = Instant::now();
    eventually("the second signal is heard", Duration::from_secs(20), async || {
        signal(st2.pid(), Signal::SIGTERM);
        st2.log().contains("Got SIGTERM again").then_some(())
    })
    .await;
    let (status, database) = st2.ended_with_database().await;
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let mut connection = database.connect().await;
    let status: String =
        sqlx::query_scalar("SELECT status FROM executions").fetch_one(&mut connection).await.unwrap();
    assert_eq!(status, "abandoned");
}

#[tokio::test]
async fn sigusr2_collects_garbage_at_once() {
    let st2 = TestDaemon::start().with_config("garbagecollector.tokens_ttl = 1").await;
    let mut connection = st2.database().connect().await;
    let expire = async |connection: &mut sqlx::PgConnection| {
        let done = sqlx::query(
            "INSERT INTO tokens (id, hash, user_name, expires_at)
             SELECT substr(sha256(now()::text::bytea), 1, 12), sha256(now()::text::bytea), name,
                    now() - interval '30 days' FROM users LIMIT 1",
        )
        .execute(connection)
        .await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    };
    let gone = async |connection: &mut sqlx::PgConnection| {
        let query = "SELECT count(*) FROM tokens WHERE expires_at < now() - interval '20 days'";
        let left: i64 = sqlx::query_scalar(query).fetch_one(connection).await.unwrap();
        (left == 0).then_some(())
    };
    // The first run, by itself, comes soon after the start; the next one would come after ten minutes.
    expire(&mut connection).await;
    eventually("the first run", Duration::from_secs(30), async || gone(&mut connection).await).await;
    expire(&mut connection).await;
    signal(st2.pid(), Signal::SIGUSR2);
    eventually("the run that was asked for", Duration::from_secs(30), async || gone(&mut connection).await)
        .await;
}
