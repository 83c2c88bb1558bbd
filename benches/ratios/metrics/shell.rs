//! 4: shell executions per second.

use crate::{
    anchor,
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use std::time::{Duration, Instant};

const COMMANDS: usize = 1500;
const CLIENTS: usize = 4;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let (mut ratios, mut rates, mut bare) = (vec![], vec![], vec![]);
    for _ in 0..pairs {
        bare.push(anchor::shells_per_second(Duration::from_secs(2)));
        rates.push(COMMANDS as f64 / load(&postgres, &daemon)?);
        ratios.push(rates[rates.len() - 1] / bare[bare.len() - 1]);
    }
    Ok(vec![Row {
        number: "4",
        what: "core.local executions/s ÷ bare shells/s with 2 threads",
        values: ratios,
        goal: Goal::AtLeast(0.4),
        stretch: 0.6,
        note: format!("{:.0}/s against {:.0}/s", median(&rates), median(&bare)),
    }])
}

/// Seconds until all commands have ended.
fn load(postgres: &Postgres, daemon: &Daemon) -> anyhow::Result<f64> {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let worker = || -> anyhow::Result<()> {
            let mut client = daemon.client()?;
            for _ in 0..COMMANDS / CLIENTS {
                http::fire(&mut client, r#"{"action":"core.local","parameters":{"cmd":"true"}}"#)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a load client panicked"))
    })?;
    while postgres.psql("st2", "SELECT count(*) FROM executions WHERE ended_at IS NULL")? != "0" {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(begin.elapsed().as_secs_f64())
}
