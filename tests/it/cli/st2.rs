//! Runs `st2` with nothing around it but what a test gives it.

use std::{
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// `st2` with a home and a working directory of its own.
pub(super) struct St2 {
    home: TempDir,
    env: Vec<(String, String)>,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl St2 {
    pub(super) fn new() -> Self {
        let env = [("COLUMNS", "200"), ("TERM", "dumb"), ("PATH", "/usr/bin:/bin")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { home: tempfile::tempdir().unwrap(), env }
    }

    /// The same with a variable set.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its home, where it keeps `.st2`.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command line, with nothing to read.
    pub(super) fn command<S: AsRef<str>>(&self, argv: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_st2"));
        command
            .args(argv.iter().map(AsRef::as_ref))
            .env_clear()
            .envs(self.env.iter().cloned())
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line and waits for its end.
    pub(super) fn run<S: AsRef<str>>(&self, argv: &[S]) -> Ran {
        let output = self.command(argv).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Its output, when it has succeeded.
    #[track_caller]
    pub(super) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }
}
