//! What this machine can do at all: durable rows, processes.

use crate::postgres::Postgres;
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// A row of about 1 kB that goes through three states, a commit each: what an execution costs without batching.
pub(crate) const THREE_COMMITS: &str = "\
\\set id random(1, 2000000000)
INSERT INTO runs (key, status, body, log) VALUES (:id, 'requested', repeat('x', 700), 'requested') RETURNING id \\gset
UPDATE runs SET status = 'running', log = log || ',running' WHERE id = :id AND status = 'requested';
UPDATE runs SET status = 'succeeded', log = log || ',succeeded', result = repeat('y', 100), ended_at = now()
  WHERE id = :id AND status = 'running';
";

/// One durable row.
pub(crate) const ONE_INSERT: &str =
    "INSERT INTO runs (key, status, body, log) VALUES (1, 'requested', repeat('x', 700), 'r');";

pub(crate) fn prepare(postgres: &Postgres) -> anyhow::Result<()> {
    postgres.psql(
        "anchor",
        "CREATE TABLE IF NOT EXISTS runs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key bigint, status text,
             body text, log text, result text, ended_at timestamptz) WITH (fillfactor = 70);
         CREATE TABLE IF NOT EXISTS lines (n bigint, line text)",
    )?;
    Ok(())
}

/// Seconds of one bare `sh -c true`.
pub(crate) fn shell() -> f64 {
    let begin = Instant::now();
    let _ = Command::new("/bin/sh").args(["-c", "true"]).output();
    begin.elapsed().as_secs_f64()
}

/// Seconds of one bare `/bin/true`.
pub(crate) fn true_() -> f64 {
    let begin = Instant::now();
    let _ = Command::new("/bin/true").output();
    begin.elapsed().as_secs_f64()
}

/// Shells per second with two threads that start them.
pub(crate) fn shells_per_second(duration: Duration) -> f64 {
    let begin = Instant::now();
    let count: usize = std::thread::scope(|scope| {
        let worker = || {
            let mut count = 0;
            while begin.elapsed() < duration {
                shell();
                count += 1;
            }
            count
        };
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.into_iter().filter_map(|worker| worker.join().ok()).sum()
    });
    count as f64 / begin.elapsed().as_secs_f64()
}
