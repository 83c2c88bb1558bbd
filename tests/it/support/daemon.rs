//! A real `st2d` for a test: its own data directory, its own database, ports nobody else has.
#![allow(dead_code, reason = "a kit: what no test needs at the moment is still part of it")]

use super::{
    postgres::TestDatabase,
    processes::{Process, eventually, signal},
};
use nix::sys::signal::Signal;
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// How long a stop may take.
const STOP: Duration = Duration::from_secs(30);

/// A running daemon. Dropped, it is stopped as a service manager would, and must leave nothing behind.
#[derive(Debug)]
pub(crate) struct TestDaemon {
    child: Child,
    addresses: Addresses,
    client: reqwest::Client,
    api_key: Option<String>,
    stdout: Arc<Mutex<Vec<String>>>,
    home: Home,
    /// Dropped after the daemon has stopped.
    database: Option<TestDatabase>,
}

/// Where the listeners are.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Addresses {
    pub(crate) api: Option<String>,
    pub(crate) auth: Option<String>,
    pub(crate) stream: Option<String>,
}

/// Directory of a daemon's files; outlives it when a test starts another one on them.
#[derive(Clone, Debug)]
pub(crate) struct Home(Arc<TempDir>);

impl Home {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tempfile::Builder::new().prefix("st2-test-").tempdir().unwrap()))
    }

    /// The data directory of the daemon.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// How a daemon shall be started; awaiting it starts it.
#[derive(Debug)]
pub(crate) struct Starting {
    home: Home,
    private: bool,
    /// Whether its log goes into a file.
    log: bool,
    database: Option<TestDatabase>,
    config: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// What a daemon that was expected to fail said.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Starting {
    /// With a PostgreSQL of its own, for tests of faults and of starting.
    pub(crate) fn with_private_postgres(mut self) -> Self {
        self.private = true;
        self
    }

    /// On this database; a clone of the template otherwise.
    pub(crate) fn with_database(mut self, database: TestDatabase) -> Self {
        self.database = Some(database);
        self
    }

    /// With these files; new ones otherwise.
    pub(crate) fn with_home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self
    }

    /// With more lines in its `st2.toml`.
    pub(crate) fn with_config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// With more flags.
    pub(crate) fn with_args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// With an environment variable.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With nobody reading what it logs.
    pub(crate) fn with_stuck_log_reader(mut self) -> Self {
        self.log = false;
        self
    }

    /// The command, and the database it uses.
    fn command(&mut self) -> Command {
        let config = self.home.file("st2.toml");
        std::fs::write(&config, &self.config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_st2d"));
        command
            .arg("--config")
            .arg(config)
            .arg("--data-dir")
            .arg(self.home.data_dir())
            .arg("--ports-file")
            .arg(self.home.file("ports"))
            .args([
                "--api-listen",
                "127.0.0.1:0",
                "--auth-listen",
                "127.0.0.1:0",
                "--stream-listen",
                "127.0.0.1:0",
            ])
            .current_dir(self.home.0.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        // What the developer has set for a daemon of theirs is not for this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ST2_")) {
            command.env_remove(name);
        }
        if !self.private {
            let database = self.database.get_or_insert_with(TestDatabase::new);
            command.args(["--database-url", &database.url()]);
        }
        // Last, so that a test's own flags win.
        command.args(&self.args).envs(self.env.iter().cloned());
        command
    }

    /// Starts it and waits until it is ready.
    async fn start(self) -> TestDaemon {
        let mut daemon = self.launch();
        eventually("the ready line", START, async || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("st2d ended before it was ready ({status})");
            }
            daemon.stdout().iter().any(|line| line.starts_with("st2d is ready: ")).then_some(())
        })
        .await;
        daemon.addresses =
            serde_json::from_slice(&std::fs::read(daemon.home.file("ports")).unwrap()).unwrap();
        let key = std::fs::read_to_string(daemon.data_dir().join("admin-api-key")).ok();
        daemon.api_key = key.map(|key| key.trim().to_owned());
        daemon
    }

    /// Starts it and waits for nothing.
    pub(crate) fn launch(mut self) -> TestDaemon {
        let mut command = self.command();
        let _ = std::fs::remove_file(self.home.file("ports"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.home.file("log")).unwrap();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(if self.log { log.into() } else { Stdio::piped() })
            .spawn()
            .unwrap();
        let stdout = Arc::new(Mutex::new(Vec::new()));
        let reader = BufReader::new(child.stdout.take().unwrap());
        let lines = stdout.clone();
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        TestDaemon {
            child,
            addresses: Addresses { api: None, auth: None, stream: None },
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            api_key: None,
            stdout,
            home: self.home,
            database: self.database,
        }
    }

    /// Starts it, expecting it to give up by itself, and says what it said.
    pub(crate) async fn fail(mut self) -> Failed {
        let mut command = self.command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id() as i32;
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let Ok(output) = tokio::time::timeout(START, waiting).await else {
            signal(pid, Signal::SIGTERM);
            panic!("st2d was expected to give up, but runs");
        };
        let output = output.unwrap();
        Failed {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl IntoFuture for Starting {
    type Output = TestDaemon;
    type IntoFuture = Pin<Box<dyn Future<Output = TestDaemon>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl TestDaemon {
    /// A daemon to be: `TestDaemon::start().await`, or with more said before the `await`.
    pub(crate) fn start() -> Starting {
        Starting {
            home: Home::new(),
            private: false,
            log: true,
            database: None,
            // A stop shall not wait for the long-running actions of a test.
            config: "actionrunner.exit_still_active_check = 0\nactionrunner.kill_grace = 0.5\n".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Its files, for a daemon that comes after it.
    pub(crate) fn home(&self) -> Home {
        self.home.clone()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home.data_dir()
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Its database, unless it has a private server.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("this daemon has a private PostgreSQL")
    }

    /// The lines it printed to stdout so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.file("log")).unwrap_or_default()
    }

    /// The key of the administrator.
    pub(crate) fn api_key(&self) -> &str {
        self.api_key.as_deref().expect("st2d wrote no admin-api-key")
    }

    /// A path on the API listener as a URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.addresses.api.as_deref().expect("the API listener is off"))
    }

    /// A request with nothing on it; for tests of authentication and of odd requests.
    pub(crate) fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request by the administrator.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.bare(method, path);
        match &self.api_key {
            Some(key) => request.header("St2-Api-Key", key),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// `kill -9`: no goodbye, no checks.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let status = tokio::task::block_in_place(|| self.end());
        status.expect("it had ended before")
    }

    /// Waits for its end, which something else brings about.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        eventually("the end of st2d", STOP, async || self.child.try_wait().unwrap()).await
    }

    /// As [`Self::ended`]; hands out its database.
    pub(crate) async fn ended_with_database(mut self) -> (ExitStatus, TestDatabase) {
        let database = self.database.take().expect("this daemon has a private PostgreSQL");
        (self.ended().await, database)
    }

    /// Stops it if it runs; checks that no process of it is left.
    fn end(&mut self) -> Option<ExitStatus> {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return None;
        }
        let family = Process::descendants_of(self.pid());
        signal(self.pid(), Signal::SIGTERM);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > STOP {
                self.kill();
                panic!("st2d did not stop within {STOP:?}");
            }
            pause();
        };
        let left = || family.iter().filter(|process| process.is_alive()).collect::<Vec<_>>();
        // What was killed has to get a processor once more, at the lowest priority perhaps.
        while !left().is_empty() && begun.elapsed() < STOP {
            pause();
        }
        assert!(left().is_empty(), "st2d left processes behind: {:?}", left());
        if let Some(database) = &self.database {
            assert_eq!(database.held_executions(), 0, "st2d left executions half done:\n{}", self.log());
        }
        Some(status)
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!(
                "The end of the log of st2d:\n{}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
            let _ = self.child.kill();
            let _ = self.child.wait();
            return clean_up(&self.data_dir());
        }
        if let Some(status) = self.end() {
            assert!(status.success(), "st2d ended with {status}:\n{}", self.log());
        }
    }
}

/// Ends the private server that a killed daemon left.
fn clean_up(data_dir: &Path) {
    if let Some(pid) = super::processes::postmaster_pid(data_dir)
        && Process::find(pid).is_some_and(|process| process.name == "postgres")
    {
        signal(pid, Signal::SIGQUIT);
    }
}

#[expect(clippy::disallowed_methods, reason = "`Drop` has no runtime to wait in")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// What the daemon answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Sends a request.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// The body, if the status is the expected one; `null` when it is empty.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
