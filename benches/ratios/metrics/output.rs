//! 16: lines of output stored per second. 17: what polling output costs as it grows.

use crate::{
    anchor,
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use serde_json::json;
use std::time::Instant;

const LINES: usize = 10_000;
const LINE: usize = 64;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    anchor::prepare(&postgres)?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let mut client = daemon.client()?;
    let text = format!("{}\n", "x".repeat(LINE - 1)).repeat(LINES);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &text)?;
    let cat = format!("cat {}", file.path().display());
    let print = json!({"action": "core.local", "parameters": {"cmd": cat}}).to_string();
    let copy_table = tempfile::NamedTempFile::new()?;
    std::fs::write(copy_table.path(), "")?;
    let (mut ratios, mut stored, mut copied) = (vec![], vec![], vec![]);
    let mut id = String::new();
    for _ in 0..pairs {
        let begin = Instant::now();
        postgres.psql("anchor", &format!("\\copy lines (line) FROM '{}'", file.path().display()))?;
        copied.push(LINES as f64 / begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        id = http::post(&mut client, &print)?;
        let done = http::wait(&mut client, &id)?;
        stored.push(LINES as f64 / begin.elapsed().as_secs_f64());
        anyhow::ensure!(done["status"] == "succeeded", "printing was {}", done["status"]);
        ratios.push(stored[stored.len() - 1] / copied[copied.len() - 1]);
    }
    let mut rows = vec![Row {
        number: "16",
        what: "lines stored/s, 10,000 lines printed ÷ COPY of the same",
        values: ratios,
        goal: Goal::AtLeast(0.3),
        stretch: 0.7,
        note: format!("{:.0}/s against {:.0}/s", median(&stored), median(&copied)),
    }];
    // A poller at line 100 of an action that has printed 100 lines, and one at line 10,000 of 10,000.
    let few =
        json!({"action": "core.local", "parameters": {"cmd": format!("{cat} | head -n 100")}}).to_string();
    let short = http::post(&mut client, &few)?;
    http::wait(&mut client, &short)?;
    let (early, late) = (LINE * 99, text.len() - LINE);
    let mut costs = Vec::new();
    let mut bytes = 0;
    for _ in 0..pairs {
        // The same amount of news at both: one line.
        let near = poll(&mut client, &short, early)?.0;
        let (far, answered) = poll(&mut client, &id, late)?;
        bytes = answered;
        costs.push(far / near);
    }
    rows.push(Row {
        number: "17",
        what: "cost of an output poll at line 10,000 ÷ at line 100",
        values: costs,
        goal: Goal::AtMost(1.5),
        stretch: 1.1,
        note: String::new(),
    });
    rows.push(Row {
        number: "17",
        what: "bytes of body per new byte in a poll",
        values: vec![bytes as f64 / LINE as f64],
        goal: Goal::AtMost(1.2),
        stretch: 1.05,
        note: String::new(),
    });
    Ok(rows)
}

/// Median seconds of a poll for what follows `offset`, and the bytes it answered.
fn poll(client: &mut http::Client, id: &str, offset: usize) -> anyhow::Result<(f64, usize)> {
    let path = format!("/api/v1/executions/{id}/output?offset={offset}");
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..100 {
        let begin = Instant::now();
        let answer = client.request("GET", &path, "")?;
        times.push(begin.elapsed().as_secs_f64());
        anyhow::ensure!(answer.status == 200, "output answered {}", answer.status);
        bytes = answer.body.len();
    }
    Ok((median(&times), bytes))
}
