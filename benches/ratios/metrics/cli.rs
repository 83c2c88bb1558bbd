//! 25: how long the client takes.

use crate::{
    anchor,
    daemon::Daemon,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use std::time::Instant;

const SAMPLES: usize = 40;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let (mut version, mut noop) = (vec![], vec![]);
    let (mut bare, mut version_times, mut noop_times) = (vec![], vec![], vec![]);
    for _ in 0..pairs {
        bare.push(sample(|| Ok(anchor::true_()))?);
        version_times.push(sample(|| timed(&daemon, &["--version"]))?);
        noop_times.push(sample(|| timed(&daemon, &["run", "core.noop"]))?);
        version.push(version_times[version_times.len() - 1] / bare[bare.len() - 1]);
        noop.push(noop_times[noop_times.len() - 1] / bare[bare.len() - 1]);
    }
    let ms = |values: &[f64]| median(values) * 1000.0;
    let row = |what, values, goal, stretch, times: &[f64]| Row {
        number: "25",
        what,
        values,
        goal: Goal::AtMost(goal),
        stretch,
        note: format!("{:.2} ms against {:.2} ms", ms(times), ms(&bare)),
    };
    Ok(vec![
        row("st2 --version ÷ /bin/true", version, 4.0, 2.0, &version_times),
        row("st2 run core.noop ÷ /bin/true", noop, 12.0, 6.0, &noop_times),
    ])
}

fn sample(mut one: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    Ok(median(&(0..SAMPLES).map(|_| one()).collect::<anyhow::Result<Vec<_>>>()?))
}

fn timed(daemon: &Daemon, arguments: &[&str]) -> anyhow::Result<f64> {
    let mut command = daemon.st2();
    let begin = Instant::now();
    let status = command.args(arguments).status()?;
    anyhow::ensure!(status.success(), "st2 {arguments:?} failed");
    Ok(begin.elapsed().as_secs_f64())
}
