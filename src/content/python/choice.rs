//! Which interpreter the virtualenv of a pack is made from: the usual one, or, if the pack asks for another version, one
//! that is there besides.

use super::tool::{Error, find};
use crate::{config::Config, model::PythonRange};
use std::{path::PathBuf, process::Command};

/// Oldest minor version of Python 3 that our library runs on.
const OLDEST: u32 = 8;

/// Newest one to look for by name. There is none so new yet; a look costs next to nothing.
const NEWEST: u32 = 30;

/// Where interpreters are looked for.
#[derive(Clone, Debug, Default)]
pub struct Pythons {
    usual: String,
    others: Vec<String>,
}

/// An interpreter, and what it says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// Its version.
    pub version: [u32; 3],
}

impl Python {
    /// The version as text.
    pub fn version_text(&self) -> String {
        self.version.map(|number| number.to_string()).join(".")
    }
}

impl Pythons {
    /// Those that the settings and the `PATH` name.
    pub fn of(config: &Config) -> Self {
        let settings = &config.actionrunner;
        Self { usual: settings.python_binary.clone(), others: settings.python_binaries.clone() }
    }

    /// The interpreter of system packs, and of packs that ask for none.
    ///
    /// # Errors
    /// There is none.
    pub fn usual(&self) -> Result<PathBuf, Error> {
        let name = if self.usual.is_empty() { "python3" } else { &self.usual };
        find(name).ok_or_else(|| {
            Error::NoInterpreter(format!(
                "There is no Python interpreter \"{name}\": install Python 3.8 or newer (apt install python3), or name \
                 another one in actionrunner.python_binary."
            ))
        })
    }

    /// The one for a pack: the usual one if that fits, else the first of the settings that fits, else the newest on the
    /// `PATH`. Starts interpreters, so it blocks.
    ///
    /// # Errors
    /// None fits: says which there are.
    pub fn for_pack(&self, pack: &str, asked: &PythonRange) -> Result<Python, Error> {
        let usual = self.usual()?;
        let named = self.others.iter().filter_map(|name| find(name));
        let on_path = (OLDEST..=NEWEST).rev().filter_map(|minor| find(&format!("python3.{minor}")));
        let mut found: Vec<Python> = vec![];
        for program in std::iter::once(usual).chain(named).chain(on_path) {
            let Some(version) = version_of(&program) else { continue };
            let python = Python { program, version };
            if version >= [3, OLDEST, 0] && asked.contains(version) {
                return Ok(python);
            }
            if found.iter().all(|other| other.version != version) {
                found.push(python);
            }
        }
        let shown = |python: &Python| format!("{} ({})", python.version_text(), python.program.display());
        Err(Error::PythonMissing {
            pack: pack.to_owned(),
            asked: asked.to_string(),
            found: found.iter().map(shown).collect::<Vec<_>>().join(", "),
        })
    }
}

/// What a program says that it is; `None` for one that is no Python, or that cannot say it: names that version managers
/// put on the `PATH` may lead nowhere.
fn version_of(program: &std::path::Path) -> Option<[u32; 3]> {
    let code = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    let mut command = Command::new(program);
    command.args(["-I", "-S", "-c", code]).stdin(std::process::Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let numbers: Vec<u32> = text.trim().split('.').filter_map(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}
