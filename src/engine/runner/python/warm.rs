//! An interpreter that waits, and the actions forked from it.
//!
//! One task reads what the interpreter tells; whoever forks an action writes by itself. The action gets its order only
//! after it is known to have started: an interpreter that dies before leaves nothing that could have run.
//!
//! While nothing runs the interpreter forks ahead, and hands us a socket to that process: the next action is begun on it
//! without asking the interpreter.

use super::{
    attempt::{self, Body, End},
    channel,
    launch::Launch,
    pipes::{self, Ours, Theirs, watch},
    pool::{Key, Pool},
    process::{Process, Start},
    reply::Said,
};
use crate::{
    engine::runner::{
        Error, LiveAction, RunIo,
        host::{EXECUTION_VARIABLE, NODE_VARIABLE},
    },
    service,
};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use parking_lot::Mutex;
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{Notify, oneshot},
    time::Instant,
};

/// How long an interpreter may take to start, or to fork, before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs an action by a fork. `None`: it did not run, start it cold.
pub(super) async fn run(
    pool: &Arc<Pool>,
    launch: &Launch,
    action: &LiveAction,
    io: &RunIo,
    node_name: &str,
) -> Result<Option<End>, Error> {
    let Some((parent, ours, fork)) = fork(pool, launch).await? else { return Ok(None) };
    let body = Body::Warm(fork);
    let end = attempt::supervise(body, ours, launch.frame(true), launch, action, io).await?;
    if let Said::Refused(why) = &end.said {
        tracing::debug!("{} starts cold: {why}", action.execution.id);
        return Ok(None);
    }
    pool.has_run(&parent, end.said.modules(), launch, node_name);
    Ok(Some(end))
}

/// Forks from the interpreter that waits; from its successor, if it has just been replaced.
async fn fork(pool: &Pool, launch: &Launch) -> Result<Option<(Arc<Parent>, Ours, Fork)>, Error> {
    for _ in 0..2 {
        let Some(parent) = pool.find(launch) else { return Ok(None) };
        let (ours, theirs) = pipes::open()?;
        if let Some(fork) = parent.fork(theirs).await {
            return Ok(Some((parent, ours, fork)));
        }
        if !parent.is_retiring() {
            break;
        }
    }
    Ok(None)
}

/// What an interpreter is started with.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) key: Key,
    pub(super) library: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    /// Modules it shall import beforehand.
    pub(super) preload: BTreeSet<String>,
    /// How its virtualenv looked.
    pub(super) stamp: super::pool::Stamp,
    /// Time without an action after which it ends.
    pub(super) idle: Duration,
}

/// Why there is no interpreter.
pub(super) enum NotStarted {
    /// This module must not be preloaded.
    Unsafe(String),
    Failed(String),
}

/// An interpreter that waits.
pub(super) struct Parent {
    pub(super) origin: Origin,
    pub(super) pid: Pid,
    socket: AsyncFd<OwnedFd>,
    runs: Mutex<HashMap<u64, Waiting>>,
    /// What it has forked ahead.
    spare: Mutex<Option<Spare>>,
    next: AtomicU64,
    is_retiring: AtomicBool,
    /// Actions forked so far.
    pub(super) forks: AtomicU64,
    pub(super) last_used: Mutex<Instant>,
    /// Wakes its task: something began or ended, so it may be idle now, or not any more.
    changed: Notify,
}

/// A process that waits for an action to become.
struct Spare {
    pid: Pid,
    socket: OwnedFd,
}

/// Who waits for news of a run.
struct Waiting {
    started: Option<oneshot::Sender<Option<Pid>>>,
    ended: oneshot::Sender<i32>,
}

/// How a fork ended.
#[derive(Clone, Copy)]
enum ForkEnd {
    /// With this exit code, or minus the signal.
    Code(i32),
    /// It has said that this will be its exit code; its interpreter has not told of its end yet.
    Said(i32),
    /// Its interpreter is gone.
    Lost,
}

/// A run that was forked. Dropped, it is ended.
pub(super) struct Fork {
    parent: Arc<Parent>,
    id: u64,
    pid: Pid,
    ended: oneshot::Receiver<i32>,
    end: Option<ForkEnd>,
    is_collected: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told {
    Ready {
        #[serde(default)]
        missing: Vec<String>,
    },
    Unsafe {
        module: String,
    },
    Spare {
        pid: i32,
    },
    Started {
        id: u64,
        pid: i32,
    },
    Refused {
        id: u64,
        #[serde(default)]
        reason: String,
    },
    Ended {
        id: u64,
        code: i32,
    },
}

impl Parent {
    /// Starts an interpreter and waits until it is ready.
    pub(super) async fn start(
        pool: &Arc<Pool>,
        origin: Origin,
        node_name: &str,
    ) -> Result<Arc<Self>, NotStarted> {
        let failed = |error: &dyn std::fmt::Display| NotStarted::Failed(error.to_string());
        let (socket, theirs) = channel::pair().map_err(|error| failed(&error))?;
        let stdin = File::open("/dev/null").map_err(|error| failed(&error))?;
        let log = || std::io::stderr().as_fd().try_clone_to_owned();
        let descriptors = vec![
            stdin.into(),
            log().map_err(|error| failed(&error))?,
            log().map_err(|error| failed(&error))?,
            theirs,
        ];
        let mut env = origin.env.clone();
        env.insert(NODE_VARIABLE.to_owned(), node_name.to_owned());
        // A place that each run writes its own id into.
        env.insert(EXECUTION_VARIABLE.to_owned(), "0".repeat(24));
        let script = origin.library.join("st2_runner/parent.py");
        let script = script.to_string_lossy();
        let start = Start { program: &origin.key.program, arguments: &["-u", &script], env: &env };
        let process = Process::start(&start, descriptors).map_err(|error| failed(&error))?;
        let socket =
            watch(socket, Interest::READABLE | Interest::WRITABLE).map_err(|error| failed(&error))?;
        let parent = Arc::new(Self {
            pid: process.pid(),
            origin,
            socket,
            runs: Mutex::default(),
            spare: Mutex::default(),
            next: AtomicU64::new(1),
            is_retiring: AtomicBool::new(false),
            forks: AtomicU64::new(0),
            last_used: Mutex::new(Instant::now()),
            changed: Notify::new(),
        });
        let setup = json!({"type": "setup", "preload": parent.origin.preload});
        parent.send(&setup, &[]).map_err(|error| failed(&error))?;
        match tokio::time::timeout(PATIENCE, parent.told()).await {
            Ok(Some((Told::Ready { missing }, _))) => {
                if !missing.is_empty() {
                    tracing::debug!("Not preloaded, as they are not there: {}", missing.join(", "));
                }
            }
            Ok(Some((Told::Unsafe { module }, _))) => return Err(NotStarted::Unsafe(module)),
            Ok(_) => return Err(NotStarted::Failed("it ended at once".to_owned())),
            Err(_) => return Err(NotStarted::Failed("it was not ready in time".to_owned())),
        }
        // Idle counts from here: starting may take long on a busy machine.
        *parent.last_used.lock() = Instant::now();
        let task = attend(Arc::downgrade(pool), parent.clone(), process);
        service::spawn("python-parent", task);
        Ok(parent)
    }

    /// Forks a run. `None`: it could not, and nothing has run or will.
    async fn fork(self: &Arc<Self>, theirs: Theirs) -> Option<Fork> {
        if self.is_retiring() {
            return None;
        }
        let descriptors = theirs.0.each_ref().map(AsFd::as_fd);
        if let Some(fork) = self.use_spare(&descriptors) {
            return Some(fork);
        }
        let (started, has_started) = oneshot::channel();
        let (id, has_ended) = self.expect(Some(started));
        let order = json!({"type": "run", "id": id});
        if let Err(error) = self.send(&order, &descriptors) {
            tracing::debug!("A warm interpreter takes no order: {error}");
            self.runs.lock().remove(&id);
            return None;
        }
        drop(theirs);
        self.forks.fetch_add(1, Ordering::Relaxed);
        let Ok(Ok(Some(pid))) = tokio::time::timeout(PATIENCE, has_started).await else {
            // Should it start after all, it finds its order closed and ends.
            return None;
        };
        Some(Fork::of(self, id, pid, has_ended))
    }

    /// A new run, and who hears of its end.
    fn expect(&self, started: Option<oneshot::Sender<Option<Pid>>>) -> (u64, oneshot::Receiver<i32>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (ended, has_ended) = oneshot::channel();
        self.runs.lock().insert(id, Waiting { started, ended });
        (id, has_ended)
    }

    /// Makes a run of what was forked ahead, if it is there.
    fn use_spare(self: &Arc<Self>, descriptors: &[BorrowedFd<'_>]) -> Option<Fork> {
        let spare = self.spare.lock().take()?;
        let (id, has_ended) = self.expect(None);
        // Told first: when the run ends, its interpreter knows it.
        self.send_surely(json!({"type": "used", "id": id}));
        if let Err(error) = channel::send(&spare.socket, b"!", descriptors) {
            // The interpreter tells of an end that nobody waits for, or that it has nothing to tell of.
            tracing::debug!("A process that was forked ahead is gone: {error}");
            self.runs.lock().remove(&id);
            return None;
        }
        self.forks.fetch_add(1, Ordering::Relaxed);
        Some(Fork::of(self, id, spare.pid, has_ended))
    }

    /// Keeps what was forked ahead; one that comes too late ends as its socket is closed.
    fn keep(&self, spare: Spare) {
        let mut kept = self.spare.lock();
        if !self.is_retiring() {
            *kept = Some(spare);
        }
    }

    /// Asks it to end when its last run has.
    pub(super) fn retire(&self) {
        if !self.is_retiring.swap(true, Ordering::SeqCst) {
            // One that is gone needs no word.
            let _ = self.send(&json!({"type": "retire"}), &[]);
            self.spare.lock().take();
        }
    }

    pub(super) fn is_retiring(&self) -> bool {
        self.is_retiring.load(Ordering::SeqCst)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.runs.lock().is_empty()
    }

    fn send(&self, packet: &Value, descriptors: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
        channel::send(self.socket.get_ref(), packet.to_string().as_bytes(), descriptors)
    }

    /// The word that a run may be forgotten: without it the interpreter keeps a zombie.
    fn release(self: &Arc<Self>, id: u64) {
        self.send_surely(json!({"type": "reap", "id": id}));
    }

    /// Sends a packet that must arrive, be it later.
    fn send_surely(self: &Arc<Self>, packet: Value) {
        if self.send(&packet, &[]) == Err(Errno::AGAIN) {
            let parent = self.clone();
            service::spawn("python-reap", async move {
                while let Ok(mut ready) = parent.socket.writable().await {
                    if parent.send(&packet, &[]) != Err(Errno::AGAIN) {
                        break;
                    }
                    ready.clear_ready();
                }
            });
        }
    }

    /// The next word of the interpreter; `None` when it is gone, or talks nonsense.
    async fn told(&self) -> Option<(Told, Option<OwnedFd>)> {
        let received = self.socket.async_io(Interest::READABLE, |socket| Ok(channel::receive(socket)?)).await;
        let (packet, descriptor) = received.ok()?;
        if packet.is_empty() {
            return None;
        }
        match serde_json::from_slice(&packet) {
            Ok(told) => Some((told, descriptor)),
            Err(error) => {
                tracing::error!("A warm interpreter says what nobody understands: {error}");
                None
            }
        }
    }

    fn hear(self: &Arc<Self>, told: Told, descriptor: Option<OwnedFd>) {
        match told {
            Told::Spare { pid } => {
                if let Some(socket) = descriptor {
                    self.keep(Spare { pid: Pid::from_raw(pid), socket });
                }
            }
            Told::Started { id, pid } => {
                let started = self.runs.lock().get_mut(&id).and_then(|run| run.started.take());
                if let Some(started) = started {
                    // Nobody waits any more: it gets no order, and ends.
                    let _ = started.send(Some(Pid::from_raw(pid)));
                }
            }
            Told::Refused { id, reason } => {
                tracing::debug!("A warm interpreter refuses a run: {reason}");
                self.runs.lock().remove(&id);
            }
            Told::Ended { id, code } => {
                let run = self.runs.lock().remove(&id);
                if run.is_none_or(|run| run.ended.send(code).is_err()) {
                    self.release(id);
                }
            }
            Told::Ready { .. } | Told::Unsafe { .. } => {}
        }
    }
}

/// Listens to an interpreter until it is gone.
async fn attend(pool: std::sync::Weak<Pool>, parent: Arc<Parent>, mut process: Process) {
    loop {
        let idle_at = parent.is_idle().then(|| *parent.last_used.lock() + parent.origin.idle);
        tokio::select! {
            told = parent.told() => match told {
                Some((told, descriptor)) => parent.hear(told, descriptor),
                None => break,
            },
            () = parent.changed.notified() => {}
            () = until(idle_at) => {
                *parent.last_used.lock() = Instant::now();
                if let Some(pool) = pool.upgrade() {
                    pool.forget(&parent);
                }
                parent.retire();
            }
        }
    }
    parent.is_retiring.store(true, Ordering::SeqCst);
    parent.spare.lock().take();
    if let Some(pool) = pool.upgrade() {
        pool.forget(&parent);
    }
    // Who waits learns by it that nothing more comes.
    parent.runs.lock().clear();
    if tokio::time::timeout(PATIENCE, process.ended()).await.is_err() {
        process.signal(Signal::SIGKILL);
        process.ended().await;
    }
    process.collect();
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Fork {
    fn of(parent: &Arc<Parent>, id: u64, pid: Pid, ended: oneshot::Receiver<i32>) -> Self {
        Self { parent: parent.clone(), id, pid, ended, end: None, is_collected: false }
    }

    /// Waits until it has ended; it is not collected yet.
    pub(super) async fn ended(&mut self) {
        if self.end.is_none() {
            self.end = Some((&mut self.ended).await.map_or(ForkEnd::Lost, ForkEnd::Code));
        }
    }

    /// It has told its exit code and has nothing left to do.
    pub(super) fn has_said(&mut self, code: i32) {
        self.end = Some(ForkEnd::Said(code));
    }

    /// Sends a signal to its group.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.is_collected {
            // Nobody left to hear it is the usual case.
            let _ = killpg(self.pid, signal);
        }
    }

    /// Lets go of it: its exit code, or minus the signal that killed it.
    ///
    /// # Errors
    /// Its interpreter is gone, and it with it.
    pub(super) fn collect(&mut self) -> Result<i32, Error> {
        self.is_collected = true;
        *self.parent.last_used.lock() = Instant::now();
        self.parent.changed.notify_one();
        match self.end {
            Some(ForkEnd::Code(code)) => {
                self.parent.release(self.id);
                Ok(code)
            }
            // Let go of when its end is heard of, see `drop`.
            Some(ForkEnd::Said(code)) => Ok(code),
            _ => Err(Error::System(
                "The Python interpreter that the action was forked from ended unexpectedly, and the action with it."
                    .to_owned(),
            )),
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        // An end that is told from now on makes the interpreter's task let go of it.
        self.ended.close();
        let is_told = self.ended.try_recv().is_ok() || matches!(self.end, Some(ForkEnd::Code(_)));
        let is_released = self.is_collected && matches!(self.end, Some(ForkEnd::Code(_)));
        if is_told && !is_released {
            self.parent.release(self.id);
        }
    }
}
