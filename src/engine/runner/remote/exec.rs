//! Running one command on a session.

use super::{failure::Failure, session::Session};
use crate::{
    clock,
    engine::runner::output::{Capture, Captured, Sink},
    service::Stop,
};
use russh::{Channel, ChannelMsg, Sig, client::Msg};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, DuplexStream};

/// Bytes of output that may wait to be read.
const PIPE: usize = 64 * 1024;

/// How long to wait for the rest of the output when the command has ended.
const REST: Duration = Duration::from_secs(1);

/// How a command ended.
pub(super) struct Ran {
    /// Exit code, or -1 when there is none.
    pub(super) code: i32,
    pub(super) timed_out: bool,
    /// It ran in a terminal, as `sudo` may ask for one.
    pub(super) in_terminal: bool,
    pub(super) output: Captured,
}

/// What a command may take.
pub(super) struct Limits<'a> {
    pub(super) timeout: Duration,
    /// Between asking it to end and making it.
    pub(super) grace: Duration,
    pub(super) stop: &'a Stop,
    /// A variable, as `NAME=value`, that all processes of the command carry: they are found by it at the end.
    pub(super) mark: Option<&'a str>,
}

/// Runs a command to its end, its time-out, or the request to stop.
pub(super) async fn run(
    session: &Session,
    line: &str,
    limits: &Limits<'_>,
    sink: &Sink,
) -> Result<Ran, Failure> {
    let mut channel = session.handle.channel_open_session().await?;
    let in_terminal = line.starts_with("sudo");
    if in_terminal {
        channel.request_pty(false, "vt100", 80, 24, 0, 0, &[]).await?;
    }
    channel.exec(true, line).await?;
    // Nothing is ever typed: what asks for input shall see its end.
    channel.eof().await?;
    let (out_writer, out) = tokio::io::duplex(PIPE);
    let (err_writer, err) = tokio::io::duplex(PIPE);
    let capture = Capture::start(Some(out), Some(err), sink);
    let mut reader = Reader { out: out_writer, err: err_writer, code: None };
    let mut timed_out = false;
    let read = tokio::select! {
        read = reader.read(&mut channel) => Some(read),
        () = clock::sleep(limits.timeout) => {
            timed_out = true;
            None
        }
        () = limits.stop.requested() => None,
    };
    if read.is_none() {
        end(session, &mut channel, &mut reader, limits).await;
    }
    let code = reader.code.unwrap_or(-1);
    drop(reader);
    let output = capture.finish(REST).await;
    if let Some(Err(failure)) = read {
        return Err(failure);
    }
    Ok(Ran { code, timed_out, in_terminal, output })
}

/// How long looking for processes may take.
const SWEEP: Duration = Duration::from_secs(10);

/// Asks the command to end, and after a while makes it.
///
/// OpenSSH passes signals on, but not for root; so its processes are also looked for by their mark. On hosts without
/// either the channel is closed at least.
async fn end(session: &Session, channel: &mut Channel<Msg>, reader: &mut Reader, limits: &Limits<'_>) {
    for (signal, name) in [(Sig::TERM, "TERM"), (Sig::KILL, "KILL")] {
        // What fails here fails because the connection is gone, and with it all that can be done.
        let _ = channel.signal(signal).await;
        let sweep = async {
            if let Some(mark) = limits.mark {
                let _ = tokio::time::timeout(SWEEP, sweep(session, mark, name)).await;
            }
        };
        // Read on meanwhile: a channel that nobody reads holds up the others.
        let read = tokio::time::timeout(limits.grace, reader.read(channel));
        let ((), _) = tokio::join!(sweep, read);
    }
    let _ = channel.close().await;
}

/// Sends a signal to all processes over there that carry the mark.
async fn sweep(session: &Session, mark: &str, signal: &str) -> Result<(), russh::Error> {
    let line = format!(
        "for p in /proc/[0-9]*; do if tr '\\0' '\\n' <$p/environ | grep -qx '{mark}'; then kill -{signal} ${{p#/proc/}}; \
         fi; done 2>/dev/null"
    );
    let mut channel = session.handle.channel_open_session().await?;
    channel.exec(true, line).await?;
    while channel.wait().await.is_some() {}
    Ok(())
}

struct Reader {
    out: DuplexStream,
    err: DuplexStream,
    code: Option<i32>,
}

impl Reader {
    /// Reads until the channel is closed. May be dropped and called again.
    async fn read(&mut self, channel: &mut Channel<Msg>) -> Result<(), Failure> {
        while let Some(message) = channel.wait().await {
            match message {
                // Whoever reads the other end outlives us.
                ChannelMsg::Data { data } => drop(self.out.write_all(&data).await),
                ChannelMsg::ExtendedData { data, .. } => drop(self.err.write_all(&data).await),
                ChannelMsg::ExitStatus { exit_status } => self.code = Some(exit_status as i32),
                ChannelMsg::ExitSignal { .. } => self.code = Some(-1),
                ChannelMsg::Failure => return Err(Failure::ssh("Channel closed.")),
                _ => {}
            }
        }
        if self.code.is_none() {
            return Err(Failure::ssh("The connection was closed before the command had ended."));
        }
        Ok(())
    }
}
