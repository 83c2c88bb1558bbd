//! What clients no longer meet once the collector has been there, and what they still do.

use super::server::{Server, start_with};
use crate::support::processes::eventually;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    clock, content,
    engine::gc::Collected,
    service::{Service, Stop},
    store::outputs,
};
use std::time::Duration;

/// A server that can run actions and whose collector keeps everything for a day.
async fn server(pool: PgPool) -> (Server, tempfile::TempDir) {
    let packs = tempfile::tempdir().unwrap();
    let directory = packs.path().to_owned();
    let st2 = start_with(pool, move |config| {
        config.content.packs_dir = directory;
        let settings = &mut config.garbagecollector;
        settings.action_executions_ttl = Some(1);
        settings.action_executions_output_ttl = Some(1);
        settings.tokens_ttl = Some(1);
        settings.purge_inquiries = true;
        settings.sleep_delay = 0.0;
        config.workflow_engine.gc_max_idle_sec = 600;
    })
    .await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let mut scheduler = st2.app.engine.scheduler();
    st2d::service::spawn("scheduler", async move { scheduler.run(Stop::new()).await });
    (st2, packs)
}

async fn run(st2: &Server, action: &str, parameters: Value, until: &str) -> String {
    let body = json!({"action": action, "parameters": parameters});
    let answer = st2.send("POST", "/v1/executions", body).await;
    let id = answer.body["id"].as_str().unwrap_or_else(|| panic!("{:?}", answer.body)).to_owned();
    eventually(&format!("{action} is {until}"), Duration::from_secs(30), async || {
        (status(st2, &id).await == until).then_some(())
    })
    .await;
    id
}

async fn status(st2: &Server, id: &str) -> String {
    let execution = st2.get(&format!("/v1/executions/{id}")).await;
    execution.body["status"].as_str().unwrap_or("gone").to_owned()
}

async fn collect(st2: &Server, now: DateTime<Utc>) -> Collected {
    st2.app.engine.collector().collect(now, &Stop::new()).await
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(&format!("SELECT count(*) FROM {table}")).fetch_one(pool).await.unwrap()
}

#[sqlx::test]
async fn ended_executions_go_with_their_output_when_they_are_old(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    let ended = run(&st2, "core.local", json!({"cmd": "echo out"}), "succeeded").await;
    let alive = run(&st2, "core.ask", json!({"ttl": 0}), "pending").await;
    let ago = |hours| clock::now() + TimeDelta::hours(hours);
    assert_eq!(collect(&st2, ago(23)).await.executions, 0);
    assert_eq!(
        (status(&st2, &ended).await.as_str(), count(&pool, "execution_output").await),
        ("succeeded", 1)
    );
    assert_eq!(st2.get("/v1/executions").await.header("x-total-count"), Some("2"));

    let done = collect(&st2, ago(25)).await;
    assert_eq!((done.executions, done.inquiries), (1, 0));
    assert_eq!((status(&st2, &ended).await.as_str(), count(&pool, "execution_output").await), ("gone", 0));
    assert_eq!(status(&st2, &alive).await, "pending");
    assert_eq!(st2.get("/v1/executions").await.header("x-total-count"), Some("1"));
}

#[sqlx::test]
async fn a_long_history_goes_in_many_small_steps_and_the_rest_stays(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    let young = run(&st2, "core.noop", json!({}), "succeeded").await;
    // Of 1970, one a second; every third ended today only.
    sqlx::query(
        "INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, parameters, context,
             log_statuses, log_times, ended_at)
         SELECT decode(lpad(to_hex(n), 8, '0') || repeat('0', 16), 'hex'), liveaction_id, snapshot_id, action_ref, runner,
             status, parameters, context, log_statuses, log_times,
             CASE WHEN n % 3 = 0 THEN ended_at ELSE 'epoch'::timestamptz + interval '1 hour' END
         FROM executions, generate_series(1, 900) AS n",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(collect(&st2, clock::now()).await.executions, 600);
    assert_eq!(count(&pool, "executions").await, 301);
    assert_eq!(status(&st2, &young).await, "succeeded");
}

/// A workflow whose only task lasts until a file is there.
const WAITS: [(&str, &str); 3] = [
    ("pack.yaml", "name: flow\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n"),
    (
        "actions/waits.yaml",
        "name: waits\nrunner_type: orquesta\nentry_point: workflows/waits.yaml\nparameters:\n  file: {type: string}\n",
    ),
    (
        "actions/workflows/waits.yaml",
        "version: 1.0\ninput: [file]\ntasks:\n  only:\n    action: core.local\n    input:\n      cmd: while ! test -e <% \
         ctx(file) %>; do sleep 0.05; done\n",
    ),
];

#[sqlx::test]
async fn workflows_in_which_nothing_is_at_work_are_canceled(pool: PgPool) {
    let (st2, packs) = server(pool.clone()).await;
    for (file, text) in WAITS {
        let path = packs.path().join("flow").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let file = packs.path().join("go");
    let id = run(&st2, "flow.waits", json!({"file": file}), "running").await;
    let child = eventually("its task runs", Duration::from_secs(30), async || {
        let children = st2.get(&format!("/v1/executions/{id}/children")).await.body;
        (children[0]["status"] == "running").then(|| children[0]["id"].as_str().unwrap().to_owned())
    })
    .await;
    // One of 1970 that never got so far.
    sqlx::query(
        "INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, parameters, context,
             log_statuses, log_times)
         SELECT decode('000000010000000000000000', 'hex'), liveaction_id, snapshot_id, action_ref, runner, status, parameters, context,
             log_statuses, log_times
         FROM executions WHERE runner = 'orquesta'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let lost = "000000010000000000000000";
    let now = clock::now();
    let later = |seconds| now + TimeDelta::seconds(seconds);
    assert_eq!(collect(&st2, later(590)).await.workflows, 0);
    assert_eq!(collect(&st2, later(36_000)).await.workflows, 1);
    assert_eq!(
        (status(&st2, lost).await, status(&st2, &id).await),
        ("canceling".to_owned(), "running".to_owned())
    );
    let result = st2.get(&format!("/v1/executions/{lost}")).await.body["result"].clone();
    assert_eq!(result, json!({"message": "Action canceled by user.", "user": null}));

    // Its task has ended, and nobody told it.
    sqlx::query("UPDATE executions SET status = 'failed', ended_at = $2 WHERE id = decode($1, 'hex')")
        .bind(&child)
        .bind(now)
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(collect(&st2, later(599)).await.workflows, 0);
    assert_eq!(collect(&st2, later(601)).await.workflows, 1);
    // It ends when it looks for itself.
    assert_eq!(status(&st2, &id).await, "canceling");
    std::fs::write(file, "").unwrap();
}

#[sqlx::test]
async fn only_one_node_collects_at_a_time(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    run(&st2, "core.noop", json!({}), "succeeded").await;
    let mut other = st2.app.store.begin().await.unwrap();
    assert!(st2d::store::collector::try_alone(&mut other).await.unwrap());
    let later = clock::now() + TimeDelta::days(2);
    assert_eq!(collect(&st2, later).await.executions, 0);
    drop(other);
    eventually("the lock is free", Duration::from_secs(10), async || {
        (collect(&st2, later).await.executions == 1).then_some(())
    })
    .await;
}

#[sqlx::test]
async fn output_lies_in_days_that_are_made_ahead_and_dropped_whole(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    let now = clock::now();
    let old = now - TimeDelta::days(9);
    let mut tx = st2.app.store.begin().await.unwrap();
    outputs::ensure_partitions(&mut tx, old.date_naive(), 0).await.unwrap();
    tx.commit().await.unwrap();
    let exists = async |at: DateTime<Utc>| {
        let name = at.format("execution_output_%Y%m%d").to_string();
        let found: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(name)
            .fetch_one(&pool)
            .await
            .unwrap();
        found
    };
    assert!(exists(old).await && !exists(now).await);
    assert_eq!(collect(&st2, now).await.output_days, 1);
    assert!(!exists(old).await && exists(now).await && exists(now + TimeDelta::days(3)).await);
    run(&st2, "core.local", json!({"cmd": "echo out"}), "succeeded").await;
    assert_eq!(count(&pool, "execution_output_default").await, 0);
    // Somebody reads for long: the collector gives up soon, and others do not wait behind it.
    let mut reader = pool.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM execution_output").execute(&mut *reader).await.unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(collect(&st2, now + TimeDelta::days(20)).await.output_days, 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[sqlx::test]
async fn expired_tokens_and_keys_go_and_late_answers_time_out(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    let (user, password) = (&st2.first_start.user, &st2.first_start.password);
    let login = st2.bare("POST", &format!("{}/tokens", st2.auth)).basic_auth(user, Some(password));
    assert_eq!(super::server::send(login.json(&json!({"ttl": 60}))).await.status, 201);
    for (name, ttl) in [("short", 60), ("long", 86_400)] {
        let body = json!({"name": name, "value": "v", "ttl": ttl});
        assert_eq!(st2.send("PUT", &format!("/v1/keys/{name}"), body).await.status, 200);
    }
    let asked = run(&st2, "core.ask", json!({"ttl": 30}), "pending").await;
    let now = clock::now();
    let early = collect(&st2, now + TimeDelta::minutes(30)).await;
    assert_eq!(early, Collected { keys: 1, ..Collected::default() });
    assert_eq!(status(&st2, &asked).await, "pending");
    let late = collect(&st2, now + TimeDelta::minutes(32)).await;
    assert_eq!(late, Collected { inquiries: 1, ..Collected::default() });
    assert_eq!(status(&st2, &asked).await, "timeout");
    assert_eq!((count(&pool, "tokens").await, count(&pool, "key_values").await), (1, 1));
    assert_eq!(collect(&st2, now + TimeDelta::hours(25)).await.tokens, 1);
}

#[sqlx::test]
async fn every_question_is_announced_once_also_after_a_crash(pool: PgPool) {
    let (st2, _packs) = server(pool.clone()).await;
    let id = run(&st2, "core.ask", json!({"route": "ops"}), "pending").await;
    let announced = async || -> Vec<String> {
        sqlx::query_scalar(
            "SELECT payload::text FROM trigger_instances WHERE trigger = 'core.st2.generic.inquiry'",
        )
        .fetch_all(&pool)
        .await
        .unwrap()
    };
    let expected = json!({"id": id, "route": "ops"});
    let is_expected = |texts: Vec<String>| match texts.as_slice() {
        [] => false,
        [one] => serde_json::from_str::<Value>(one).unwrap() == expected,
        more => panic!("announced more than once: {more:?}"),
    };
    eventually("the question is announced", Duration::from_secs(10), async || {
        is_expected(announced().await).then_some(())
    })
    .await;
    // As if the daemon had died between the two commits.
    sqlx::query("DELETE FROM trigger_instances").execute(&pool).await.unwrap();
    for _ in 0..2 {
        collect(&st2, clock::now()).await;
        assert!(is_expected(announced().await));
    }
}
