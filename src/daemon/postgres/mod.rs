//! The private PostgreSQL: `st2d` runs a server of its own when no database is named.
//!
//! It lives in `<data_dir>/postgres`, listens on a Unix socket there and nowhere else, and is started again when it
//! dies. It survives a killed daemon; the next one takes it over. An existing server is never fought.
//!
//! Left out: upgrades between major versions of PostgreSQL, backups, tuning beyond small installations.

mod binaries;
mod cluster;
mod postmaster;

use crate::service::{Stop, spawn};
use anyhow::Context;
use cluster::Cluster;
use postmaster::Postmaster;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// The first pause before a dead server is started again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The database on it.
pub(super) const DATABASE: &str = "st2";

/// The private server, supervised.
#[derive(Debug)]
pub(super) struct PrivatePostgres {
    cluster: Arc<Cluster>,
    stop: Stop,
    supervisor: JoinHandle<()>,
}

impl PrivatePostgres {
    /// Starts the server below `data_dir`, or takes over the one that runs there. `None`: `stop` was requested before
    /// it was ready.
    pub(super) async fn start(data_dir: &Path, bin_dir: &Path, stop: &Stop) -> anyhow::Result<Option<Self>> {
        let (data_dir, bin_dir) = (data_dir.to_owned(), bin_dir.to_owned());
        let cluster = tokio::task::spawn_blocking(move || Cluster::open(&data_dir, &bin_dir)).await??;
        let cluster = Arc::new(cluster);
        let Some(postmaster) = start_patiently(&cluster, stop).await? else { return Ok(None) };
        // Its own: the server stops last, not when the daemon is asked to.
        let stop = Stop::new();
        let supervisor = spawn("postgres supervisor", supervise(cluster.clone(), postmaster, stop.clone()));
        Ok(Some(Self { cluster, stop, supervisor }))
    }

    /// How to connect.
    pub(super) fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.cluster)
    }

    /// Stops the server. Everything that uses it must have ended before.
    pub(super) async fn stop(self) {
        self.stop.request();
        let _ = self.supervisor.await;
    }
}

fn connect_options(cluster: &Cluster) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .port(5432)
        .username("st2")
        .database(DATABASE)
        // Asking a socket for TLS costs a round trip.
        .ssl_mode(PgSslMode::Disable)
}

/// The files of a server that another process runs; connections go through them.
#[derive(Debug)]
pub(super) struct Borrowed {
    _cluster: Cluster,
}

/// Connects to the server below `data_dir` that another process runs.
pub(super) async fn reach(data_dir: &Path, bin_dir: &Path) -> anyhow::Result<(PgPool, Borrowed)> {
    let (data_dir, bin_dir) = (data_dir.to_owned(), bin_dir.to_owned());
    let cluster = tokio::task::spawn_blocking(move || Cluster::open(&data_dir, &bin_dir)).await??;
    let options = connect_options(&cluster).application_name("st2d register");
    let pool = PgPoolOptions::new().max_connections(3).connect_with(options).await;
    let pool = pool.context("cannot reach the database of the st2d that runs")?;
    Ok((pool, Borrowed { _cluster: cluster }))
}

/// A first start, with patience for what a killed predecessor left.
async fn start_patiently(cluster: &Cluster, stop: &Stop) -> anyhow::Result<Option<Postmaster>> {
    let mut pause = FIRST_PAUSE;
    loop {
        match Postmaster::start(cluster, stop).await {
            Err(error) if pause < LONGEST_PAUSE && is_held(&error) => {
                info!("Waiting for what is left of an earlier PostgreSQL to end");
                crate::clock::sleep(pause).await;
                pause *= 2;
            }
            result => return result,
        }
    }
}

/// Keeps the server alive until asked to stop, then ends it.
async fn supervise(cluster: Arc<Cluster>, mut postmaster: Postmaster, stop: Stop) {
    loop {
        let status = tokio::select! {
            status = postmaster.ended() => status,
            () = stop.requested() => return postmaster.stop().await,
        };
        error!("PostgreSQL ended by itself ({status}): starting it again");
        let Some(again) = start_again(&cluster, &stop).await else { return };
        postmaster = again;
        info!("PostgreSQL is back");
    }
}

/// Tries until it succeeds or is asked to stop.
async fn start_again(cluster: &Cluster, stop: &Stop) -> Option<Postmaster> {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            () = crate::clock::sleep(pause) => {}
            () = stop.requested() => return None,
        }
        match Postmaster::start(cluster, stop).await {
            Ok(postmaster) => return postmaster,
            Err(error) if is_held(&error) => info!("Waiting for what is left of the dead PostgreSQL to end"),
            Err(error) => warn!("PostgreSQL could not be started again: {error:#}"),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Children of a dead postmaster hold its shared memory until they notice, and PostgreSQL refuses to start over them.
fn is_held(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("is still in use")
}
