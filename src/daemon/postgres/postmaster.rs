//! One life of the server: started or found alive, ready, ended.

use super::cluster::Cluster;
use crate::service::Stop;
use anyhow::{Context, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};
use tokio::io::unix::AsyncFd;
use tracing::{info, warn};

/// Between looks at the pid file while the server starts. The start takes some 100 ms; a look costs microseconds.
const LOOK: Duration = Duration::from_millis(3);

/// Between reminders that a start takes long.
const REMIND: Duration = Duration::from_secs(5);

/// How long a fast shutdown may take before the server is told to drop everything.
const FAST_SHUTDOWN: Duration = Duration::from_secs(60);

/// The log is begun anew at a start that finds it larger than this.
const LOG_LIMIT: u64 = 8 * 1024 * 1024;

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    /// Becomes readable when the process ends; cannot be mistaken for another process with the same number.
    pidfd: AsyncFd<OwnedFd>,
    /// `None`: a daemon before us started it.
    child: Option<Child>,
}

impl Postmaster {
    /// Takes over the server a killed daemon left, or starts one. Returns when it takes connections; `None` when
    /// `stop` was requested before, and then the server is stopped.
    pub(super) async fn start(cluster: &Cluster, stop: &Stop) -> anyhow::Result<Option<Self>> {
        let found = Self::find(cluster).await?;
        let adopted = found.is_some();
        let mut postmaster = match found {
            Some(found) => found,
            None => Self::spawn(cluster)?,
        };
        tokio::select! {
            ready = postmaster.wait_until_ready(cluster) => ready?,
            () = stop.requested() => {
                postmaster.stop().await;
                return Ok(None);
            }
        }
        if adopted {
            info!("Took over the PostgreSQL that an earlier st2d left running (pid {})", postmaster.pid);
        }
        Ok(Some(postmaster))
    }

    /// The server that runs in this directory, if any. A leftover pid file without one is cleared away.
    async fn find(cluster: &Cluster) -> anyhow::Result<Option<Self>> {
        loop {
            let Some(file) = PidFile::read(&cluster.data()) else { return Ok(None) };
            let Ok(pidfd) = watch(file.pid) else {
                // Nobody has that number. PostgreSQL clears the file itself, after a look for surviving children.
                return Ok(None);
            };
            if works_elsewhere(file.pid, &cluster.data()) {
                // Somebody else has that number now. PostgreSQL would think its server alive and refuse to start.
                warn!("Removing postmaster.pid: its process {} is not a server of this directory", file.pid);
                std::fs::remove_file(cluster.data().join("postmaster.pid"))
                    .context("cannot remove postmaster.pid")?;
                return Ok(None);
            }
            let mut postmaster = Self { pid: file.pid, pidfd, child: None };
            if file.status != "stopping" {
                return Ok(Some(postmaster));
            }
            info!("Waiting for the PostgreSQL of an earlier st2d to stop (pid {})", file.pid);
            postmaster.ended().await;
        }
    }

    /// Waits until it ends, and says how.
    pub(super) async fn ended(&mut self) -> String {
        // An error here means the descriptor is unusable: then the process counts as gone, and is looked for again.
        let _ = self.pidfd.readable().await;
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => status.to_string(),
            _ => "it is gone".to_owned(),
        }
    }

    /// Ends it: open transactions are rolled back, everything is written.
    pub(super) async fn stop(mut self) {
        let begun = Instant::now();
        for (signal, patience) in [
            (Signal::INT, FAST_SHUTDOWN),
            (Signal::QUIT, Duration::from_secs(5)),
            (Signal::KILL, Duration::from_secs(5)),
        ] {
            let _ = pidfd_send_signal(self.pidfd.get_ref(), signal);
            if tokio::time::timeout(patience, self.ended()).await.is_ok() {
                info!("PostgreSQL stopped in {} ms", begun.elapsed().as_millis());
                return;
            }
            warn!("PostgreSQL (pid {}) did not stop within {} s", self.pid, patience.as_secs());
        }
    }

    fn spawn(cluster: &Cluster) -> anyhow::Result<Self> {
        cluster.write_settings()?;
        // Nobody serves this directory, so these are leftovers. PostgreSQL would take a stranger that has the number
        // in the lock for a living server.
        for name in ["run/.s.PGSQL.5432", "run/.s.PGSQL.5432.lock"] {
            let _ = std::fs::remove_file(cluster.directory.join(name));
        }
        let path = cluster.log_file();
        let too_long = std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT);
        let mut open = OpenOptions::new();
        // A file, not a pipe: what it says when we are gone must have somewhere to go.
        let log =
            open.create(true).append(!too_long).write(true).truncate(too_long).mode(0o600).open(&path)?;
        let child = cluster
            .command("postgres")
            .arg("-D")
            .arg(cluster.inside("data"))
            .arg("-c")
            .arg(format!("config_file={}", cluster.inside("postgresql.conf").display()))
            // Means nothing to the server; tells those who look at the process list whose it is.
            .arg("-c")
            .arg(format!("st2d.directory={}", cluster.directory.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", cluster.binaries.program("postgres").display()))?;
        let pid = Pid::from_child(&child);
        Ok(Self { pid, pidfd: watch(pid)?, child: Some(child) })
    }

    async fn wait_until_ready(&mut self, cluster: &Cluster) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut remind = REMIND;
        loop {
            let file = PidFile::read(&cluster.data());
            if file.is_some_and(|file| file.pid == self.pid && file.status == "ready") {
                return Ok(());
            }
            tokio::select! {
                status = self.ended() => {
                    bail!("PostgreSQL did not start ({status}); its last words:\n{}", last_words(&cluster.log_file()));
                }
                () = crate::clock::sleep(LOOK) => {}
            }
            // After a crash it replays what was not yet in its tables: that may take long, and must not be cut.
            if begun.elapsed() > remind {
                info!(
                    "Waiting for PostgreSQL, which recovers from a crash or is busy ({} s)",
                    remind.as_secs()
                );
                remind += REMIND;
            }
        }
    }
}

#[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor that only its owner can give")]
fn watch(pid: Pid) -> anyhow::Result<AsyncFd<OwnedFd>> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch PostgreSQL")?;
    // SAFETY: the descriptor is owned by what is returned, which never gives it away or closes it before its own end.
    Ok(unsafe { AsyncFd::register_with_interest(pidfd, tokio::io::Interest::READABLE) }?)
}

/// Whether the process has another working directory than `directory`, which all processes of its server have.
fn works_elsewhere(pid: Pid, directory: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match identity(Path::new(&format!("/proc/{pid}/cwd"))) {
        Ok(cwd) => identity(directory).is_ok_and(|data| cwd != data),
        // It has just ended. What may not be looked at belongs to another user, and so does not run for us.
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// What the server says about itself.
struct PidFile {
    pid: Pid,
    /// `starting`, `ready`, `stopping`, `standby`; empty at first.
    status: String,
}

impl PidFile {
    fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = Pid::from_raw(lines.next()?.trim().parse().ok()?)?;
        Some(Self { pid, status: lines.nth(6).unwrap_or_default().trim().to_owned() })
    }
}

/// The end of the log, for the message of a failed start.
fn last_words(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(1500)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read() {
        Ok(text) => {
            text.lines().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("({} cannot be read: {error})", log.display()),
    }
}
