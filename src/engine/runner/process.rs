//! Starting a process of an action, waiting for it, and ending it with all that it started.
//!
//! Each runs as leader of a process group of its own. When the leader has ended, or is asked to, the group is ended
//! too: nothing outlives its execution. No code runs between fork and exec, so that the standard library takes the
//! posix_spawn path, which does not copy the daemon's page tables.

use super::{
    Error, RunIo,
    host::{EXECUTION_VARIABLE, end_marked},
    output::Capture,
};
use crate::{clock, model::ExecutionId};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

/// How long to wait, after all is ended, for pipes that something still holds open.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// What an action gets that may take no time at all: enough to say something, as with StackStorm, which is that slow to
/// end it.
const NO_TIME: Duration = Duration::from_millis(250);

/// What to start.
pub(super) struct Start {
    pub(super) execution: ExecutionId,
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) input: Option<Vec<u8>>,
    pub(super) timeout: Duration,
}

/// How it ended.
pub(super) struct End {
    /// Exit code, or minus the signal.
    pub(super) code: i32,
    pub(super) timed_out: bool,
    pub(super) output: super::output::Captured,
}

/// Runs a process to its end, its time-out, or the request to stop.
pub(super) async fn run(start: Start, io: &RunIo) -> Result<End, Error> {
    let mut child = spawn(&start)?;
    let group = Group::of(&child, start.execution);
    let capture = Capture::start(child.stdout.take(), child.stderr.take(), &io.output);
    if let (Some(input), Some(mut stdin)) = (&start.input, child.stdin.take()) {
        // A process that reads no input and has ended closes the pipe: no error of ours.
        let _ = stdin.write_all(input).await;
    }
    let mut timed_out = start.timeout.is_zero();
    let timeout = if timed_out { NO_TIME } else { start.timeout };
    let status = tokio::select! {
        status = child.wait() => status,
        () = clock::sleep(timeout) => {
            timed_out = true;
            group.end(&mut child, io.kill_grace).await
        }
        () = io.stop.requested() => group.end(&mut child, io.kill_grace).await,
    };
    group.sweep();
    let output = capture.finish(PIPE_GRACE).await;
    let status = status.map_err(|error| Error::System(format!("Could not wait for the process: {error}")))?;
    Ok(End { code: code(status), timed_out, output })
}

fn spawn(start: &Start) -> Result<Child, Error> {
    let mut command = Command::new(start.program);
    command
        .args(&start.arguments)
        .stdin(if start.input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    prepare(&mut command, &start.env);
    if let Some(directory) = &start.directory {
        command.current_dir(directory);
    }
    command.spawn().map_err(|error| Error::System(explain(&error, start)))
}

/// What every process of an action has: a group of its own, and an environment without our secrets.
pub(super) fn prepare(command: &mut Command, env: &[(String, String)]) {
    command.process_group(0);
    // Settings of this daemon, a database password perhaps, are nobody else's business.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ST2_") && name.contains("__")) {
            command.env_remove(name);
        }
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
}

/// Python's words for it, which users of StackStorm know, and the thing that is missing.
fn explain(error: &std::io::Error, start: &Start) -> String {
    let culprit = match &start.directory {
        Some(directory) if !directory.is_dir() => directory.display().to_string(),
        _ => start.program.to_owned(),
    };
    let (number, words) = match error.raw_os_error() {
        Some(libc::ENOENT) => (libc::ENOENT, "No such file or directory".to_owned()),
        Some(libc::EACCES) => (libc::EACCES, "Permission denied".to_owned()),
        Some(libc::ENOTDIR) => (libc::ENOTDIR, "Not a directory".to_owned()),
        Some(libc::E2BIG) => (libc::E2BIG, "Argument list too long".to_owned()),
        other => (other.unwrap_or_default(), error.to_string()),
    };
    format!("[Errno {number}] {words}: '{culprit}'")
}

/// Exit code, or minus the signal.
pub(super) fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

/// The process group of an action.
pub(super) struct Group {
    id: Option<Pid>,
    execution: ExecutionId,
}

impl Group {
    /// The group that this process leads.
    pub(super) fn of(child: &Child, execution: ExecutionId) -> Self {
        Self { id: child.id().map(|id| Pid::from_raw(id as i32)), execution }
    }

    /// Asks the group to end, and after `grace` makes it.
    pub(super) async fn end(&self, child: &mut Child, grace: Duration) -> std::io::Result<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let status = tokio::select! {
            status = child.wait() => Some(status),
            () = clock::sleep(grace) => None,
        };
        self.signal(Signal::SIGKILL);
        // What has left the group (sudo, setsid) still carries the execution's mark.
        let id = self.execution.to_string();
        let _ = tokio::task::spawn_blocking(move || end_marked(EXECUTION_VARIABLE, &id)).await;
        match status {
            Some(status) => status,
            None => child.wait().await,
        }
    }

    /// Ends what the leader left behind.
    pub(super) fn sweep(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Nobody left to hear it is the usual case.
            let _ = killpg(id, signal);
        }
    }
}
