//! Runners that are programs of their own: a directory each, named as the runner, with `runner.yaml` in it.
//!
//! `docs/external-runners.md` tells authors of runners what to write. Here the files become runner types; the engine
//! starts the programs.

use super::{document::Document, runner_types};
use crate::{
    config::Config,
    model::{RunnerType, RunnerTypeId},
    schema,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The file that describes a runner.
const FILE: &str = "runner.yaml";

/// Largest `runner.yaml` that is read.
const LARGEST: u64 = 1024 * 1024;

/// A runner found on disk.
#[derive(Clone, Debug)]
pub struct ExternalRunner {
    /// What clients see of it.
    pub runner: RunnerType,
    /// The program, absolute.
    pub program: PathBuf,
    /// Its directory, absolute.
    pub directory: PathBuf,
}

/// Directories that hold directories of runners; earlier ones win.
pub fn base_dirs(config: &Config) -> Vec<PathBuf> {
    let first = if config.content.runners_dir.as_os_str().is_empty() {
        config.data_dir.join("runners")
    } else {
        config.content.runners_dir.clone()
    };
    std::iter::once(first).chain(config.content.runners_base_paths.iter().cloned()).collect()
}

/// All of them, by name, and what is wrong with the others.
pub(super) fn all(base_dirs: &[PathBuf]) -> (Vec<ExternalRunner>, Vec<String>) {
    let (mut runners, mut problems) = (Vec::<ExternalRunner>::new(), Vec::new());
    for directory in directories(base_dirs) {
        match read(&directory) {
            Ok(found) if runner_types::is_own(&found.runner.name) => {
                problems.push(format!("{}: st2d has a runner of this name itself", directory.display()));
            }
            Ok(found) if runners.iter().any(|known| known.runner.name == found.runner.name) => {
                problems.push(format!("{}: another runner of this name comes first", directory.display()));
            }
            Ok(found) => runners.push(found),
            Err(problem) => problems.push(problem),
        }
    }
    (runners, problems)
}

/// The runner of this name; `None` if there is no directory for it.
///
/// # Errors
/// In words for the user: its `runner.yaml` is broken.
pub fn find(base_dirs: &[PathBuf], name: &str) -> Option<Result<ExternalRunner, String>> {
    Some(read(&directory_of(base_dirs, name)?))
}

/// Whether there is a directory for a runner of this name.
pub fn is_there(base_dirs: &[PathBuf], name: &str) -> bool {
    directory_of(base_dirs, name).is_some()
}

fn directory_of(base_dirs: &[PathBuf], name: &str) -> Option<PathBuf> {
    // A name that leads elsewhere is nobody's.
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        return None;
    }
    base_dirs.iter().map(|base| base.join(name)).find(|path| path.join(FILE).exists())
}

/// Changes when one of their descriptions does.
pub(super) fn fingerprint(base_dirs: &[PathBuf]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for directory in directories(base_dirs) {
        hash.update(directory.as_os_str().as_encoded_bytes());
        hash.update(fs::read(directory.join(FILE)).unwrap_or_default());
    }
    hash.finalize().to_vec()
}

fn directories(base_dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for base in base_dirs {
        let Ok(entries) = fs::read_dir(base) else { continue };
        let mut here: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.join(FILE).is_file()).collect();
        here.sort();
        found.extend(here);
    }
    found
}

fn read(directory: &Path) -> Result<ExternalRunner, String> {
    let file = directory.join(FILE);
    let fault = |words: &str| format!("{}: {words}", file.display());
    let size = fs::metadata(&file).map_err(|error| fault(&error.to_string()))?.len();
    if size > LARGEST {
        return Err(fault(&format!("{size} bytes are too many: a description has {LARGEST} at most")));
    }
    let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => fault("is no UTF-8 text"),
        _ => fault(&error.to_string()),
    })?;
    let document = Document::yaml(text).map_err(|error| fault(&error.to_string()))?;
    let mut fields = match document.value {
        Value::Object(fields) => fields,
        // As StackStorm's own files have it: a list of runners, here of one.
        Value::Array(mut items) if items.len() == 1 && items[0].is_object() => match items.remove(0) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        },
        _ => return Err(fault("expected one mapping with `name`, `description` and `executable`")),
    };
    let mut text = |key: &str| match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(fault(&format!("`{key}` must be a text"))),
    };
    let (name, description) = (text("name")?, text("description")?.unwrap_or_default());
    let name = name.ok_or_else(|| fault("`name` is missing"))?;
    let (package, module) = (text("runner_package")?, text("runner_module")?);
    let (output_key, executable) = (text("output_key")?, text("executable")?);
    let executable = executable.ok_or_else(|| fault("`executable` is missing: a path in this directory"))?;
    if directory.file_name().and_then(|it| it.to_str()) != Some(name.as_str()) {
        return Err(fault(&format!("`name` is \"{name}\": the directory must have the same name")));
    }
    let enabled = match fields.remove("enabled") {
        None => true,
        Some(Value::Bool(enabled)) => enabled,
        Some(_) => return Err(fault("`enabled` must be true or false")),
    };
    let runner_parameters = match fields.remove("runner_parameters") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parameters)) => parameters,
        Some(_) => return Err(fault("`runner_parameters` must be a mapping")),
    };
    for (parameter, definition) in &runner_parameters {
        schema::check_definition(definition)
            .map_err(|error| fault(&format!("runner parameter `{parameter}`: {error}")))?;
    }
    let output_schema = fields.remove("output_schema").unwrap_or_else(|| Map::new().into());
    if let Some(key) = fields.keys().next() {
        return Err(fault(&format!("unknown key `{key}`")));
    }
    let program = inside(directory, &executable).map_err(|words| fault(&words))?;
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        runner_package: package.unwrap_or_else(|| name.clone()),
        runner_module: module.unwrap_or_else(|| name.clone()),
        name,
        description,
        enabled,
        runner_parameters,
        output_key,
        output_schema,
    };
    Ok(ExternalRunner { runner, program, directory: directory.to_owned() })
}

/// The program, if it is one and lies in its runner's directory.
fn inside(directory: &Path, executable: &str) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    let wrong = |words: String| format!("`executable` {executable}: {words}");
    let real_directory = directory.canonicalize().map_err(|error| wrong(error.to_string()))?;
    let program = directory.join(executable).canonicalize().map_err(|error| wrong(error.to_string()))?;
    if !program.starts_with(&real_directory) {
        return Err(wrong("lies outside of the runner's directory".to_owned()));
    }
    let metadata = fs::metadata(&program).map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return Err(wrong("is no executable file (chmod +x)".to_owned()));
    }
    Ok(program)
}
