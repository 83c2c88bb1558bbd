//! Killed daemons, killed databases, and what must not be lost.

use super::shell::nothing_left_of;
use crate::support::{
    daemon::TestDaemon,
    executions::history,
    processes::{eventually, postmaster_pid, signal},
};
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::Connection;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_in_the_middle_of_twenty_executions_none_is_stuck() {
    let mut st2 = TestDaemon::start().with_private_postgres().await;
    let home = st2.home();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(st2.request_action("core.local", json!({"cmd": "sleep 4246"})).await);
    }
    let waiting = st2.post("/v1/executions", json!({"action": "core.noop", "delay": 1500})).await.expect(201);
    for id in &ids {
        st2.wait_for(id, &["running"]).await;
    }
    st2.kill();
    drop(st2);
    let begun = Instant::now();
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    for id in &ids {
        let ended = st2.wait_for_end(id).await;
        assert_eq!(ended["status"], "abandoned");
        assert!(ended["result"]["error"].as_str().unwrap().starts_with("Execution abandoned: "), "{ended}");
        nothing_left_of(id).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "took {:?}", begun.elapsed());
    let ended = st2.wait_for_end(waiting["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_of_postgresql_under_load_nothing_accepted_is_lost() {
    let st2 = TestDaemon::start().with_private_postgres().await;
    let stop = Instant::now() + Duration::from_secs(6);
    let client = async || {
        let (mut accepted, mut refused) = (Vec::new(), 0);
        while Instant::now() < stop {
            let answer = st2.post("/v1/executions", json!({"action": "core.noop"})).await;
            match answer.status {
                201 => accepted.push(answer.json()["id"].as_str().unwrap().to_owned()),
                503 => {
                    refused += 1;
                    assert!(answer.headers.contains_key("retry-after"));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other => panic!("{other}: {}", answer.text()),
            }
        }
        (accepted, refused)
    };
    let fault = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        signal(postmaster_pid(&st2.data_dir()).expect("it runs"), Signal::SIGKILL);
    };
    let (a, b, c, ()) = tokio::join!(client(), client(), client(), fault);
    let refused = a.1 + b.1 + c.1;
    let accepted: Vec<String> = [a.0, b.0, c.0].concat();
    assert!(refused > 0, "nobody noticed that the database was gone");
    assert!(accepted.len() > 50, "only {} accepted", accepted.len());
    for id in &accepted {
        assert_eq!(st2.wait_for_end(id).await["status"], "succeeded");
    }
    eventually("nothing is left half done", Duration::from_secs(20), async || {
        let open = st2.get("/v1/executions?status=running&limit=1").await;
        (open.headers["x-total-count"] == "0").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_runs_finish() {
    let st2 = TestDaemon::start()
        .with_private_postgres()
        .with_env("ST2_ACTIONRUNNER__EXIT_STILL_ACTIVE_CHECK", "30")
        .await;
    let home = st2.home();
    let id = st2.request_action("core.local", json!({"cmd": "sleep 1; echo finished"})).await;
    st2.wait_for(&id, &["running"]).await;
    assert!(st2.stop().await.success());
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let ended = st2.get(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("finished")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_claim_took_is_run_although_the_answer_was_lost() {
    let st2 = TestDaemon::start().await;
    let mut database = st2.database().connect().await;
    let body = json!({"action": "core.local", "parameters": {"cmd": "echo taken"}, "delay": 1500});
    let requested = st2.post("/v1/executions", body).await.expect(201);
    let id = requested["id"].as_str().unwrap();
    // A claim does not read this table, and reading what it took does.
    let mut lock = database.begin().await.unwrap();
    sqlx::query("LOCK TABLE action_snapshots IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    eventually("the scheduler has claimed it and cannot read it", SOON, async || {
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
                AND EXISTS (SELECT FROM executions WHERE status = 'running')";
        let cut: i64 = sqlx::query_scalar(cut).fetch_one(&mut *lock).await.unwrap();
        (cut > 0).then_some(())
    })
    .await;
    lock.rollback().await.unwrap();
    let ended = st2.wait_for_end(id).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("taken")));
    assert_eq!(history(&ended), ["requested", "delayed", "scheduled", "running", "succeeded"]);
}
