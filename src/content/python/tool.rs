//! The programs that make Python environments: the interpreter, pip or uv; run with every line told.

use super::choice::Pythons;
use crate::{config::Config, service};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    collections::VecDeque,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
    sync::mpsc,
};

/// Lines of a failed program that its error keeps.
const KEPT: usize = 200;

/// Why an environment could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name cannot be a pack's.
    #[error("Invalid pack name \"{0}\"")]
    PackName(String),
    /// There is no interpreter.
    #[error("{0}")]
    NoInterpreter(String),
    /// The pack is made for a Python that is not there.
    #[error(
        "Pack \"{pack}\" requires Python {wanted}.x, but current Python version is \"{found}\". You can override this \
         restriction by providing the \"force\" flag, but the pack is not guaranteed to work."
    )]
    PythonVersion {
        /// The pack.
        pack: String,
        /// What it says it needs.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// The pack asks for a version that no interpreter here has.
    #[error(
        "Pack \"{pack}\" requires Python \"{asked}\", but this system has {found}. Install such a Python, or name one in \
         actionrunner.python_binaries. You can override this restriction by providing the \"force\" flag, but the pack is \
         not guaranteed to work."
    )]
    PythonMissing {
        /// The pack.
        pack: String,
        /// What it asks for.
        asked: String,
        /// What is there.
        found: String,
    },
    /// The environment itself could not be made.
    #[error("Failed to create virtualenv in \"{path}\":\n stdout={stdout}\n stderr={stderr}", path = path.display())]
    Create {
        /// Where.
        path: PathBuf,
        /// What was printed.
        stdout: String,
        /// What was printed of the fault.
        stderr: String,
    },
    /// What the pack needs could not be installed.
    #[error("{}", requirements_text(file, stdout, stderr, failing.as_deref()))]
    Requirements {
        /// The pack's file.
        file: PathBuf,
        /// What was printed.
        stdout: String,
        /// What was printed of the fault.
        stderr: String,
        /// The line of the file that is to blame, with file and number, if it could be told.
        failing: Option<String>,
    },
    /// A file could not be written or read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn requirements_text(file: &Path, stdout: &str, stderr: &str, failing: Option<&str>) -> String {
    let text =
        format!("Failed to install requirements from \"{}\": {stdout} (stderr: {stderr})", file.display());
    match failing {
        Some(line) => format!("{text}\nThe line that failed: {line}"),
        None => text,
    }
}

/// The interpreter of system packs, which virtualenvs are made from too, unless their packs ask for another.
///
/// # Errors
/// There is none.
pub fn interpreter(config: &Config) -> Result<PathBuf, Error> {
    Pythons::of(config).usual()
}

/// The program of this name: a path, or something on the `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_program(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| is_program(path))
}

/// What a program printed before it ended.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program to its end and tells each of its lines. Dropped, it is ended.
pub(super) async fn run(
    program: &Path,
    arguments: &[String],
    env: &[(String, String)],
    tell: &(dyn Fn(&str) + Send + Sync),
) -> std::io::Result<Printed> {
    run_reading(program, arguments, env, Stdio::null(), tell).await
}

/// The same with a standard input.
pub(super) async fn run_reading(
    program: &Path,
    arguments: &[String],
    env: &[(String, String)],
    input: Stdio,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> std::io::Result<Printed> {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        // Our settings (a database password, perhaps) and what would lead an interpreter astray.
        let leads_astray = |name: &str| {
            (name.starts_with("ST2_") && name.contains("__")) || ["PYTHONPATH", "PYTHONHOME"].contains(&name)
        };
        if name.to_str().is_some_and(leads_astray) {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // `python3` may be a wrapper (pyenv's is) that starts others.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut family = Family(child.id());
    let (sender, mut lines) = mpsc::channel(64);
    read(child.stdout.take(), false, sender.clone());
    read(child.stderr.take(), true, sender);
    let (mut stdout, mut stderr) = (VecDeque::new(), VecDeque::new());
    while let Some((is_fault, line)) = lines.recv().await {
        tell(&line);
        let kept = if is_fault { &mut stderr } else { &mut stdout };
        kept.push_back(line);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
    let status = child.wait().await?;
    family.0 = None;
    let text = |lines: VecDeque<String>| Vec::from(lines).join("\n");
    Ok(Printed { ok: status.success(), stdout: text(stdout), stderr: text(stderr) })
}

/// A program that runs, with all it starts; dropped, all of them are ended.
struct Family(Option<u32>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // They may have ended meanwhile.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

fn read(
    pipe: Option<impl AsyncRead + Send + Unpin + 'static>,
    is_fault: bool,
    to: mpsc::Sender<(bool, String)>,
) {
    let Some(pipe) = pipe else { return };
    service::spawn("python-tool", async move {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send((is_fault, line)).await.is_err() {
                break;
            }
        }
    });
}
