//! One process that runs an action, cold or warm: its order, its output, its result, its end.

use super::{
    launch::Launch,
    pipes::Ours,
    process::Process,
    reply::{Reply, Said},
    warm::Fork,
};
use crate::{
    clock,
    engine::runner::{
        Error, LiveAction, RunIo,
        host::{EXECUTION_VARIABLE, end_marked},
        output::{Captured, Reading},
    },
    service,
};
use nix::sys::signal::Signal;
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::unix::pipe::Sender};

/// How long to wait, after all is ended, for pipes that something still holds open.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// What runs.
pub(super) enum Body {
    /// The process, until it is let go of; and the exit code that it has said it will end with.
    Cold(Option<Process>, Option<i32>),
    Warm(Fork),
}

/// How it ended.
pub(super) struct End {
    /// Exit code, or minus the signal.
    pub(super) code: i32,
    pub(super) timed_out: bool,
    pub(super) output: Captured,
    pub(super) said: Said,
}

/// Gives the order and stays until the end, the time-out, or the request to stop.
pub(super) async fn supervise(
    mut body: Body,
    ours: Ours,
    frame: Vec<u8>,
    launch: &Launch,
    action: &LiveAction,
    io: &RunIo,
) -> Result<End, Error> {
    let mut reading = Reading::of(ours.stdout, ours.stderr, &io.output);
    let giving = give(ours.order, &frame, matches!(body, Body::Warm(_)), io);
    tokio::pin!(giving);
    let (mut is_given, mut begun) = (false, false);
    let mut reply = Reply::new(ours.result, launch.result_max);
    let (mut timed_out, mut is_ending) = (false, false);
    let deadline = clock::sleep(launch.timeout);
    tokio::pin!(deadline);
    let mut kill_after = None;
    loop {
        tokio::select! {
            () = &mut giving, if !is_given => is_given = true,
            () = reading.go_on() => {}
            may_begin = io.go_ahead.wait(), if !begun => {
                if !may_begin {
                    return Err(Error::NotStored);
                }
                begun = true;
                deadline.set(clock::sleep(launch.timeout));
            }
            () = body.ended() => break,
            () = reply.more() => if let Some(code) = reply.farewell() {
                body.has_said(code);
                break;
            },
            () = &mut deadline, if begun && !is_ending => {
                (timed_out, is_ending) = (true, true);
                body.signal(Signal::SIGTERM);
                kill_after = Some(tokio::time::Instant::now() + io.kill_grace);
            }
            () = io.stop.requested(), if !is_ending => {
                is_ending = true;
                body.signal(Signal::SIGTERM);
                kill_after = Some(tokio::time::Instant::now() + io.kill_grace);
            }
            () = until(kill_after) => {
                kill_after = None;
                body.signal(Signal::SIGKILL);
            }
        }
    }
    // What it left behind in its group; and, when it was ended, what has left the group but carries the mark.
    body.signal(Signal::SIGKILL);
    if is_ending {
        let id = action.execution.id.to_string();
        let _ = tokio::task::spawn_blocking(move || end_marked(EXECUTION_VARIABLE, &id)).await;
    }
    let code = body.collect()?;
    let said = reply.finish();
    let output = reading.finish(PIPE_GRACE).await;
    Ok(End { code, timed_out, output, said })
}

/// Gives the order, and the word to begin when there is one.
async fn give(mut order: Sender, frame: &[u8], is_held: bool, io: &RunIo) {
    // A process that ended without reading is told of by its end.
    if order.write_all(frame).await.is_ok() && is_held && io.go_ahead.wait().await {
        let _ = order.write_all(b"!").await;
    }
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Body {
    async fn ended(&mut self) {
        match self {
            Self::Cold(Some(process), _) => process.ended().await,
            Self::Cold(None, _) => {}
            Self::Warm(fork) => fork.ended().await,
        }
    }

    /// It has told its exit code: nobody has to wait for its end.
    fn has_said(&mut self, code: i32) {
        match self {
            Self::Cold(_, said) => *said = Some(code),
            Self::Warm(fork) => fork.has_said(code),
        }
    }

    fn signal(&self, signal: Signal) {
        match self {
            Self::Cold(Some(process), _) => process.signal(signal),
            Self::Cold(None, _) => {}
            Self::Warm(fork) => fork.signal(signal),
        }
    }

    fn collect(&mut self) -> Result<i32, Error> {
        match self {
            Self::Cold(process, said) => {
                let Some(mut process) = process.take() else { return Ok(said.unwrap_or(-1)) };
                let Some(code) = *said else { return Ok(process.collect()) };
                // Its last steps are the kernel's, and nobody has to wait for them.
                service::spawn("python-end", async move {
                    process.ended().await;
                    process.collect();
                });
                Ok(code)
            }
            Self::Warm(fork) => fork.collect(),
        }
    }
}
