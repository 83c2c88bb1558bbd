//! 30: what many thousands of executions that wait cost the others, and those before them in line.

use crate::{
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
const MANY: usize = 100_000;
const FEW: usize = 100;
const TURN: Duration = Duration::from_secs(3);
const NOOP: &str = r#"{"action":"core.noop"}"#;
/// Waits in the queue for longer than anybody measures.
const LATER: &str = r#"{"action":"core.noop","delay":86400000}"#;
/// Waits at the gate of its action.
const LIMITED: &str = r#"{"action":"core.local","parameters":{"cmd":"true"}}"#;
/// Lets nobody through.
const POLICY: &str = r#"{"name":"none","resource_ref":"core.local","policy_type":"action.concurrency",
    "parameters":{"threshold":0}}"#;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let few = start(&postgres, "few", FEW, FEW)?;
    let queued = start(&postgres, "queued", MANY, 0)?;
    let limited = start(&postgres, "limited", 0, MANY)?;
    let mut rows = Vec::new();
    for (what, many) in [
        ("no-op executions/s with 100k queued ÷ with 100", &queued),
        ("no-op executions/s with 100k delayed by policy ÷ with 100", &limited),
    ] {
        let (mut values, mut fast, mut slow) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..pairs {
            fast.push(rate(&few)?);
            slow.push(rate(many)?);
            values.push(slow[slow.len() - 1] / fast[fast.len() - 1]);
        }
        rows.push(Row {
            number: "30",
            what,
            values,
            goal: Goal::AtLeast(0.8),
            stretch: 0.95,
            note: format!("{:.0}/s against {:.0}/s", median(&slow), median(&fast)),
        });
    }
    Ok(rows)
}

/// A daemon on a database of its own, with that many executions that wait in the queue and at a gate.
fn start(postgres: &Postgres, database: &str, queued: usize, limited: usize) -> anyhow::Result<Daemon> {
    postgres.psql("postgres", &format!("CREATE DATABASE {database}"))?;
    let daemon = Daemon::start(&postgres.url(database))?;
    let made = daemon.client()?.request("POST", "/v1/policies", POLICY)?;
    anyhow::ensure!(made.status == 201, "POST /policies: {}", made.status);
    fill(&daemon, LATER, queued)?;
    fill(&daemon, LIMITED, limited)?;
    // Until all of them have come to rest.
    let moving = "SELECT count(*) FROM executions WHERE status <> 'delayed'";
    while postgres.psql(database, moving)? != "0" {
        std::thread::sleep(Duration::from_millis(50));
    }
    postgres.psql(database, "VACUUM (ANALYZE)")?;
    rate(&daemon)?;
    Ok(daemon)
}

fn fill(daemon: &Daemon, body: &str, number: usize) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let worker = |number: usize| -> anyhow::Result<()> {
            let mut client = daemon.client()?;
            (0..number).try_for_each(|_| http::fire(&mut client, body))
        };
        let share = |client: usize| number / CLIENTS + usize::from(client < number % CLIENTS);
        let workers: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || worker(share(client)))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a load client panicked"))
    })
}

/// No-ops per second that are made and done: the answer of the last comes when it is stored, ended.
fn rate(daemon: &Daemon) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let count: usize = std::thread::scope(|scope| {
        let worker = || -> anyhow::Result<usize> {
            let mut client = daemon.client()?;
            let mut count = 0;
            while begin.elapsed() < TURN {
                http::fire(&mut client, NOOP)?;
                count += 1;
            }
            Ok(count)
        };
        let workers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a load client panicked"))
            .sum::<anyhow::Result<usize>>()
    })?;
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}
