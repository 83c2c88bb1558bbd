//! A pack read from disk: its manifest and its actions, and what is wrong with the files that do not count.
//!
//! Reads and checks, and touches no database. A broken file never hides the others.

use super::{
    action,
    disk::{Inventory, PackDir},
    document::Document,
    pack,
    problem::{Fault, Kind, Problem},
};
use crate::{
    model::{NewAction, Pack, PackId, RunnerType},
    pytext,
    schema::Step,
};
use serde_json::Value;
use std::{collections::HashMap, path::Path};

/// The runner types by name, which actions are checked against.
pub(super) type Runners = HashMap<String, RunnerType>;

/// What a pack holds.
#[derive(Clone, Debug, Default)]
pub(super) struct LoadedPack {
    /// Its manifest, with a new id. `None`: it is broken, and then nothing of the pack counts.
    pub(super) pack: Option<Pack>,
    /// Its actions, each reference once.
    pub(super) actions: Vec<NewAction>,
    /// Files that do not count, and why.
    pub(super) problems: Vec<Problem>,
}

/// Reads a pack. `inventory` is what lies in it.
pub(super) fn load(directory: &PackDir, inventory: Inventory, runners: &Runners) -> LoadedPack {
    let mut loaded = LoadedPack::default();
    match manifest(directory, inventory) {
        Ok(pack) => loaded.pack = Some(pack),
        Err(fault) => {
            loaded.problems.push(fault.into_problem(directory, Kind::Pack, "pack.yaml"));
            return loaded;
        }
    }
    let files = directory.metadata_files("actions").unwrap_or_else(|error| {
        loaded.problems.push(Fault::from(error).into_problem(directory, Kind::Action, "actions"));
        Vec::new()
    });
    // A later file of the same action wins, in the order of their names, as with one registration after the other.
    let mut places = HashMap::new();
    for name in files {
        let file = format!("actions/{name}");
        let action = match action(directory, &file, runners) {
            Ok(action) => action,
            Err(fault) => {
                loaded.problems.push(fault.into_problem(directory, Kind::Action, &file));
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
    let mut document = match document(directory, "pack.yaml") {
        Err(fault) if fault.is_missing_file() => {
            return Err(Fault::of_file(format!("Pack \"{name}\" is missing pack.yaml file")));
        }
        document => document?,
    };
    if !pytext::truthy(&document.value) {
        return Err(Fault::of_file(format!("Pack \"{name}\" metadata file is empty")));
    }
    let mut value = document.value.take();
    pack::validate(&mut value).map_err(|error| Fault::at(&document, &error.path, error.message))?;
    let Value::Object(mut manifest) = value else {
        return Err(Fault::at(&document, &[], not_an_object(&value)));
    };
    refuse_nul(&document, &manifest)?;
    let reference = pack::reference(&manifest, Some(name))
        .map_err(|error| Fault::at(&document, &error.path, error.message))?;
    if reference != *name {
        // Content goes by the name of the directory: two names would be two packs.
        let message = format!("Pack \"{reference}\" lies in a directory of another name, \"{name}\"");
        return Err(Fault::at(&document, &[Step::Key("ref".to_owned())], message));
    }
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
    let fields = match &document.value {
        Value::Object(fields) => fields,
        Value::Null => return Err(Fault::at(&document, &[], "The file is empty".to_owned())),
        other => return Err(Fault::at(&document, &[], not_an_object(other))),
    };
    let pack = &directory.name;
    if let Some(other) = fields.get("pack").filter(|other| pytext::truthy(other))
        && other != pack.as_str()
    {
        let other = pytext::str(other);
        let message = format!("Model is in pack \"{pack}\" but field \"pack\" is different: {other}");
        return Err(Fault::at(&document, &[Step::Key("pack".to_owned())], message));
    }
    action::validate_file(&document.value).map_err(fault)?;
    refuse_nul(&document, fields)?;
    let mut action = action::from_fields(fields, pack);
    file.clone_into(&mut action.metadata_file);
    let runner =
        runners.get(&action.runner_type).ok_or_else(|| fault(action::unknown_runner(&action.runner_type)))?;
    action::check_parameters(&action, runner).map_err(fault)?;
    if directory.is_outside(&Path::new("actions").join(&action.entry_point)) {
        let message = format!("Entry point \"{}\" lies outside of the pack", action.entry_point);
        return Err(Fault::at(&document, &[Step::Key("entry_point".to_owned())], message));
    }
    Ok(action)
}

fn document(directory: &PackDir, file: &str) -> Result<Document, Fault> {
    let text = directory.read(file)?;
    let is_json = Path::new(file).extension().is_some_and(|ending| ending == "json");
    Ok(if is_json { Document::json(text)? } else { Document::yaml(text)? })
}

fn not_an_object(value: &Value) -> String {
    format!("{} is not of type 'object'", pytext::repr(value))
}

/// The database keeps no text with a NUL character.
fn refuse_nul(document: &Document, fields: &serde_json::Map<String, Value>) -> Result<(), Fault> {
    let found = fields.iter().find_map(|(key, value)| path_of_nul(key, value));
    found.map_or(Ok(()), |path| Err(Fault::at(document, &path, "holds a NUL character".to_owned())))
}

fn path_of_nul(key: &str, value: &Value) -> Option<Vec<Step>> {
    let is_nul = key.contains('\0') || value.as_str().is_some_and(|text| text.contains('\0'));
    let mut path = match value {
        _ if is_nul => Vec::new(),
        Value::Object(fields) => fields.iter().find_map(|(key, item)| path_of_nul(key, item))?,
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let mut path = path_of_nul("", item)?;
            path[0] = Step::Index(index);
            Some(path)
        })?,
        _ => return None,
    };
    path.insert(0, Step::Key(key.to_owned()));
    Some(path)
}
