//! What reads the database while that goes away: work in progress waits, requests are told to come back.

use super::workflows::{self, FILE, WAITS};
use crate::support::{daemon::TestDaemon, processes::eventually};
use serde_json::json;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What holds the entries of the datastore.
const ENTRIES: &str = "key_values";

/// While it lives nobody can read a table.
async fn locked<'c>(database: &'c mut PgConnection, table: &str) -> Transaction<'c, Postgres> {
    let mut lock = database.begin().await.unwrap();
    let text = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
    sqlx::query(&text).execute(&mut *lock).await.unwrap();
    lock
}

/// Cuts the connections of those who try to read it, `times` in a row.
async fn cut(lock: &mut Transaction<'_, Postgres>, table: &str, times: i64) {
    for _ in 0..times {
        eventually("somebody reads the table", PATIENCE, async || {
            // A transaction sees the sessions as it saw them first.
            sqlx::query("SELECT pg_stat_clear_snapshot()").execute(&mut **lock).await.unwrap();
            let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                    AND query LIKE '%' || $1 || '%' AND query NOT LIKE '%min(expires_at)%'";
            let cut = sqlx::query_scalar(cut).bind(table).fetch_one(&mut **lock);
            let cut: i64 = cut.await.unwrap();
            (cut > 0).then_some(())
        })
        .await;
    }
}

async fn with_entry() -> TestDaemon {
    let st2 = TestDaemon::start().await;
    st2.put("/v1/keys/word", json!({"name": "word", "value": "kept"})).await.expect(200);
    st2
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_the_datastore() {
    let st2 = with_entry().await;
    let action = json!({
        "name": "says", "pack": "default", "runner_type": "local-shell-cmd", "entry_point": "",
        "parameters": {"cmd": {"type": "string", "default": "echo {{ st2kv.system.word }}", "immutable": true}},
    });
    st2.post("/v1/actions", action).await.expect(201);
    let requested =
        st2.post("/v1/executions", json!({"action": "default.says", "delay": 2000})).await.expect(201);
    let mut database = st2.database().connect().await;
    let mut lock = locked(&mut database, ENTRIES).await;
    cut(&mut lock, ENTRIES, 3).await;
    lock.rollback().await.unwrap();
    let ended = st2.wait_for_end(requested["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("kept")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_what_its_rule_compares_it_with() {
    let st2 = with_entry().await;
    let rule = json!({
        "name": "r", "enabled": true, "action": {"ref": "core.noop"},
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        "criteria": {"trigger.body.word": {"type": "equals", "pattern": "{{ st2kv.system.word }}"}},
    });
    st2.post("/v1/rules", rule).await.expect(201);
    let mut database = st2.database().connect().await;
    let mut lock = locked(&mut database, ENTRIES).await;
    st2.post("/v1/webhooks/hook", json!({"word": "kept"})).await.expect(202);
    cut(&mut lock, ENTRIES, 2).await;
    lock.rollback().await.unwrap();
    let found = eventually("the enforcement", PATIENCE, async || {
        let found = st2.get("/v1/ruleenforcements?rule_ref=default.r").await.expect(200);
        (found != json!([])).then_some(found)
    })
    .await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["status"]), (1, &json!("succeeded")), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_to_come_back_and_leaves_nothing() {
    let st2 = with_entry().await;
    let mut database = st2.database().connect().await;
    let mut lock = locked(&mut database, ENTRIES).await;
    let body = json!({"action": "core.echo", "parameters": {"message": "{{ st2kv.system.word }}"}});
    let (answer, ()) = tokio::join!(st2.post("/v1/executions", body), cut(&mut lock, ENTRIES, 1));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.headers.contains_key("retry-after"));
    lock.rollback().await.unwrap();
    assert_eq!(st2.get("/v1/executions").await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_waits_for_its_pack_to_begin() {
    let st2 = TestDaemon::start().with_home(&workflows::home(&[("waits", FILE, WAITS)])).await;
    let body = json!({"action": "flow.waits", "parameters": {"file": "/"}, "delay": 2000});
    let requested = st2.post("/v1/executions", body).await.expect(201);
    let mut database = st2.database().connect().await;
    let mut lock = locked(&mut database, "packs").await;
    cut(&mut lock, "packs", 3).await;
    lock.rollback().await.unwrap();
    let ended = st2.wait_for_end(requested["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_of_a_killed_daemon_waits_for_its_rows_to_go_on() {
    let home = workflows::home(&[("waits", FILE, WAITS)]);
    let mut st2 = TestDaemon::start().with_home(&home).await;
    let file = st2.data_dir().join("go");
    let workflow = st2.request_action("flow.waits", json!({"file": file})).await;
    eventually("its first task", PATIENCE, async || {
        (!workflows::children(&st2, &workflow).await.is_empty()).then_some(())
    })
    .await;
    st2.kill();
    let (_, database) = st2.ended_with_database().await;
    let mut other = database.connect().await;
    let mut lock = locked(&mut other, "workflow_pieces").await;
    let st2 = TestDaemon::start().with_home(&home).with_database(database).await;
    cut(&mut lock, "workflow_pieces", 3).await;
    lock.rollback().await.unwrap();
    let ended = st2.wait_for_end(&workflow).await;
    // The daemon that ran the first task is gone, and so is that; what comes after it runs.
    let tasks = workflows::tasks(&st2, &workflow).await;
    assert_eq!(tasks, ["first abandoned", "second succeeded"], "{ended:#}");
}
