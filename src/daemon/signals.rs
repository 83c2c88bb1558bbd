//! SIGTERM and SIGINT: the first asks for an orderly stop, the second for a quick one.

use crate::service::{Stop, spawn};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// What signals ask for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Stop in order, letting work finish.
    pub(super) stop: Stop,
    /// Stop in order, without waiting for work.
    pub(super) hurry: Stop,
}

/// Listens from now on.
pub(super) fn listen() -> std::io::Result<Asked> {
    let asked = Asked { stop: Stop::new(), hurry: Stop::new() };
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    spawn("signals", watch(terminate, interrupt, asked.clone()));
    Ok(asked)
}

async fn watch(mut terminate: Signal, mut interrupt: Signal, asked: Asked) {
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let name = next().await;
    info!("Got {name}: stopping");
    asked.stop.request();
    let name = next().await;
    warn!("Got {name} again: no longer waiting for running actions");
    asked.hurry.request();
}
