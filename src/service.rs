//! What a background service and its supervisor agree on: the loop, the stop signal, health, and how tasks start.

use parking_lot::RwLock;
use std::{cell::Cell, future::Future, sync::Arc, time::Instant};
use tokio::{
    runtime::{Handle, Runtime},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Tells a service to finish. Cheap to clone; all clones see the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A signal nobody has given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody who holds this signal (or a child of it) to finish.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Was it asked?
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is asked.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// A signal that follows this one and can also be given alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

/// A stage's loop. The supervisor restarts it when it fails and stops services in order.
pub trait Service: Send + 'static {
    /// StackStorm's name of it, for logs and the service registry.
    const NAME: &'static str;

    /// Runs until asked to stop.
    fn run(&mut self, stop: Stop) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How a service is doing.
#[derive(Clone, Debug)]
pub struct Health {
    /// [`Service::NAME`].
    pub name: &'static str,
    /// Runs now.
    pub up: bool,
    /// Times it was started again after a failure.
    pub restarts: u32,
    /// The last failure, with its chain.
    pub last_error: Option<Arc<str>>,
    /// Since when it runs or is down.
    pub since: Instant,
}

/// How all services are doing: written by the supervisor, read by whoever reports it.
#[derive(Clone, Debug, Default)]
pub struct HealthBoard(Arc<RwLock<Vec<Health>>>);

impl HealthBoard {
    /// All services, in the order they were first reported.
    pub fn all(&self) -> Vec<Health> {
        self.0.read().clone()
    }

    /// Notes how a service is doing now.
    pub fn report(&self, health: Health) {
        let mut board = self.0.write();
        match board.iter_mut().find(|known| known.name == health.name) {
            Some(known) => *known = health,
            None => board.push(health),
        }
    }
}

/// Starts a named task; a panic in it is reported in the log instead of vanishing with its handle.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(&Handle::current(), name, future)
}

/// [`spawn`] on a runtime of choice: work that a request starts must not share that request's thread.
pub fn spawn_on<F>(runtime: &Handle, name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    use futures_util::FutureExt;
    runtime.spawn(async move {
        match std::panic::AssertUnwindSafe(future).catch_unwind().await {
            Ok(output) => output,
            Err(panic) => {
                tracing::error!(task = name, "Task {name} panicked: {}", panic_text(panic.as_ref()));
                std::panic::resume_unwind(panic)
            }
        }
    })
}

/// A runtime of one thread that lasts as long as the process, for a static: connections belong to the runtime that opened
/// them. `None`, and a warning: it cannot be had.
pub fn lasting(thread: &'static str, begun: impl Fn() + Send + Sync + 'static) -> Option<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).thread_name(thread).enable_all().on_thread_start(begun);
    builder.build().inspect_err(|error| tracing::warn!("No thread for {thread}: {error}")).ok()
}

thread_local! {
    /// Whether this thread is one of [`runtime`]'s, which can have others take over what they had to do.
    static CAN_HAND_OVER: Cell<bool> = const { Cell::new(false) };
}

/// How many compute at once. Each may have to wait, for a database that is away, and holds a thread meanwhile: the runtime
/// has 512 for that, and must always have one left to hand over to, or nothing goes on.
static COMPUTING: Semaphore = Semaphore::const_new(256);

/// The runtime of a process whose stages compute.
///
/// # Errors
/// No thread, or nothing to wait with, can be had.
pub fn runtime() -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().on_thread_start(|| CAN_HAND_OVER.set(true)).build()
}

/// Does what computes for long, or blocks, without holding up others: here, while another thread takes over what this
/// one had to do; where that cannot be, on a thread for it. Must not be waited for beside something else in one task.
///
/// # Errors
/// The words of a panic.
pub async fn compute<T, F>(work: F) -> Result<T, String>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let _place = COMPUTING.acquire().await.map_err(|closed| closed.to_string())?;
    if CAN_HAND_OVER.get() {
        let done = tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(work)));
        return done.map_err(|panic| panic_text(panic.as_ref()).to_owned());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

/// The words of a panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    /// Each waits for the clock, which goes on only while a thread is left for the runtime.
    #[test]
    fn more_may_compute_and_wait_than_there_are_threads() {
        let runtime = runtime().unwrap();
        runtime.block_on(async {
            let handle = Handle::current();
            let wait = || {
                let handle = handle.clone();
                spawn(
                    "computation",
                    compute(move || handle.block_on(clock::sleep(Duration::from_millis(10)))),
                )
            };
            let all: Vec<_> = (0..1200).map(|_| wait()).collect();
            for one in all {
                assert_eq!(one.await.unwrap(), Ok(()));
            }
        });
    }
}
