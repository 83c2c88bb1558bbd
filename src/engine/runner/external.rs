//! Runners that are programs of their own, found in the directories of `content.runners_dir`.
//!
//! The program gets its order as one line of JSON on its standard input, and answers lines of JSON on its standard
//! output; what it writes to standard error is the action's. `docs/external-runners.md` has the protocol. The file
//! of a runner is read for each run: one that is added or changed works without a restart.

use super::{
    Error, LiveAction, Outcome, RunIo, Runner,
    output::Capture,
    process::{self, Group},
};
use crate::{
    bus::OutputKind,
    clock,
    content::external_runners::{self, ExternalRunner},
    model::ExecutionStatus,
    pytext,
};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdout, Command},
};

/// The version of the protocol.
const VERSION: u32 = 1;

/// What a message may have beside a result of the largest size.
const OVERHEAD: usize = 64 * 1024;

/// How much of a broken line is shown.
const SHOWN: usize = 200;

/// How long to wait for the rest of standard error when the program has ended.
const REST: Duration = Duration::from_secs(1);

/// All of them.
pub(super) struct External {
    base_dirs: Vec<PathBuf>,
}

/// One of them.
pub(super) struct ExternalProgram {
    base_dirs: Vec<PathBuf>,
    name: String,
}

impl External {
    pub(super) fn new(base_dirs: Vec<PathBuf>) -> Self {
        Self { base_dirs }
    }

    /// The runner of this name. Whether it is there will be seen when it runs.
    pub(super) fn find(&self, name: &str) -> Option<ExternalProgram> {
        external_runners::is_there(&self.base_dirs, name).then_some(())?;
        Some(ExternalProgram { base_dirs: self.base_dirs.clone(), name: name.to_owned() })
    }
}

impl Runner for ExternalProgram {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let (base_dirs, name) = (self.base_dirs.clone(), self.name.clone());
            let found = tokio::task::spawn_blocking(move || external_runners::find(&base_dirs, &name)).await;
            let found = found.map_err(|error| Error::System(error.to_string()))?;
            let gone = || Error::System(format!("The directory of runner \"{}\" is gone.", self.name));
            let found = found.ok_or_else(gone)?.map_err(Error::Metadata)?;
            Box::pin(run(&found, action, io)).await
        })
    }
}

async fn run(runner: &ExternalRunner, action: &LiveAction, io: &RunIo) -> Result<Outcome, Error> {
    let name = &runner.runner.name;
    let mut command = Command::new(&runner.program);
    command
        .current_dir(&runner.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process::prepare(&mut command, &action.env);
    let mut child = command.spawn().map_err(|error| {
        Error::System(format!(
            "Runner \"{name}\" could not be started: {}: {error}",
            runner.program.display()
        ))
    })?;
    let group = Group::of(&child, action.execution.id);
    let capture = Capture::start(None::<ChildStdout>, child.stderr.take(), &io.output);
    let order = order(action);
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            // A program that does not want to hear it is free not to.
            let _ = stdin.write_all(order.as_bytes()).await;
        }
    };
    let listen = async {
        match stdout {
            Some(stdout) => Listener::new(name, io).listen(stdout).await,
            None => Ok(None),
        }
    };
    let timeout = action.runner_parameters.get("timeout").and_then(Value::as_u64);
    let mut timed_out = false;
    let heard = tokio::select! {
        ((), heard) = async { tokio::join!(tell, listen) } => Some(heard),
        () = after(timeout) => {
            timed_out = true;
            None
        }
        () = io.stop.requested() => None,
    };
    let status = match &heard {
        // It has said what it had to say; what is wrong needs no grace.
        Some(Err(_)) | None => group.end(&mut child, io.kill_grace).await,
        Some(Ok(_)) => tokio::select! {
            status = child.wait() => status,
            () = clock::sleep(io.kill_grace) => group.end(&mut child, io.kill_grace).await,
        },
    };
    group.sweep();
    let stderr = capture.finish(REST).await.stderr;
    if timed_out {
        let seconds = timeout.unwrap_or_default();
        let result = json!({"error": format!("Action failed to complete in {seconds} seconds")});
        return Ok(Outcome { status: ExecutionStatus::Timeout, result: result.into() });
    }
    match heard {
        None => Err(Error::System("The action was stopped.".to_owned())),
        Some(Err(error)) => Err(error),
        Some(Ok(Some(outcome))) => Ok(outcome),
        Some(Ok(None)) => {
            let code = status.map_or(-1, process::code);
            let last = stderr.trim_end().lines().last().map(|line| format!(" It wrote last: {line}"));
            Err(Error::System(format!(
                "Runner \"{name}\" ended with exit code {code} without a result.{}",
                last.unwrap_or_default()
            )))
        }
    }
}

async fn after(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => clock::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// The order, as one line.
fn order(action: &LiveAction) -> String {
    let spec = &action.execution.snapshot.action.spec;
    let order = json!({
        "type": "run",
        "version": VERSION,
        "execution_id": action.execution.id.to_string(),
        "liveaction_id": action.execution.liveaction_id.to_string(),
        "action": {
            "ref": spec.reference(),
            "pack": spec.pack,
            "name": spec.name,
            "parameters": spec.parameters,
            "entry_point": action.entry_point.as_ref().map(|path| path.to_string_lossy()),
        },
        "runner_parameters": action.runner_parameters,
        "parameters": action.action_parameters,
        "context": *action.execution.context,
    });
    order.to_string() + "\n"
}

/// Reads what a program says.
struct Listener<'a> {
    name: &'a str,
    io: &'a RunIo,
    /// Lines read so far.
    number: usize,
    outcome: Option<Outcome>,
}

impl<'a> Listener<'a> {
    fn new(name: &'a str, io: &'a RunIo) -> Self {
        Self { name, io, number: 0, outcome: None }
    }

    /// Reads to the end of the output, or to the result.
    async fn listen(mut self, mut stdout: ChildStdout) -> Result<Option<Outcome>, Error> {
        let limit = self.io.output.limits().result + OVERHEAD;
        let mut buffer = BytesMut::new();
        let mut searched = 0;
        loop {
            while let Some(at) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = buffer.split_to(searched + at + 1);
                searched = 0;
                self.take(&line).await?;
                if self.outcome.is_some() {
                    return Ok(self.outcome);
                }
            }
            searched = buffer.len();
            if searched > limit {
                self.number += 1;
                return Err(self.broken(&format!(
                    "it is longer than {limit} bytes (actionrunner.result_max_bytes and some)"
                )));
            }
            buffer.reserve(16 * 1024);
            match stdout.read_buf(&mut buffer).await {
                Ok(count) if count > 0 => {}
                _ => break,
            }
        }
        if !buffer.is_empty() {
            self.take(&buffer).await?;
        }
        Ok(self.outcome)
    }

    async fn take(&mut self, line: &[u8]) -> Result<(), Error> {
        self.number += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let shown = || {
            let text = String::from_utf8_lossy(line);
            let cut: String = text.chars().take(SHOWN).collect();
            if cut.len() < text.len() { format!("{cut}…") } else { cut }
        };
        let Ok(Value::Object(mut message)) = serde_json::from_slice::<Value>(line) else {
            return Err(self.broken(&format!("expected a JSON object, got: {}", shown())));
        };
        let text = |key: &str| message.get(key).and_then(Value::as_str);
        match text("type") {
            Some("output") => {
                let kind = match text("stream") {
                    Some("stderr") => OutputKind::Stderr,
                    Some("stdout") | None => OutputKind::Stdout,
                    Some(other) => {
                        return Err(
                            self.broken(&format!("`stream` is \"{other}\": expected stdout or stderr"))
                        );
                    }
                };
                let Some(data) = text("data") else {
                    return Err(self.broken("an output needs a text `data`"));
                };
                for line in data.split_inclusive('\n') {
                    self.io.output.line(kind, Bytes::copy_from_slice(line.as_bytes())).await;
                }
                Ok(())
            }
            Some("result") => {
                let status = match text("status") {
                    Some("succeeded") => ExecutionStatus::Succeeded,
                    Some("failed") => ExecutionStatus::Failed,
                    Some("timeout") => ExecutionStatus::Timeout,
                    other => {
                        return Err(self.broken(&format!(
                            "`status` is {}: expected succeeded, failed or timeout",
                            pytext::repr(&json!(other))
                        )));
                    }
                };
                let Some(result) = message.shift_remove("result") else {
                    return Err(self.broken("a result needs `result`"));
                };
                self.outcome = Some(Outcome { status, result: result.into() });
                Ok(())
            }
            Some("error") => {
                let words = text("message").unwrap_or("it did not say why");
                Err(Error::System(words.to_owned()))
            }
            _ => Err(self.broken(&format!("`type` must be output, result or error: {}", shown()))),
        }
    }

    fn broken(&self, words: &str) -> Error {
        Error::System(format!(
            "Runner \"{}\" broke the protocol in line {} of its output: {words}",
            self.name, self.number
        ))
    }
}
