//! 7: ten tasks in a row. 8: fifty at once that meet again. 9: how both grow, with their number and with what they carry.

use crate::{
    anchor,
    daemon::Daemon,
    http::{self, Client},
    postgres::Postgres,
    report::{Goal, Row, median},
};
use anyhow::ensure;
use std::{fmt::Write, fs, os::unix::fs::PermissionsExt, path::Path, time::Instant};

/// Runs of a workflow for one value.
const SAMPLES: usize = 15;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    anchor::prepare(&postgres)?;
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("st2");
    write_pack(&data.join("packs/bench"))?;
    // st2d wants its directory for itself when there is something in it.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    let daemon = Daemon::start_in(directory.path(), Some(&postgres.url("st2")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = postgres.url("anchor");
    let mut connection = runtime.block_on(<sqlx::PgConnection as sqlx::Connection>::connect(&url))?;
    let mut insert = || -> anyhow::Result<f64> {
        median_of(SAMPLES * 10, || {
            let begin = Instant::now();
            runtime.block_on(sqlx::query(anchor::ONE_INSERT).execute(&mut connection))?;
            Ok(begin.elapsed().as_secs_f64())
        })
    };
    let mut client = daemon.client()?;
    let mut time = |action: &str, parameters: &str, samples: usize| -> anyhow::Result<f64> {
        median_of(samples, || workflow(&mut client, action, parameters))
    };
    let small = format!(r#"{{"carried": "{}"}}"#, "x".repeat(1_000));
    let large = format!(r#"{{"carried": "{}"}}"#, "x".repeat(1_000_000));
    let (mut row, mut fork, mut wide, mut loaded, mut items) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut rows, mut forks, mut wides, mut loads, mut manies) = (vec![], vec![], vec![], vec![], vec![]);
    time("row10", "{}", SAMPLES)?;
    for _ in 0..pairs {
        let one = insert()?;
        rows.push(time("row10", "{}", SAMPLES)?);
        row.push(rows[rows.len() - 1] / (10.0 * one));
        let one = insert()?;
        forks.push(time("fork50", "{}", SAMPLES)?);
        fork.push(forks[forks.len() - 1] / (50.0 * one));
        wides.push(time("fork500", "{}", 3)?);
        wide.push(wides[wides.len() - 1] / forks[forks.len() - 1]);
        let light = time("row100", &small, 5)?;
        loads.push(time("row100", &large, 5)?);
        loaded.push(loads[loads.len() - 1] / light);
        let hundred = time("items100", "{}", 5)?;
        manies.push(time("items1000", "{}", 3)?);
        items.push(manies[manies.len() - 1] / hundred);
    }
    runtime.block_on(async { drop(connection) });
    let ms = |values: &[f64]| median(values) * 1000.0;
    Ok(vec![
        Row {
            number: "7",
            what: "10 noops in a row, request to visible end ÷ 10 inserts",
            values: row,
            goal: Goal::AtMost(6.0),
            stretch: 3.0,
            note: format!("{:.1} ms", ms(&rows)),
        },
        Row {
            number: "8",
            what: "50 noops at once and a join ÷ 50 inserts",
            values: fork,
            goal: Goal::AtMost(2.5),
            stretch: 1.0,
            note: format!("{:.1} ms", ms(&forks)),
        },
        Row {
            number: "9",
            what: "500 at once ÷ 50 at once",
            values: wide,
            goal: Goal::AtMost(12.0),
            stretch: 10.0,
            note: format!("{:.0} ms", ms(&wides)),
        },
        Row {
            number: "9",
            what: "100 in a row with 1 MB of context ÷ with 1 kB",
            values: loaded,
            goal: Goal::AtMost(3.0),
            stretch: 1.5,
            note: format!("{:.0} ms", ms(&loads)),
        },
        Row {
            number: "9",
            what: "1,000 items ÷ 100 items",
            values: items,
            goal: Goal::AtMost(12.0),
            stretch: 10.0,
            note: format!("{:.0} ms", ms(&manies)),
        },
    ])
}

/// Seconds from the request of a workflow to its visible end.
fn workflow(client: &mut Client, action: &str, parameters: &str) -> anyhow::Result<f64> {
    let body = format!(r#"{{"action": "bench.{action}", "parameters": {parameters}}}"#);
    let begin = Instant::now();
    let id = http::post(client, &body)?;
    // Without what would make the question dearer than the answer.
    let status = format!("{id}?include_attributes=status");
    let ended = http::wait(client, &status)?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(ended["status"] == "succeeded", "{action} ended as {}", ended["status"]);
    Ok(seconds)
}

fn median_of(samples: usize, mut one: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    let times = (0..samples).map(|_| one()).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(median(&times))
}

/// A pack of the workflows that are measured.
fn write_pack(pack: &Path) -> anyhow::Result<()> {
    let workflows = pack.join("actions/workflows");
    fs::create_dir_all(&workflows)?;
    fs::write(
        pack.join("pack.yaml"),
        "ref: bench\nname: bench\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n",
    )?;
    let items = |count: u32| {
        format!(
            "  a:\n    with: <% range({count}).toList() %>\n    action: core.noop\n    next: [{{do: b}}]\n  b: {{action: core.noop}}\n"
        )
    };
    for (name, tasks) in [
        ("row10", row(10)),
        ("row100", row(100)),
        ("fork50", fork(50)),
        ("fork500", fork(500)),
        ("items100", items(100)),
        ("items1000", items(1000)),
    ] {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\n\
             parameters:\n  carried: {{type: string}}\n"
        );
        fs::write(pack.join(format!("actions/{name}.yaml")), metadata)?;
        let definition = format!("version: 1.0\ninput: [carried]\ntasks:\n{tasks}");
        fs::write(workflows.join(format!("{name}.yaml")), definition)?;
    }
    Ok(())
}

/// Tasks in a row, each of which publishes something.
fn row(count: u32) -> String {
    let mut tasks = String::new();
    for at in 1..count {
        let next = at + 1;
        let _ = writeln!(
            tasks,
            "  t{at}: {{action: core.noop, next: [{{when: <% succeeded() %>, publish: [{{n: {at}}}], do: t{next}}}]}}"
        );
    }
    tasks + &format!("  t{count}: {{action: core.noop}}\n")
}

/// Tasks that begin together after one, and meet in one.
fn fork(count: u32) -> String {
    let mut tasks = String::from("  begin:\n    action: core.noop\n    next:\n      - do:\n");
    for at in 0..count {
        let _ = writeln!(tasks, "          - t{at}");
    }
    for at in 0..count {
        let _ = writeln!(tasks, "  t{at}: {{action: core.noop, next: [{{do: end}}]}}");
    }
    tasks + "  end: {join: all, action: core.noop}\n"
}
