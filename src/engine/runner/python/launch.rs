//! What is settled before an action starts: interpreter, environment, order.

use super::{super::content_version::Worktree, text};
use crate::{
    config::Config,
    content::{
        pack::SYSTEM_PACKS,
        python::{self, virtualenv},
    },
    engine::runner::{Error, LiveAction},
    pytext,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Seconds a Python action may take when nothing else is said.
const TIMEOUT: u64 = 600;

/// Level of the runner's `log_level` when nothing else is said.
const LOG_LEVEL: &str = "DEBUG";

/// What an interpreter settles once, at its start: with such a variable of its own a run cannot be forked.
const SETTLED_AT_START: [&str; 8] =
    ["PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_TUNABLES", "OPENSSL_CONF", "OPENSSL_MODULES"];

/// All that is needed to start an action.
pub(super) struct Launch {
    /// The interpreter.
    pub(super) program: PathBuf,
    /// `PYTHONPATH`.
    pub(super) python_path: String,
    /// The virtualenv, if the pack has one.
    pub(super) virtualenv: Option<PathBuf>,
    /// Where our Python library lies.
    pub(super) library: PathBuf,
    /// The whole environment.
    pub(super) env: BTreeMap<String, String>,
    /// Longest time it may take.
    pub(super) timeout: Duration,
    /// The same in seconds, as it was given.
    pub(super) seconds: u64,
    /// Largest result, in bytes.
    pub(super) result_max: usize,
    /// The order, all but the environment and the end.
    order: Vec<u8>,
    may_fork: bool,
}

#[derive(Serialize)]
struct Order<'a> {
    protocol: u32,
    pack: &'a str,
    file_path: &'a str,
    user: Option<&'a str>,
    parameters: &'a Map<String, Value>,
    config: &'a Value,
    config_path: &'a str,
    log_level: &'a str,
    cwd: Option<&'a str>,
}

impl Launch {
    pub(super) fn of(
        config: &Config,
        action: &LiveAction,
        worktree: Option<&Worktree>,
    ) -> Result<Self, Error> {
        let pack = action.execution.snapshot.action.spec.pack.as_str();
        let (Some(entry_point), Some(pack_dir)) = (&action.entry_point, &action.pack_dir) else {
            return Err(Error::Metadata("Missing entry_point action metadata attribute".to_owned()));
        };
        let entry_point = worktree.map_or(entry_point, |worktree| &worktree.entry_point);
        let virtualenv = virtualenv_of(config, pack)?;
        let program = match &virtualenv {
            Some(path) => interpreter_of(path, pack)?,
            None => python::interpreter(config).map_err(|error| Error::System(error.to_string()))?,
        };
        let libraries = Libraries {
            config,
            pack_dir,
            worktree: worktree.map(|worktree| worktree.pack.as_path()),
            virtualenv: virtualenv.as_deref(),
        };
        let python_path = libraries.python_path();
        let asked = asked_env(action);
        let may_fork =
            !asked.keys().any(|name| SETTLED_AT_START.iter().any(|settled| name.starts_with(settled)));
        let seconds = action.runner_parameters.get("timeout").and_then(Value::as_u64).unwrap_or(TIMEOUT);
        // As in StackStorm the default counts as "not said".
        let level = text(action, "log_level")
            .filter(|level| *level != LOG_LEVEL)
            .unwrap_or(&config.actionrunner.python_runner_log_level);
        let order = serde_json::to_vec(&Order {
            protocol: 1,
            pack,
            file_path: &entry_point.to_string_lossy(),
            user: action.execution.user(),
            parameters: &action.action_parameters,
            config: &action.config,
            config_path: &config.configs_dir().join(format!("{pack}.yaml")).to_string_lossy(),
            log_level: level,
            cwd: None,
        });
        let mut order = order.map_err(|error| Error::Parameter(error.to_string()))?;
        // The closing brace: the environment follows.
        order.pop();
        Ok(Self {
            env: environment(action, asked, &python_path, virtualenv.as_deref()),
            program,
            python_path,
            virtualenv,
            library: python::library_dir(config),
            timeout: Duration::from_secs(seconds),
            seconds,
            result_max: config.actionrunner.result_max_bytes,
            order,
            may_fork,
        })
    }

    /// Whether nothing of the request forbids to fork it from a warm interpreter.
    pub(super) fn may_fork(&self) -> bool {
        self.may_fork
    }

    /// The environment of an interpreter that runs of this kind can be forked from: nothing of this run in it.
    pub(super) fn parent_env(&self) -> BTreeMap<String, String> {
        base_environment(&self.python_path, self.virtualenv.as_deref())
    }

    /// The order as a frame. A warm run gets its environment with it, and waits for one more byte before it begins.
    pub(super) fn frame(&self, is_warm: bool) -> Vec<u8> {
        let env = if is_warm { serde_json::to_string(&self.env).ok() } else { None };
        let tail = format!(",\"held\":{is_warm},\"env\":{}}}", env.as_deref().unwrap_or("null"));
        let length = (self.order.len() + tail.len()) as u32;
        let mut frame = Vec::with_capacity(length as usize + 4);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&self.order);
        frame.extend_from_slice(tail.as_bytes());
        frame
    }
}

pub(in crate::engine) fn virtualenv_of(config: &Config, pack: &str) -> Result<Option<PathBuf>, Error> {
    if SYSTEM_PACKS.contains(&pack) {
        return Ok(None);
    }
    let path = python::virtualenv_dir(config, pack);
    if path.is_dir() {
        return Ok(Some(path));
    }
    Err(Error::System(format!(
        "\nThe virtual environment ({}) for pack \"{pack}\" does not exist. Normally this is\ncreated when you install \
         a pack using \"st2 pack install\". If you installed your pack by some other\nmeans, you can create a new \
         virtual environment using the command: \"st2 run packs.setup_virtualenv packs={pack}\"\n",
        path.display()
    )))
}

/// The interpreter of a virtualenv. The one it was made from may be gone.
pub(in crate::engine) fn interpreter_of(virtualenv: &Path, pack: &str) -> Result<PathBuf, Error> {
    let program = virtualenv.join("bin/python");
    if program.is_file() {
        return Ok(program);
    }
    Err(Error::System(format!(
        "The virtual environment ({}) for pack \"{pack}\" has no interpreter (bin/python). Make it anew with \
         \"st2 run packs.setup_virtualenv packs={pack}\".",
        virtualenv.display()
    )))
}

/// Where an action imports from.
struct Libraries<'a> {
    config: &'a Config,
    pack_dir: &'a Path,
    worktree: Option<&'a Path>,
    virtualenv: Option<&'a Path>,
}

impl Libraries<'_> {
    fn python_path(&self) -> String {
        let mut paths = vec![];
        let library = self.virtualenv.and_then(virtualenv::library_of);
        if self.virtualenv.is_some() {
            if self.config.packs.enable_common_libs {
                paths.push(self.worktree.unwrap_or(self.pack_dir).join("lib"));
            }
            if let Some(library) = &library {
                paths.extend([library.clone(), library.join("site-packages")]);
            }
            paths.push(self.pack_dir.join("actions/lib"));
        }
        let mut parts: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        parts.extend(std::env::var("PYTHONPATH").ok().filter(|path| !path.is_empty()));
        let shared = python::site_dir_for(self.config, library.as_deref());
        for path in [python::library_dir(self.config), shared] {
            parts.push(path.to_string_lossy().into_owned());
        }
        parts.join(":")
    }
}

/// What the caller asks for, but for the module path, which is ours.
fn asked_env(action: &LiveAction) -> BTreeMap<String, String> {
    let asked = action.runner_parameters.get("env").and_then(Value::as_object);
    let asked = asked.into_iter().flatten().map(|(name, value)| (name.clone(), pytext::str(value)));
    asked.filter(|(name, value)| fits(name, value) && !name.eq_ignore_ascii_case("pythonpath")).collect()
}

/// What the operating system can hold; the rest would make the whole start fail with words nobody understands.
fn fits(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

fn environment(
    action: &LiveAction,
    asked: BTreeMap<String, String>,
    python_path: &str,
    virtualenv: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut env = base_environment(python_path, virtualenv);
    env.extend(asked);
    for (name, value) in &action.env {
        match name.as_str() {
            "ST2_ACTION_API_URL" => env.insert("ST2_API_URL".to_owned(), value.clone()),
            "ST2_ACTION_AUTH_TOKEN" => env.insert("ST2_AUTH_TOKEN".to_owned(), value.clone()),
            _ => None,
        };
        env.insert(name.clone(), value.clone());
    }
    if action.runner_parameters.get("debug").and_then(Value::as_bool) == Some(true) {
        env.insert("ST2_ACTION_DEBUG".to_owned(), "True".to_owned());
    }
    env
}

/// The environment of this daemon, without its settings (a database password, perhaps), and the places of Python.
pub(in crate::engine) fn base_environment(
    python_path: &str,
    virtualenv: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !(name.starts_with("ST2_") && name.contains("__")))
        .collect();
    if let Some(virtualenv) = virtualenv {
        let path = env.get("PATH").map(|path| format!(":{path}")).unwrap_or_default();
        env.insert("PATH".to_owned(), format!("{}/bin/{path}", virtualenv.display()));
    }
    env.insert("PYTHONPATH".to_owned(), python_path.to_owned());
    env
}
