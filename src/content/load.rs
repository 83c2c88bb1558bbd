//! A pack read from disk: its manifest and its actions, and what is wrong with the files that do not count.
//!
//! Reads and checks, and touches no database. A broken file never hides the others.

use super::{
    action,
    disk::{Inventory, PackDir, ReadError},
    document::{Document, Position, SyntaxError},
    pack,
    problem::{Kind, Problem},
};
use crate::{
    model::{NewAction, Pack, PackId, RunnerType},
    schema::Step,
};
use serde_json::Value;
use std::{collections::HashMap, path::Path};

/// The runner types by name, which actions are checked against.
pub(super) type Runners = HashMap<String, RunnerType>;

/// What a pack holds.
#[derive(Clone, Debug)]
pub(super) struct LoadedPack {
    /// Its manifest, with a new id. `None`: it is broken, and then nothing of the pack counts.
    pub(super) pack: Option<Pack>,
    /// Its actions, each reference once.
    pub(super) actions: Vec<NewAction>,
    /// Files that do not count, and why.
    pub(super) problems: Vec<Problem>,
}

/// A fault somewhere in a file.
struct Fault {
    position: Option<Position>,
    message: String,
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        let position = match error {
            ReadError::NotUtf8 { line, column } => Some(Position { line, column }),
            _ => None,
        };
        Self { position, message: error.to_string() }
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self { position: error.position, message: error.message }
    }
}

impl Fault {
    /// A fault of the part at `path`, or of a key right in it that the message quotes first.
    fn at(document: &Document, path: &[Step], message: String) -> Self {
        let quoted = message.strip_prefix("Additional properties are not allowed (").unwrap_or(&message);
        let quoted = quoted.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(key, _)| key);
        let inner = quoted.map(|key| [path, &[Step::Key(key.to_owned())]].concat());
        let position =
            inner.and_then(|inner| document.exact_position(&inner)).or_else(|| document.position(path));
        Self { position, message }
    }
}

/// Reads a pack. `inventory` is what lies in it.
pub(super) fn load(directory: &PackDir, inventory: Inventory, runners: &Runners) -> LoadedPack {
    let mut loaded = LoadedPack { pack: None, actions: Vec::new(), problems: Vec::new() };
    let problem = |kind, file: &str, fault: Fault| Problem {
        pack: directory.name.clone(),
        kind,
        file: directory.path.join(file),
        position: fault.position,
        message: fault.message,
    };
    match manifest(directory, inventory) {
        Ok(pack) => loaded.pack = Some(pack),
        Err(fault) => {
            loaded.problems.push(problem(Kind::Pack, "pack.yaml", fault));
            return loaded;
        }
    }
    let files = directory.metadata_files("actions").unwrap_or_else(|error| {
        loaded.problems.push(problem(Kind::Action, "actions", error.into()));
        Vec::new()
    });
    // A later file of the same action wins, in the order of their names, as with one registration after the other.
    let mut places = HashMap::new();
    for name in files {
        let file = format!("actions/{name}");
        let action = match action(directory, &file, runners) {
            Ok(action) => action,
            Err(fault) => {
                loaded.problems.push(problem(Kind::Action, &file, fault));
                continue;
            }
        };
        if let Some(&place) = places.get(&action.name) {
            let earlier: &mut NewAction = &mut loaded.actions[place];
            let (now, before) = (&action.metadata_file, &earlier.metadata_file);
            tracing::warn!("{}: {now} redefines the action of {before}", directory.path.display());
            *earlier = action;
        } else {
            places.insert(action.name.clone(), loaded.actions.len());
            loaded.actions.push(action);
        }
    }
    loaded
}

fn manifest(directory: &PackDir, inventory: Inventory) -> Result<Pack, Fault> {
    let name = &directory.name;
    let mut document = document(directory, "pack.yaml")?;
    if !crate::pytext::truthy(&document.value) {
        let message = format!("Pack \"{name}\" metadata file is empty");
        return Err(Fault { position: None, message });
    }
    let mut value = document.value.take();
    let found = pack::validate(&mut value).and_then(|()| match &value {
        Value::Object(manifest) => pack::reference(manifest, Some(name)),
        _ => Ok(String::new()),
    });
    let reference = found.map_err(|error| Fault::at(&document, &error.path, error.message))?;
    if let Some(path) = path_of_nul(&value) {
        return Err(Fault::at(&document, &path, NUL.to_owned()));
    }
    if reference != *name {
        // Content goes by the name of the directory: two names would be two packs.
        let message = format!("Pack \"{reference}\" lies in a directory of another name, \"{name}\"");
        return Err(Fault { position: document.position(&[Step::Key("ref".to_owned())]), message });
    }
    let Value::Object(mut manifest) = value else {
        return Err(Fault {
            position: None,
            message: format!("Pack \"{name}\" metadata file is no mapping"),
        });
    };
    for computed in ["id", "uid", "ref", "path", "files"] {
        manifest.shift_remove(computed);
    }
    Ok(Pack {
        id: PackId::generate(),
        reference,
        manifest,
        path: directory.path.to_string_lossy().into_owned(),
        files: inventory.files,
    })
}

fn action(directory: &PackDir, file: &str, runners: &Runners) -> Result<NewAction, Fault> {
    let document = document(directory, file)?;
    let fault = |error: action::Error| Fault::at(&document, &error.path, error.message);
    let Value::Object(fields) = &document.value else {
        return Err(Fault { position: document.position(&[]), message: "is no mapping".to_owned() });
    };
    let pack = &directory.name;
    if let Some(other) = fields.get("pack").filter(|other| crate::pytext::truthy(other))
        && other != pack.as_str()
    {
        let other = crate::pytext::str(other);
        let message = format!("Model is in pack \"{pack}\" but field \"pack\" is different: {other}");
        return Err(Fault::at(&document, &[Step::Key("pack".to_owned())], message));
    }
    action::validate_file(&document.value).map_err(fault)?;
    if let Some(path) = path_of_nul(&document.value) {
        return Err(Fault::at(&document, &path, NUL.to_owned()));
    }
    let mut action = action::from_fields(fields, pack);
    file.clone_into(&mut action.metadata_file);
    let runner =
        runners.get(&action.runner_type).ok_or_else(|| fault(action::unknown_runner(&action.runner_type)))?;
    action::check_parameters(&action, runner).map_err(fault)?;
    Ok(action)
}

fn document(directory: &PackDir, file: &str) -> Result<Document, Fault> {
    let text = directory.read(file)?;
    let is_json = Path::new(file).extension().is_some_and(|ending| ending == "json");
    Ok(if is_json { Document::json(&text)? } else { Document::yaml(&text)? })
}

const NUL: &str = "holds a NUL character, which the database cannot keep";

/// The first text with a NUL character, names of keys included.
fn path_of_nul(value: &Value) -> Option<Vec<Step>> {
    let behind = |step: Step, inner: &Value| {
        let mut path = path_of_nul(inner)?;
        path.insert(0, step);
        Some(path)
    };
    match value {
        Value::String(text) => text.contains('\0').then(Vec::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| behind(Step::Index(index), item))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, item)| {
            if key.contains('\0') { Some(Vec::new()) } else { behind(Step::Key(key.clone()), item) }
        }),
        _ => None,
    }
}
