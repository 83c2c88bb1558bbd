//! The subject: the real `st2d`, on a database of ours or on its private one.

use crate::http::Client;
use anyhow::Context;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) struct Daemon {
    process: Child,
    pub(crate) address: String,
    pub(crate) key: String,
    /// From the start of the process to the line that says it is ready.
    pub(crate) ready_after: Duration,
    directory: Option<tempfile::TempDir>,
}

impl Daemon {
    /// Starts with a fresh data directory on `database_url`.
    pub(crate) fn start(database_url: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut daemon = Self::start_in(directory.path(), Some(database_url))?;
        daemon.directory = Some(directory);
        Ok(daemon)
    }

    /// Starts in a directory that stays; without a URL it runs its private PostgreSQL.
    pub(crate) fn start_in(directory: &Path, database_url: Option<&str>) -> anyhow::Result<Self> {
        Self::start_with(directory, database_url, &[])
    }

    /// The same with settings in its environment.
    pub(crate) fn start_with(
        directory: &Path,
        database_url: Option<&str>,
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_st2d"));
        // Where it is set, an interpreter compiles what it imports at each start; the bare one it is held against does
        // not, as its library is compiled already.
        command.env_remove("PYTHONDONTWRITEBYTECODE");
        command.arg("--data-dir").arg(directory.join("st2"));
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        command.args(["--api-listen", "127.0.0.1:0", "--auth-listen", "", "--stream-listen", ""]);
        command.args(["--log-level", "warn"]).envs(env.iter().copied());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let output = BufReader::new(process.stdout.take().context("no stdout")?);
        let line = output
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("st2d is ready: "))
            .context("st2d ended before it was ready")?;
        let url = line.trim_start_matches("st2d is ready: ").trim();
        let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        let ready_after = begin.elapsed();
        let key = std::fs::read_to_string(directory.join("st2/admin-api-key"))?.trim().to_owned();
        Ok(Self { process, address, key, ready_after, directory: None })
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.address, &self.key)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The data directory's place in the environment of `st2`.
    pub(crate) fn st2(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_st2"));
        command.env("ST2_API_URL", format!("http://{}/v1", self.address)).env("ST2_API_KEY", &self.key);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}
