//! SIGTERM, SIGINT and SIGHUP (a closed terminal): the first asks for an orderly stop, the second for a quick one.

use crate::service::{Stop, spawn};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// A second signal this soon is the first one again: `timeout` and the like signal a process, and then the group it
/// is in.
const ECHO: Duration = Duration::from_millis(300);

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
    // Under `nohup` it is ignored, and must stay so.
    let hang_up = if hang_up_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    spawn("signals", watch(terminate, interrupt, hang_up, asked.clone()));
    Ok(asked)
}

async fn watch(mut terminate: Signal, mut interrupt: Signal, mut hang_up: Option<Signal>, asked: Asked) {
    let mut next = async || {
        tokio::select! {
            Some(()) = async { hang_up.as_mut()?.recv().await } => "SIGHUP",
            Some(()) = terminate.recv() => "SIGTERM",
            Some(()) = interrupt.recv() => "SIGINT",
            else => "the end of its signals",
        }
    };
    let name = next().await;
    info!("Got {name}: stopping");
    asked.stop.request();
    let heard = Instant::now();
    let name = loop {
        let name = next().await;
        if heard.elapsed() >= ECHO {
            break name;
        }
    };
    warn!("Got {name} again: no longer waiting for running actions");
    asked.hurry.request();
}

fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal; SIGHUP is number 1, the lowest.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
