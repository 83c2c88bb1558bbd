//! 21: memory at rest. 22: what an idle daemon does.

use crate::{
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row},
};
use std::{fs, path::Path, time::Duration};

const IDLE_SECONDS: u32 = 60;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut rows = memory()?;
    rows.extend(work()?);
    Ok(rows)
}

fn memory() -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let daemon = Daemon::start_in(directory.path(), None)?;
    let mut client = daemon.client()?;
    let id = http::post(&mut client, r#"{"action":"core.noop"}"#)?;
    http::wait(&mut client, &id)?;
    std::thread::sleep(Duration::from_secs(5));
    let own = pss(daemon.pid())?;
    let postgres: f64 = children(daemon.pid()).into_iter().map(|pid| pss(pid).unwrap_or(0.0)).sum();
    let row = |what, value, goal, stretch, note| Row {
        number: "21",
        what,
        values: vec![value],
        goal: Goal::AtMost(goal),
        stretch,
        note,
    };
    Ok(vec![
        row(
            "MB PSS at rest, daemon and its PostgreSQL",
            own + postgres,
            100.0,
            60.0,
            format!("PostgreSQL {postgres:.0} MB"),
        ),
        row("MB PSS at rest, daemon", own, 60.0, 30.0, String::new()),
    ])
}

fn work() -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    std::thread::sleep(Duration::from_secs(5));
    let commits = || -> anyhow::Result<f64> {
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'st2'";
        Ok(postgres.psql("anchor", sql)?.parse()?)
    };
    let (queries, cpu) = (commits()?, cpu_seconds(daemon.pid())?);
    std::thread::sleep(Duration::from_secs(u64::from(IDLE_SECONDS)));
    let seconds = f64::from(IDLE_SECONDS);
    let (queries, cpu) = ((commits()? - queries) / seconds, (cpu_seconds(daemon.pid())? - cpu) / seconds);
    let row = |what, value, goal, stretch| Row {
        number: "22",
        what,
        values: vec![value],
        goal: Goal::AtMost(goal),
        stretch,
        note: format!("over {IDLE_SECONDS} s"),
    };
    Ok(vec![row("% of a core, idle", cpu * 100.0, 0.5, 0.1), row("queries/s, idle", queries, 2.0, 0.5)])
}

/// Proportional set size in MB.
fn pss(pid: u32) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or("Pss: 0 kB");
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse::<f64>()? / 1000.0)
}

/// All descendants of a process.
fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let direct: Vec<u32> = tasks
        .filter_map(Result::ok)
        .filter_map(|task| fs::read_to_string(Path::new(&task.path()).join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    direct.iter().flat_map(|child| std::iter::once(*child).chain(children(*child))).collect()
}

pub(super) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Fields after the name in parentheses: state is the first, user and system time the 12th and 13th.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}
