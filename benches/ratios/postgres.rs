//! A PostgreSQL of our own with default settings (durable), for anchors and subject alike.

use anyhow::{Context, bail};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) struct Postgres {
    directory: tempfile::TempDir,
    process: Child,
}

/// Newest `/usr/lib/postgresql/*/bin`, or what PATH finds.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// PostgreSQL refuses to run as root: then its own user takes over.
fn unprivileged(command: &mut Command) -> anyhow::Result<&mut Command> {
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres")?.context("no user `postgres` on this machine")?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

/// Makes a cluster below `directory`; answers how long it took.
pub(crate) fn initdb(directory: &Path) -> anyhow::Result<Duration> {
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres")?.context("no user `postgres` on this machine")?;
        nix::unistd::chown(directory, Some(user.uid), Some(user.gid))?;
    }
    let begin = Instant::now();
    let status = unprivileged(&mut Command::new(program("initdb")))?
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "-D"])
        .arg(directory.join("data"))
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("initdb failed");
    }
    Ok(begin.elapsed())
}

/// Starts a server on a cluster; answers when it takes connections.
pub(crate) fn serve(directory: &Path) -> anyhow::Result<(Child, Duration)> {
    let begin = Instant::now();
    let process = unprivileged(&mut Command::new(program("postgres")))?
        .arg("-D")
        .arg(directory.join("data"))
        .arg("-k")
        .arg(directory)
        .args(["-c", "listen_addresses="])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let socket = directory.join(".s.PGSQL.5432");
    while begin.elapsed() < Duration::from_secs(30) {
        let ready = Command::new(program("pg_isready")).arg("-q").arg("-h").arg(directory).status()?;
        if socket.exists() && ready.success() {
            return Ok((process, begin.elapsed()));
        }
    }
    bail!("PostgreSQL did not start in 30 s")
}

/// Stops a server as fast as it goes without losing anything.
pub(crate) fn stop(process: &mut Child) {
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(process.id() as i32),
        nix::sys::signal::Signal::SIGINT,
    );
    let _ = process.wait();
}

impl Postgres {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        initdb(directory.path())?;
        let (process, _) = serve(directory.path())?;
        let server = Self { directory, process };
        server.psql("postgres", "CREATE DATABASE st2")?;
        server.psql("postgres", "CREATE DATABASE anchor")?;
        Ok(server)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.directory.path().display())
    }

    /// Runs SQL; answers the unaligned text.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let output = Command::new(program("psql"))
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql, "-h"])
            .arg(self.directory.path())
            .output()?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Transactions per second of a pgbench script.
    pub(crate) fn pgbench(&self, script: &str, clients: u32, seconds: u32) -> anyhow::Result<f64> {
        let file = self.directory.path().join("script.sql");
        fs::write(&file, script)?;
        let output = Command::new(program("pgbench"))
            .args(["-n", "-M", "prepared", "-j", "2", "-U", "postgres", "-c", &clients.to_string()])
            .args(["-T", &seconds.to_string(), "-f"])
            .arg(&file)
            .arg("-h")
            .arg(self.directory.path())
            .arg("anchor")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with("tps")).context("pgbench printed no tps")?;
        let number = line.split_whitespace().nth(2).context("pgbench printed no number")?;
        Ok(number.parse()?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}
