//! 20: a Python action with a result of 8 MB, from request to visible end, against an interpreter that makes the same
//! JSON and prints it, and one durable insert of it.

use super::python::{Pack, python};
use crate::{
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use anyhow::bail;
use sqlx::Connection;
use std::time::Instant;

/// What is answered: about 8 MB of records, none like the other.
const MAKE: &str = "[{'number': i, 'name': 'host-%d' % i, 'load': i / 7, 'tags': ['a', 'b', str(i * i)]} for i in range(100000)]";

const SAMPLES: usize = 5;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let code = format!(
        "from st2common.runners.base_action import Action\nclass Large(Action):\n    def run(self):\n        return {MAKE}\n"
    );
    let pack = Pack::with(&[("large", &code)])?;
    let daemon = pack.daemon(&postgres.url("st2"), true)?;
    postgres.psql("anchor", "CREATE TABLE results (id bigint GENERATED ALWAYS AS IDENTITY, body json)")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut connection = runtime.block_on(sqlx::PgConnection::connect(&postgres.url("anchor")))?;
    let print = format!("import json, sys; sys.stdout.write(json.dumps({MAKE}))");
    let (mut ratios, mut whole, mut bare, mut size) = (vec![], vec![], vec![], 0);
    for _ in 0..pairs {
        bare.push(samples(|| {
            let text = String::from_utf8(python(&pack.python(), &print)?)?;
            size = text.len();
            let insert = sqlx::query("INSERT INTO results (body) VALUES ($1::text::json)").bind(&text);
            runtime.block_on(insert.execute(&mut connection))?;
            Ok(())
        })?);
        whole.push(samples(|| to_end(&daemon))?);
        ratios.push(whole[whole.len() - 1] / bare[bare.len() - 1]);
    }
    let ms = |values: &[f64]| median(values) * 1000.0;
    Ok(vec![Row {
        number: "20",
        what: "Python action with a large result ÷ python making it + one insert",
        values: ratios,
        goal: Goal::AtMost(2.0),
        stretch: 1.3,
        note: format!("{:.1} MB: {:.0} ms against {:.0} ms", size as f64 / 1e6, ms(&whole), ms(&bare)),
    }])
}

fn samples(mut one: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let begin = Instant::now();
        one()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    Ok(median(&times))
}

/// Until a GET shows the end. The result itself is not fetched: the anchor does not read it back either.
fn to_end(daemon: &Daemon) -> anyhow::Result<()> {
    let mut client = daemon.client()?;
    let id = http::post(&mut client, r#"{"action":"bench.large"}"#)?;
    loop {
        let path = format!("/v1/executions/{id}?include_attributes=status");
        let answer = client.request("GET", &path, "")?;
        let document: serde_json::Value = serde_json::from_slice(&answer.body)?;
        match document["status"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("requested" | "scheduled" | "running") => {
                std::thread::sleep(std::time::Duration::from_micros(500));
            }
            other => bail!("the action with a large result is {other:?}"),
        }
    }
}
