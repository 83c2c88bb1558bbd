//! Runs the services: starts them again when they fail, and stops them in order.

use crate::service::{Health, HealthBoard, Service, Stop, panic_text, spawn};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// The pause before a failed service is started again; doubled at each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A service that ran this long had recovered: its next failure is a first one.
const RECOVERED: Duration = Duration::from_secs(60);

/// In which order services stop: first those that take in work, then those that do it,
/// then what they stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Listeners, timers, sensors.
    Intake,
    /// Scheduler, runners, workflows.
    Work,
    /// What work needs to its end: the lease of this node.
    Ground,
}

/// The running services.
#[derive(Debug)]
pub(super) struct Supervisor {
    running: Vec<Running>,
    board: HealthBoard,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    stage: Stage,
    stop: Stop,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// One that tells `board` how the services are doing.
    pub(super) fn reporting_to(board: HealthBoard) -> Self {
        Self { running: Vec::new(), board }
    }

    /// Starts a service.
    pub(super) fn start<S: Service>(&mut self, stage: Stage, service: S) {
        let stop = Stop::new();
        let task = spawn(S::NAME, keep_running(service, stop.clone(), self.board.clone()));
        self.running.push(Running { name: S::NAME, stage, stop, task });
    }

    /// Stops the services of one stage, those started last first, and waits for them. Past `patience`, or when
    /// `hurry` is given, they are dropped where they stand.
    pub(super) async fn stop(&mut self, stage: Stage, patience: Duration, hurry: &Stop) {
        let (mut stopping, rest) =
            std::mem::take(&mut self.running).into_iter().partition::<Vec<_>, _>(|one| one.stage == stage);
        self.running = rest;
        for one in &stopping {
            one.stop.request();
        }
        let deadline = tokio::time::Instant::now() + patience;
        for one in stopping.iter_mut().rev() {
            tokio::select! {
                _ = &mut one.task => {}
                () = tokio::time::sleep_until(deadline) => {
                    warn!("{} did not stop in time", one.name);
                    one.task.abort();
                }
                () = hurry.requested() => one.task.abort(),
            }
        }
    }
}

/// Runs a service until it is asked to stop and does.
async fn keep_running<S: Service>(mut service: S, stop: Stop, board: HealthBoard) {
    let mut health = Health { name: S::NAME, up: true, restarts: 0, last_error: None, since: Instant::now() };
    let mut pause = FIRST_PAUSE;
    loop {
        health.up = true;
        health.since = Instant::now();
        board.report(health.clone());
        let end = AssertUnwindSafe(service.run(stop.clone())).catch_unwind().await;
        let reason = match end {
            Ok(Ok(())) if stop.is_requested() => None,
            Ok(Ok(())) => Some("it ended by itself".to_owned()),
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(panic) => Some(format!("it panicked: {}", panic_text(panic.as_ref()))),
        };
        if health.since.elapsed() > RECOVERED {
            pause = FIRST_PAUSE;
        }
        health.up = false;
        health.since = Instant::now();
        let Some(reason) = reason else {
            board.report(health);
            return;
        };
        health.last_error = Some(reason.as_str().into());
        health.restarts += 1;
        board.report(health.clone());
        if stop.is_requested() {
            warn!(service = S::NAME, "{} failed while it stopped: {reason}", S::NAME);
            return;
        }
        error!(service = S::NAME, "{} failed, next try in {} ms: {reason}", S::NAME, pause.as_millis());
        tokio::select! {
            () = crate::clock::sleep(pause) => {}
            () = stop.requested() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        info!(service = S::NAME, "{} starts again", S::NAME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    struct Flaky {
        runs: Arc<AtomicU32>,
    }

    impl Service for Flaky {
        const NAME: &'static str = "flaky";

        async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
            match self.runs.fetch_add(1, Ordering::SeqCst) {
                0 => anyhow::bail!(std::io::Error::other("inner").to_string()),
                1 => panic!("outer"),
                _ => {
                    stop.requested().await;
                    Ok(())
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_or_panics_is_started_again() {
        let runs = Arc::new(AtomicU32::new(0));
        let board = HealthBoard::default();
        let mut supervisor = Supervisor::reporting_to(board.clone());
        supervisor.start(Stage::Work, Flaky { runs: runs.clone() });
        while runs.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let health = board.all().remove(0);
        assert!(health.up);
        assert_eq!(health.restarts, 2);
        assert_eq!(health.last_error.as_deref(), Some("it panicked: outer"));
        supervisor.stop(Stage::Work, Duration::from_secs(1), &Stop::new()).await;
        assert!(!board.all()[0].up);
    }

    struct Deaf;

    impl Service for Deaf {
        const NAME: &'static str = "deaf";

        async fn run(&mut self, _: Stop) -> anyhow::Result<()> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_stop_is_dropped_in_the_end() {
        let mut supervisor = Supervisor::reporting_to(HealthBoard::default());
        supervisor.start(Stage::Intake, Deaf);
        let begun = tokio::time::Instant::now();
        supervisor.stop(Stage::Intake, Duration::from_secs(7), &Stop::new()).await;
        assert_eq!(begun.elapsed().as_secs(), 7);

        supervisor.start(Stage::Intake, Deaf);
        let hurry = Stop::new();
        hurry.request();
        supervisor.stop(Stage::Intake, Duration::from_secs(3600), &hurry).await;
        assert_eq!(begun.elapsed().as_secs(), 7);
    }
}
