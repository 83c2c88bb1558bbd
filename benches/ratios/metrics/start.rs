//! 23: first start to the first execution. 24: the same with all in place.

use crate::{
    daemon::Daemon,
    http, postgres,
    report::{Goal, Row, median},
};
use std::time::{Duration, Instant};

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let (mut first, mut warm) = (vec![], vec![]);
    let (mut first_times, mut warm_times, mut bare_first, mut bare_warm) = (vec![], vec![], vec![], vec![]);
    for _ in 0..pairs {
        let cluster = tempfile::tempdir()?;
        let initdb = postgres::initdb(cluster.path())?;
        let (mut process, start) = postgres::serve(cluster.path())?;
        postgres::stop(&mut process);
        let (mut process, again) = postgres::serve(cluster.path())?;
        postgres::stop(&mut process);
        bare_first.push((initdb + start).as_secs_f64());
        bare_warm.push(again.as_secs_f64());

        let directory = tempfile::tempdir()?;
        first_times.push(to_first_execution(directory.path())?.as_secs_f64());
        warm_times.push(to_first_execution(directory.path())?.as_secs_f64());
        first.push(first_times[first_times.len() - 1] / bare_first[bare_first.len() - 1]);
        warm.push(warm_times[warm_times.len() - 1] / bare_warm[bare_warm.len() - 1]);
    }
    let note = |ours: &[f64], bare: &[f64]| format!("{:.2} s against {:.2} s", median(ours), median(bare));
    Ok(vec![
        Row {
            number: "23",
            what: "first start to first execution done ÷ initdb + start",
            values: first,
            goal: Goal::AtMost(2.5),
            stretch: 1.5,
            note: note(&first_times, &bare_first),
        },
        Row {
            number: "24",
            what: "warm start to first execution done ÷ PostgreSQL start",
            values: warm,
            goal: Goal::AtMost(5.0),
            stretch: 2.5,
            note: note(&warm_times, &bare_warm),
        },
    ])
}

fn to_first_execution(directory: &std::path::Path) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let daemon = Daemon::start_in(directory, None)?;
    let mut client = daemon.client()?;
    let id = http::post(&mut client, r#"{"action":"core.noop"}"#)?;
    let done = http::wait(&mut client, &id)?;
    let elapsed = begin.elapsed();
    anyhow::ensure!(done["status"] == "succeeded", "the first execution was {}", done["status"]);
    eprintln!("     ready after {:?}, first execution done after {elapsed:?}", daemon.ready_after);
    Ok(elapsed)
}
