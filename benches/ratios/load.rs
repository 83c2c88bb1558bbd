//! Load made the way pgbench makes that of the anchor (`-j 2`): on two threads, however many clients there are. A thread
//! for each costs this machine more to wake than what it sends.

use crate::{daemon::Daemon, http};
use anyhow::Context;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::JoinSet,
};

const THREADS: usize = 2;

/// What each client asks for again and again.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    /// The one status that counts.
    pub(crate) status: u16,
}

/// Clients that POST one request after the other for a while, each on a connection of its own; answers how many were
/// answered.
///
/// # Errors
/// One was refused, or its connection broke.
pub(crate) fn post(
    daemon: &Daemon,
    clients: usize,
    duration: Duration,
    request: Request,
) -> anyhow::Result<usize> {
    let end = Instant::now() + duration;
    let text = http::text("POST", request.path, &daemon.key, request.body);
    let thread = |first: usize| -> anyhow::Result<usize> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let mut all = JoinSet::new();
            for _ in (first..clients).step_by(THREADS) {
                all.spawn(client(daemon.address.clone(), text.clone(), request.status, end));
            }
            let mut count = 0;
            while let Some(one) = all.join_next().await {
                count += one.context("a load client panicked")??;
            }
            Ok(count)
        })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || thread(first))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a load thread panicked")).sum()
    })
}

async fn client(address: String, text: String, status: u16, end: Instant) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut count, mut answer) = (0, Vec::new());
    while Instant::now() < end {
        stream.write_all(text.as_bytes()).await?;
        answer.clear();
        while !is_whole(&answer)? {
            anyhow::ensure!(stream.read_buf(&mut answer).await? > 0, "the connection broke");
        }
        anyhow::ensure!(http::status(&answer)? == status, "{}", String::from_utf8_lossy(&answer));
        count += 1;
    }
    Ok(count)
}

/// Whether an answer has come to its end.
fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(false) };
    let lines = std::str::from_utf8(&answer[..head])?.lines();
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("no length")?;
    let length: usize = length.1.trim().parse()?;
    Ok(answer.len() >= head + 4 + length)
}
