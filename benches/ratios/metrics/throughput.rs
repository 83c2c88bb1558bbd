//! 1: no-ops per second through the API. 11: accepted requests per second. 26: what a no-op costs the database.

use crate::{
    anchor,
    daemon::Daemon,
    http,
    load::{self, Request},
    postgres::Postgres,
    report::{Goal, Row, median},
};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
const SECONDS: u32 = 4;
const NOOP: &str = r#"{"action":"core.noop"}"#;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    anchor::prepare(&postgres)?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    load(&daemon, Duration::from_secs(1))?;
    wait_until_done(&postgres)?;
    let (mut rates, mut accepts) = (Vec::new(), Vec::new());
    let (mut three, mut one, mut done_rates, mut accept_rates) = (vec![], vec![], vec![], vec![]);
    for _ in 0..pairs {
        three.push(postgres.pgbench(anchor::THREE_COMMITS, CLIENTS as u32, SECONDS)?);
        one.push(postgres.pgbench(anchor::ONE_INSERT, CLIENTS as u32, SECONDS)?);
        let begin = Instant::now();
        let count = load(&daemon, Duration::from_secs(u64::from(SECONDS)))?;
        accept_rates.push(count as f64 / begin.elapsed().as_secs_f64());
        wait_until_done(&postgres)?;
        done_rates.push(count as f64 / begin.elapsed().as_secs_f64());
        rates.push(done_rates[done_rates.len() - 1] / three[three.len() - 1]);
        accepts.push(accept_rates[accept_rates.len() - 1] / one[one.len() - 1]);
    }
    let mut rows = vec![
        Row {
            number: "1",
            what: "no-op executions/s, 8 clients ÷ 3-commit pgbench",
            values: rates,
            goal: Goal::AtLeast(1.0),
            stretch: 2.0,
            note: format!("{:.0}/s against {:.0}/s", median(&done_rates), median(&three)),
        },
        Row {
            number: "11",
            what: "POST /executions accepted/s ÷ one-row insert/s, 8 clients",
            values: accepts,
            goal: Goal::AtLeast(0.5),
            stretch: 1.0,
            note: format!("{:.0}/s against {:.0}/s", median(&accept_rates), median(&one)),
        },
    ];
    rows.extend(costs(&postgres, &daemon)?);
    Ok(rows)
}

fn load(daemon: &Daemon, duration: Duration) -> anyhow::Result<usize> {
    load::post(daemon, CLIENTS, duration, Request { path: "/v1/executions", body: NOOP, status: 201 })
}

fn wait_until_done(postgres: &Postgres) -> anyhow::Result<()> {
    while postgres.psql("st2", "SELECT count(*) FROM executions WHERE ended_at IS NULL")? != "0" {
        std::thread::sleep(Duration::from_millis(5));
    }
    let failed = postgres.psql("st2", "SELECT count(*) FROM executions WHERE status <> 'succeeded'")?;
    anyhow::ensure!(failed == "0", "{failed} executions did not succeed");
    Ok(())
}

struct Counters {
    rows: f64,
    wal: f64,
    commits: f64,
}

fn counters(postgres: &Postgres) -> anyhow::Result<Counters> {
    // A backend tells its statistics within a second while it works, and ten seconds after its last transaction.
    std::thread::sleep(Duration::from_secs(11));
    let number = |sql: &str| -> anyhow::Result<f64> { Ok(postgres.psql("st2", sql)?.parse()?) };
    Ok(Counters {
        rows: number("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables")?,
        wal: number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")?,
        commits: number("SELECT xact_commit FROM pg_stat_database WHERE datname = 'st2'")?,
    })
}

/// Exact counts of a no-op: one at a time, then under load.
fn costs(postgres: &Postgres, daemon: &Daemon) -> anyhow::Result<Vec<Row>> {
    // Or the vacuum of what came before, the anchor's tables too, would be charged to what is measured.
    postgres.psql("anchor", "VACUUM (ANALYZE)")?;
    postgres.psql("st2", "VACUUM (ANALYZE)")?;
    let before = counters(postgres)?;
    let mut client = daemon.client()?;
    let alone = 500;
    for _ in 0..alone {
        let id = http::post(&mut client, NOOP)?;
        http::wait(&mut client, &id)?;
    }
    let middle = counters(postgres)?;
    let loaded = load(daemon, Duration::from_secs(u64::from(SECONDS)))?;
    wait_until_done(postgres)?;
    let after = counters(postgres)?;
    let (alone, loaded) = (f64::from(alone), loaded as f64);
    let row = |number, what, value: f64, goal, stretch, note| Row {
        number,
        what,
        values: vec![value],
        goal: Goal::AtMost(goal),
        stretch,
        note,
    };
    let per = |before: f64, after: f64, count: f64| (after - before) / count;
    Ok(vec![
        row("26", "rows written per no-op", per(middle.rows, after.rows, loaded), 6.0, 4.0, String::new()),
        row(
            "26",
            "kB of WAL per no-op",
            per(middle.wal, after.wal, loaded) / 1000.0,
            6.0,
            3.0,
            format!("one at a time {:.2} kB", per(before.wal, middle.wal, alone) / 1000.0),
        ),
        row(
            "26",
            "commits per no-op under load",
            per(middle.commits, after.commits, loaded),
            3.0,
            1.0,
            format!(
                "one at a time {:.2}, reads of the poll included",
                per(before.commits, middle.commits, alone)
            ),
        ),
    ])
}
