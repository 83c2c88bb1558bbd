//! A shell on a Windows host, with one command in it: made, run to its end, taken away.

use super::{
    clixml,
    connection::Line,
    soap::{self, Action, Message},
    trouble::Trouble,
};
use crate::{
    clock,
    engine::runner::output::{Capture, Captured, Sink},
    service::Stop,
};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, DuplexStream};

/// Bytes of output that may wait to be read.
const PIPE: usize = 64 * 1024;

/// How long to wait for the rest of the output when the command has ended.
const REST: Duration = Duration::from_secs(1);

/// How long a host may wait for output before it says that there is none yet.
const POLL: u64 = 20;

/// How long ending a command and taking its shell away may take.
const CLEANING: Duration = Duration::from_secs(15);

/// What is run.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) line: &'a str,
    pub(super) directory: Option<&'a str>,
    pub(super) variables: &'a [(String, String)],
    /// How long it may take.
    pub(super) seconds: u64,
    /// PowerShell runs it: its errors come as XML.
    pub(super) is_powershell: bool,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i64,
    pub(super) timed_out: bool,
    pub(super) output: Captured,
}

impl Command<'_> {
    /// Runs it to its end, its time-out, or the request to stop.
    pub(super) async fn run(&self, line: &mut Line<'_>, stop: &Stop, sink: &Sink) -> Result<Ran, Trouble> {
        let shell = tokio::select! {
            shell = self.open(line) => shell?,
            () = stop.requested() => return Err(Trouble::Stopped),
        };
        let mut command = None;
        let ran = tokio::select! {
            ran = self.run_in(line, &shell, &mut command, sink) => ran,
            () = stop.requested() => Err(Trouble::Stopped),
        };
        if tokio::time::timeout(CLEANING, self.clean(line, &shell, command.as_deref())).await.is_err() {
            tracing::warn!("A shell stays behind on {}: it could not be closed in time", line.target.host);
        }
        ran
    }

    async fn open(&self, line: &mut Line<'_>) -> Result<String, Trouble> {
        let body = soap::shell_body(self.directory, self.variables);
        let answer = self.send(line, Action::Create, None, body).await?;
        Ok(soap::read_shell(&answer)?)
    }

    async fn run_in(
        &self,
        line: &mut Line<'_>,
        shell: &str,
        command: &mut Option<String>,
        sink: &Sink,
    ) -> Result<Ran, Trouble> {
        let answer = self.send(line, Action::Command, Some(shell), soap::command_body(self.line)).await?;
        let id = command.insert(soap::read_command(&answer)?);
        let (out_writer, out) = tokio::io::duplex(PIPE);
        let (err_writer, err) = tokio::io::duplex(PIPE);
        let capture = Capture::start(Some(out), Some(err), sink);
        let limit = sink.limits().result;
        let mut reader = Reader { out: out_writer, err: err_writer, kept: Vec::new(), limit, code: None };
        let received = tokio::select! {
            received = self.receive(line, shell, id, &mut reader) => Some(received),
            () = clock::sleep(Duration::from_secs(self.seconds)) => None,
        };
        let code = reader.code.unwrap_or(-1);
        reader.close().await;
        let output = capture.finish(REST).await;
        if let Some(Err(trouble)) = received {
            return Err(trouble);
        }
        Ok(Ran { code, timed_out: received.is_none(), output })
    }

    async fn receive(
        &self,
        line: &mut Line<'_>,
        shell: &str,
        command: &str,
        reader: &mut Reader,
    ) -> Result<(), Trouble> {
        while reader.code.is_none() {
            let message = Message {
                action: Action::Receive,
                to: &line.url.clone(),
                shell: Some(shell),
                seconds: self.seconds.min(POLL),
                body: soap::receive_body(command),
            };
            match line.send(&message).await {
                Ok(answer) => reader.take(soap::read_output(&answer)?, self.is_powershell).await,
                Err(Trouble::Fault(_, fault)) if fault.is_nothing_yet() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Ends the command and takes the shell away. That it could not be done changes nothing of how the command ended.
    async fn clean(&self, line: &mut Line<'_>, shell: &str, command: Option<&str>) {
        if let Some(command) = command
            && let Err(trouble) =
                self.send(line, Action::Signal, Some(shell), soap::terminate_body(command)).await
        {
            tracing::debug!("Ending a command on {} failed: {trouble}", line.target.host);
        }
        if let Err(trouble) = self.send(line, Action::Delete, Some(shell), String::new()).await {
            tracing::warn!("A shell stays behind on {}: {trouble}", line.target.host);
        }
    }

    async fn send(
        &self,
        line: &mut Line<'_>,
        action: Action,
        shell: Option<&str>,
        body: String,
    ) -> Result<String, Trouble> {
        let message = Message { action, to: &line.url.clone(), shell, seconds: self.seconds, body };
        line.send(&message).await
    }
}

struct Reader {
    out: DuplexStream,
    err: DuplexStream,
    /// What PowerShell wrote to stderr, which is readable only as a whole.
    kept: Vec<u8>,
    limit: usize,
    code: Option<i64>,
}

impl Reader {
    async fn take(&mut self, output: soap::Output, is_powershell: bool) {
        // Whoever reads the other end outlives us.
        let _ = self.out.write_all(&output.stdout).await;
        if is_powershell {
            let room = self.limit.saturating_sub(self.kept.len());
            self.kept.extend(&output.stderr[..output.stderr.len().min(room)]);
        } else {
            let _ = self.err.write_all(&output.stderr).await;
        }
        self.code = output.ended;
    }

    async fn close(mut self) {
        if !self.kept.is_empty() {
            let text = clixml::readable(&String::from_utf8_lossy(&self.kept));
            let _ = self.err.write_all(text.as_bytes()).await;
        }
    }
}
