//! `make bench`: how fast and how small st2d is, as ratios against what this machine can do at all.
//!
//! Machines are noisy, so anchor and subject run in turn within one run, and only the ratio means anything: the
//! median over all pairs is reported with its spread, and nothing is thrown away. Absolute figures are shown for
//! orientation. Numbers of metrics are those of the project's performance goals; from 40 on they are about pure parts, without a daemon.

#![expect(
    clippy::disallowed_methods,
    reason = "the load generator blocks on purpose: it has threads of its own"
)]

/// As in the daemon, whose parts are measured here by themselves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod anchor;
mod daemon;
mod http;
mod load;
mod metrics;
mod postgres;
mod report;

use report::{Row, Table};

fn main() {
    // `cargo bench` passes flags meant for its own harness; what is left names metrics to run.
    let wanted: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let pairs = std::env::var("BENCH_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let runs = |number: u32| wanted.is_empty() || wanted.contains(&number);
    let mut table = Table::default();
    let mut take = |rows: anyhow::Result<Vec<Row>>| match rows {
        Ok(rows) => rows.into_iter().for_each(|row| table.push(row)),
        Err(error) => eprintln!("not measured: {error:#}"),
    };
    if runs(1) || runs(11) || runs(26) {
        take(metrics::throughput::run(pairs));
    }
    if runs(10) || runs(11) {
        take(metrics::events::run(pairs));
    }
    if runs(10) {
        take(metrics::flood::run(pairs));
    }
    if runs(11) {
        take(metrics::flood::sensors());
    }
    if runs(3) || runs(12) {
        take(metrics::latency::run(pairs));
    }
    if runs(4) {
        take(metrics::shell::run(pairs));
    }
    if runs(5) || runs(6) {
        take(metrics::python::run(pairs));
    }
    if runs(7) || runs(8) || runs(9) {
        take(metrics::workflows::run(pairs));
    }
    if runs(20) {
        take(metrics::result::run(pairs));
    }
    if runs(13) {
        take(metrics::stream::run(pairs));
    }
    if runs(16) || runs(17) {
        take(metrics::output::run(pairs));
    }
    if runs(21) || runs(22) {
        take(metrics::idle::run());
    }
    if runs(30) {
        take(metrics::backlog::run(pairs));
    }
    if runs(29) {
        take(metrics::sources::timers());
    }
    if runs(22) {
        take(metrics::sources::sensors());
    }
    if runs(23) || runs(24) {
        take(metrics::start::run(pairs));
    }
    if runs(25) {
        take(metrics::cli::run(pairs));
    }
    if runs(40) || runs(41) {
        take(metrics::expressions::run(pairs));
    }
    if runs(42) || runs(43) {
        take(metrics::conductor::run(pairs));
    }
    if runs(44) {
        take(metrics::evil::run(pairs));
    }
    print!("{}", table.markdown());
}
