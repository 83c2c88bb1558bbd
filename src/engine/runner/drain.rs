//! The end of the daemon, as running actions see it: they may finish, then they are ended and `abandoned`.

use crate::{
    clock,
    engine::{Engine, workflow},
    service::{Service, Stop},
};
use std::{sync::atomic::Ordering, time::Duration};

/// Time beyond `kill_grace` that ended actions get to have their ends recorded.
const RECORDING: Duration = Duration::from_secs(5);

/// Does nothing while the daemon runs; at its end waits for what runs.
pub struct ActionRunner {
    engine: Engine,
    hurry: Stop,
}

impl ActionRunner {
    pub(in crate::engine) fn new(engine: Engine, hurry: Stop) -> Self {
        Self { engine, hurry }
    }

    async fn drain(&self) {
        let shared = &self.engine.shared;
        let settings = &self.engine.config().actionrunner;
        shared.open.store(false, Ordering::Release);
        workflow::halt(&self.engine);
        if settings.graceful_shutdown {
            tokio::select! {
                () = self.wait_until_idle() => return,
                () = clock::sleep(Duration::from_secs(settings.exit_still_active_check)) => {}
                () = self.hurry.requested() => {}
            }
        }
        shared.abandoning.store(true, Ordering::SeqCst);
        end_all(&self.engine);
        let patience = Duration::from_secs_f64(settings.kill_grace.clamp(0.0, 3600.0)) + RECORDING;
        if tokio::time::timeout(patience, self.wait_until_idle()).await.is_err() {
            tracing::warn!("Some actions did not end; the next daemon on this data directory settles them");
        }
    }

    async fn wait_until_idle(&self) {
        let shared = &self.engine.shared;
        loop {
            let idle = shared.idle.notified();
            if shared.running.lock().is_empty() {
                return;
            }
            idle.await;
        }
    }
}

impl Service for ActionRunner {
    const NAME: &'static str = "st2actionrunner";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        stop.requested().await;
        self.drain().await;
        Ok(())
    }
}

/// Asks everything that runs here to end.
pub(in crate::engine) fn end_all(engine: &Engine) {
    for running in engine.shared.running.lock().values() {
        running.stop.request();
    }
}
