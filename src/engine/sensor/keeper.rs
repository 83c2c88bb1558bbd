//! One sensor: starts its process, watches it, and starts it again when it failed.

use super::{
    backoff::{RECOVERED, pause},
    channel,
    launch::{Launch, Plan, SENSOR_VARIABLE},
    lines::Lines,
    status::Status,
    talk::{Board, RETRY, Triggers, talk},
};
use crate::{
    clock,
    engine::{
        Engine,
        runner::{
            host::{NODE_VARIABLE, end_marked},
            python::process::{Process, Start},
        },
        trigger::{self, Error, Occurrence},
    },
    service::{self, Stop},
    store::{
        packs,
        sensors::{self, SensorState},
    },
};
use nix::{fcntl::OFlag, sys::signal::Signal, unistd::pipe2};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{fs::File, os::fd::OwnedFd, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::unix::pipe::Receiver,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

/// How long lines gather before they are written for the API to see.
const GATHER: Duration = Duration::from_secs(2);

/// How long that may take: nobody looks after the process meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// One that starts longer keeps no other from it.
const STARTING: Duration = Duration::from_secs(3);

/// A `setup()` that takes longer is told of.
const SLOW: Duration = Duration::from_secs(60);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We asked it to.
    Asked,
    /// By itself: exit code, or minus the signal.
    Alone(i32),
    /// It never began.
    NotStarted,
    /// Another node holds it now.
    Lost,
}

/// What keeps one sensor running.
pub(super) struct Keeper {
    engine: Engine,
    plan: Arc<Plan>,
    reference: Arc<str>,
    holder: (i32, i64),
    triggers: Triggers,
    stop: Stop,
    /// Says that what was missing may be there now.
    again: Arc<Notify>,
    /// Places of those that start.
    starts: Arc<Semaphore>,
    board: Board,
}

impl Keeper {
    pub(super) fn new(
        engine: Engine,
        plan: Arc<Plan>,
        holder: (i32, i64),
        triggers: Triggers,
        stop: Stop,
        again: Arc<Notify>,
        starts: Arc<Semaphore>,
    ) -> Self {
        let status = Arc::new(Mutex::new(Status::new(clock::now())));
        let board = Board { status, changed: Arc::new(Notify::new()) };
        let reference = plan.sensor.reference().into();
        Self { engine, plan, reference, holder, triggers, stop, again, starts, board }
    }

    /// Keeps it running until asked to stop, or until another node holds it.
    pub(super) async fn keep(self) {
        let longest = Duration::from_secs_f64(self.engine.config().sensorcontainer.longest_backoff);
        loop {
            let begun = Instant::now();
            let end = self.run().await;
            match end {
                End::Asked | End::Lost => return,
                End::Alone(0) => {
                    tracing::info!(
                        sensor = &*self.reference,
                        "Sensor {} has ended, as it wanted",
                        self.reference
                    );
                    self.becomes(SensorState::Finished);
                    self.report().await;
                    return self.stop.requested().await;
                }
                End::Alone(code) => self.note_failure(code, begun),
                End::NotStarted => self.board.status.lock().failures += 1,
            }
            let rest = {
                let mut status = self.board.status.lock();
                let rest = pause(status.failures, longest);
                status.becomes(SensorState::Failing, clock::now());
                status.retry_at = Some(clock::now() + rest);
                tracing::warn!(
                    sensor = &*self.reference,
                    "Sensor {} failed ({} in a row), next try in {:.1} s: {}",
                    self.reference,
                    status.failures,
                    rest.as_secs_f64(),
                    in_one_line(status.last_error.as_deref().unwrap_or_default())
                );
                rest
            };
            if !self.report().await {
                return;
            }
            tokio::select! {
                () = self.stop.requested() => return,
                () = clock::sleep(rest) => {}
                () = self.again.notified(), if end == End::NotStarted => {}
            }
        }
    }

    fn note_failure(&self, code: i32, begun: Instant) {
        let mut status = self.board.status.lock();
        status.failures = if begun.elapsed() >= RECOVERED { 1 } else { status.failures + 1 };
        status.exit_code = Some(code);
        if status.last_error.is_none() {
            status.last_error = Some(match code {
                1.. => format!("It ended with exit code {code}"),
                _ => format!("It was ended by signal {}", -code),
            });
        }
    }

    fn becomes(&self, state: SensorState) {
        self.board.status.lock().becomes(state, clock::now());
    }

    /// Writes how it is doing; `false`: another node holds it.
    async fn report(&self) -> bool {
        let row = self.board.status.lock().row();
        let pool = self.engine.store().pool();
        let written = sensors::report(pool, self.plan.sensor.id, self.holder, &row);
        let why = match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(is_ours)) => return is_ours,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database does not answer".to_owned(),
        };
        tracing::debug!(sensor = &*self.reference, "Cannot write how {} is doing: {why}", self.reference);
        true
    }

    /// What was wrong last.
    pub(super) fn last_error(&self) -> String {
        self.board.status.lock().last_error.clone().unwrap_or_default()
    }

    /// One process, from start to end.
    pub(super) async fn run(&self) -> End {
        {
            let mut status = self.board.status.lock();
            status.becomes(SensorState::Starting, clock::now());
            (status.last_error, status.exit_code) = (None, None);
        }
        let place = tokio::select! {
            () = self.stop.requested() => return End::Asked,
            place = self.starts.clone().acquire_owned() => place.ok(),
        };
        let started = match self.start().await {
            Ok(started) => started,
            Err(why) => {
                self.board.status.lock().last_error = Some(why);
                return End::NotStarted;
            }
        };
        self.board.status.lock().pid = Some(started.process.pid().as_raw());
        let end = if self.report().await { self.watch(started, place).await } else { End::Lost };
        self.board.status.lock().pid = None;
        // What has left its process group carries its mark.
        let mark = self.mark();
        let _ = tokio::task::spawn_blocking(move || end_marked(SENSOR_VARIABLE, &mark)).await;
        end
    }

    fn mark(&self) -> String {
        format!("{} {}", self.engine.shared.host.node_name, self.reference)
    }

    async fn start(&self) -> Result<Started, String> {
        let engine = &self.engine;
        let config = engine.config();
        if let Err(why) = &self.plan.config {
            return Err(why.clone());
        }
        // Asked for only where it matters: a sensor shall start although the database is away.
        let pack = if config.packs.enable_common_libs {
            let pack = packs::find(engine.store().pool(), &self.plan.sensor.pack).await;
            pack.map_err(|error| error.to_string())?
        } else {
            None
        };
        let pack_dir = pack.map_or_else(PathBuf::new, |pack| PathBuf::from(pack.path));
        let mut launch = Launch::of(config, &self.plan, &pack_dir)?;
        let host = &engine.shared.host;
        let token = engine.shared.access.service_token("sensors_container", None);
        launch.env.extend([
            (NODE_VARIABLE.to_owned(), host.node_name.clone()),
            (SENSOR_VARIABLE.to_owned(), self.mark()),
            ("ST2_API_URL".to_owned(), host.api_url.clone()),
            ("ST2_ACTION_API_URL".to_owned(), host.api_url.clone()),
            ("ST2_AUTH_TOKEN".to_owned(), token),
        ]);
        let said = |error: std::io::Error| format!("Could not make a pipe: {error}");
        let (socket, their_socket) = channel::open().map_err(said)?;
        let (stdout, their_stdout) = pipe().map_err(said)?;
        let (stderr, their_stderr) = pipe().map_err(said)?;
        let stdin = OwnedFd::from(File::open("/dev/null").map_err(said)?);
        let arguments = [
            "-u".to_owned(),
            launch.script.clone(),
            format!("--pack={}", self.plan.sensor.pack),
            format!("--file-path={}", self.plan.file()),
            format!("--class-name={}", self.plan.sensor.name),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let start = Start { program: &launch.program, arguments: &arguments, env: &launch.env };
        let process = Process::start(&start, vec![stdin, their_stdout, their_stderr, their_socket]);
        let process = process.map_err(|error| error.to_string())?;
        let command = format!("{} {}", launch.program.display(), arguments.join(" "));
        tracing::info!(
            sensor = &*self.reference,
            "Started sensor {}, process {}",
            self.reference,
            process.pid()
        );
        self.tell_rules(
            "core.st2.sensor.process_spawn",
            json!({"pid": process.pid().as_raw(), "cmd": command}),
        );
        Ok(Started { process, socket, stdout: Lines::of(stdout), stderr: Lines::of(stderr) })
    }

    /// Watches it to its end; `place` is free for the next one when it runs, or takes long to.
    async fn watch(&self, started: Started, place: Option<OwnedSemaphorePermit>) -> End {
        let Started { mut process, socket, mut stdout, mut stderr } = started;
        let talking =
            talk(self.engine.clone(), self.plan.clone(), socket, self.triggers.clone(), self.board.clone());
        tokio::pin!(talking);
        let grace = Duration::from_secs_f64(self.engine.config().sensorcontainer.stop_grace);
        let (mut is_talking, mut asked, mut lost) = (true, false, false);
        let (mut kill_at, mut report_at) = (None, None);
        let slow = sleep_until(Instant::now() + SLOW);
        tokio::pin!(slow);
        let mut slow_is_told = false;
        let mut place = place.map(|place| (place, Instant::now() + STARTING));
        loop {
            tokio::select! {
                () = process.ended() => break,
                broken = &mut talking, if is_talking => {
                    is_talking = false;
                    // It may have closed the channel because it ends.
                    kill_at.get_or_insert(Instant::now() + grace);
                    let mut status = self.board.status.lock();
                    if status.last_error.is_none() && !asked {
                        status.last_error = Some(format!("It was ended, because {broken}"));
                    }
                }
                Some(line) = stdout.next() => self.board.line(&self.reference, "INFO", "", &line),
                Some(line) = stderr.next() => self.board.line(&self.reference, "INFO", "", &line),
                () = self.stop.requested(), if !asked => {
                    asked = true;
                    process.signal(Signal::SIGTERM);
                    kill_at = Some(Instant::now() + grace);
                }
                () = until(kill_at) => {
                    kill_at = None;
                    process.signal(Signal::SIGKILL);
                }
                () = self.board.changed.notified() => {
                    let is_running = self.board.status.lock().state == SensorState::Running;
                    let soon = if is_running && !slow_is_told { Duration::ZERO } else { GATHER };
                    slow_is_told |= is_running;
                    place = place.filter(|_| !is_running);
                    report_at.get_or_insert(Instant::now() + soon);
                }
                () = until(report_at) => {
                    report_at = None;
                    if !self.report().await && !asked {
                        (asked, lost) = (true, true);
                        tracing::warn!(sensor = &*self.reference, "Sensor {} is another node's now", self.reference);
                        process.signal(Signal::SIGTERM);
                        kill_at = Some(Instant::now() + grace);
                    }
                }
                () = until(place.as_ref().map(|(_, until)| *until)) => place = None,
                () = &mut slow, if !slow_is_told => {
                    slow_is_told = true;
                    let why = format!("setup() has not returned for {} s", SLOW.as_secs());
                    tracing::warn!(sensor = &*self.reference, "Sensor {}: {why}", self.reference);
                    self.board.status.lock().last_error = Some(why);
                    report_at.get_or_insert(Instant::now());
                }
            }
        }
        drop(place);
        // What it has said and printed before its end; what else holds the pipes is ended.
        process.signal(Signal::SIGKILL);
        let rest = async {
            if is_talking {
                tokio::select! {
                    _ = &mut talking => {}
                    () = clock::sleep(Duration::from_millis(200)) => {}
                }
            }
            while let Some(line) = stdout.next().await {
                self.board.line(&self.reference, "INFO", "", &line);
            }
            while let Some(line) = stderr.next().await {
                self.board.line(&self.reference, "INFO", "", &line);
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
        let code = process.collect();
        self.tell_rules("core.st2.sensor.process_exit", json!({"exit_code": code}));
        match (lost, asked) {
            (true, _) => End::Lost,
            (_, true) => End::Asked,
            _ => End::Alone(code),
        }
    }

    /// Sends one of the internal events about sensors.
    fn tell_rules(&self, trigger: &'static str, more: Value) {
        let mut payload = json!({"id": self.plan.sensor.name, "timestamp": clock::now().timestamp()});
        if let (Some(fields), Value::Object(more)) = (payload.as_object_mut(), more) {
            fields.extend(more);
        }
        let engine = self.engine.clone();
        service::spawn("sensor event", async move {
            loop {
                match trigger::dispatch(&engine, Occurrence::of(trigger, payload.clone())).await {
                    Err(Error::Store(error)) if error.is_unavailable() => clock::sleep(RETRY).await,
                    Err(error) => return tracing::warn!("The event {trigger} is lost: {error}"),
                    Ok(_) => return,
                }
            }
        });
    }
}

/// An error for the log; of a traceback its end.
fn in_one_line(error: &str) -> String {
    let error = error.trim();
    match error.lines().last() {
        Some(last) if error.starts_with("Traceback") => last.to_owned(),
        _ => error.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

struct Started {
    process: Process,
    socket: tokio::net::UnixStream,
    stdout: Lines,
    stderr: Lines,
}

fn pipe() -> std::io::Result<(Receiver, OwnedFd)> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((Receiver::from_owned_fd(ours)?, theirs))
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
