//! The root: starts everything in order, says when it is ready, stops it in order.
//!
//! Start: data directory, ports, database, services. Stop: what takes in work, what does it, what records it, the
//! database. What fails before the ready line fails the start, with a message that says how to mend it.

mod data_dir;
mod database;
mod listen;
mod postgres;
mod signals;
mod supervisor;

pub use data_dir::InUse;
pub use supervisor::{Stage, Supervisor};

use crate::config::Config;
use data_dir::DataDir;
use database::Database;
use listen::{Addresses, Listeners};
use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};
use tracing::info;

/// How long a stage that does not run actions may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the command line adds to the settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Write the addresses of the listeners here, as JSON, once ready.
    pub ports_file: Option<PathBuf>,
}

/// Runs until a signal asks to stop.
pub async fn run(config: Config, options: Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let asked = signals::listen()?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let listeners = Listeners::bind(&config)?;
    let addresses = listeners.addresses();
    // A stop during a long start (a recovery, a database that is not there yet) must not wait for its end. What got
    // started by then is found by the next daemon.
    let database = tokio::select! {
        database = Database::open(&config.database, data_dir.path()) => database?,
        () = asked.stop.requested() => return Ok(()),
    };
    let mut supervisor = Supervisor::default();
    say_ready(&addresses, &options)?;
    info!("Ready in {} ms", begun.elapsed().as_millis());

    asked.stop.requested().await;
    let begun = Instant::now();
    let work = Duration::from_secs(config.actionrunner.exit_still_active_check) + PATIENCE;
    supervisor.stop(Stage::Intake, PATIENCE, &asked.hurry).await;
    supervisor.stop(Stage::Work, work, &asked.hurry).await;
    // Never hurried: what was done is written down, or done again.
    supervisor.stop(Stage::Record, PATIENCE, &crate::service::Stop::new()).await;
    database.close().await;
    info!("Stopped in {} ms", begun.elapsed().as_millis());
    Ok(())
}

/// Tells whoever waits that executions can be run.
fn say_ready(addresses: &Addresses, options: &Options) -> anyhow::Result<()> {
    if let Some(path) = &options.ports_file {
        addresses.write(path)?;
    }
    let mut stdout = std::io::stdout().lock();
    // Nobody may be reading it: that is no reason not to serve.
    let _ = writeln!(stdout, "st2d is ready: {}", addresses.main().unwrap_or("no listener"));
    let _ = stdout.flush();
    Ok(())
}
