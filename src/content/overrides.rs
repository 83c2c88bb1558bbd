//! Overrides: what the administrator says about content without touching its files, so that it outlives an update
//! of the pack. `_global.yaml` speaks for all packs, `<pack>.yaml` for one and has the last word.
//!
//! One thing can be said so far: whether something is enabled.

use super::{disk, document::Document, form::Error, problem::Fault};
use crate::{pytext, schema::Step};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The kinds of content that can be overridden.
const KINDS: [&str; 4] = ["sensors", "actions", "rules", "aliases"];

/// What can be said.
const KEY: &str = "enabled";

/// What is said about one pack.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    /// By kind: what holds for all of it.
    defaults: HashMap<&'static str, bool>,
    /// By kind and name.
    exceptions: HashMap<(&'static str, String), bool>,
}

impl Overrides {
    /// Reads what is said about a pack; names the file that is broken.
    pub(super) fn read(directory: &Path, pack: &str) -> Result<Self, (PathBuf, Fault)> {
        let mut overrides = Self::default();
        for file in ["_global", pack] {
            let path = directory.join(format!("{file}.yaml"));
            overrides.add(&path, pack, file == "_global").map_err(|fault| (path, fault))?;
        }
        Ok(overrides)
    }

    /// What decides about a pack, to tell whether it changed.
    pub(super) fn stamps(directory: &Path, pack: &str) -> [[i64; 4]; 2] {
        ["_global", pack].map(|file| disk::stamp(&directory.join(format!("{file}.yaml"))))
    }

    /// Lets the overrides decide about one thing; says whether that made a difference.
    pub(super) fn apply(&self, kind: &'static str, name: &str, enabled: &mut bool) -> bool {
        let said = self.exceptions.get(&(kind, name.to_owned())).or_else(|| self.defaults.get(kind));
        match said {
            Some(said) if said != enabled => {
                *enabled = *said;
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, path: &Path, pack: &str, is_global: bool) -> Result<(), Fault> {
        let text = match disk::read_text(path) {
            Err(disk::ReadError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
            text => text?,
        };
        let document = Document::yaml(text)?;
        let said = match &document.value {
            Value::Null => return Ok(()),
            value => object(value, &[]).map_err(|error| Fault::of(&document, error))?,
        };
        for kind in KINDS {
            let Some(of_kind) = said.get(kind).filter(|value| !value.is_null()) else { continue };
            self.add_kind(kind, of_kind, pack, is_global).map_err(|error| Fault::of(&document, error))?;
        }
        if let Some(other) = said.keys().find(|key| !KINDS.contains(&key.as_str())) {
            let message = format!("Invalid override type of {other} attempted for pack {pack}");
            return Err(Fault::of(&document, Error::new(message, [other])));
        }
        Ok(())
    }

    fn add_kind(
        &mut self,
        kind: &'static str,
        said: &Value,
        pack: &str,
        is_global: bool,
    ) -> Result<(), Error> {
        let said = object(said, &[kind])?;
        if let Some(defaults) = said.get("defaults").filter(|value| !value.is_null()) {
            let path = [kind, "defaults"];
            for (key, value) in object(defaults, &path)? {
                let enabled = flag(key, value, &path, "default", pack)?;
                self.defaults.insert(kind, enabled);
            }
        }
        // What holds for all packs cannot name one thing of one of them.
        let exceptions = said.get("exceptions").filter(|value| !value.is_null() && !is_global);
        let Some(exceptions) = exceptions else { return Ok(()) };
        for (name, value) in object(exceptions, &[kind, "exceptions"])? {
            let path = [kind, "exceptions", name];
            for (key, value) in object(value, &path)? {
                let enabled = flag(key, value, &path, "exceptions", pack)?;
                self.exceptions.insert((kind, name.clone()), enabled);
            }
        }
        Ok(())
    }
}

fn object<'a>(value: &'a Value, path: &[&str]) -> Result<&'a Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| fault(format!("{} is not of type 'object'", pytext::repr(value)), path))
}

fn flag(key: &str, value: &Value, path: &[&str], what: &str, pack: &str) -> Result<bool, Error> {
    let path: Vec<&str> = path.iter().copied().chain([key]).collect();
    if key != KEY {
        return Err(fault(format!("Override attempted with invalid {what} key {key} in pack {pack}"), &path));
    }
    value.as_bool().ok_or_else(|| fault(format!("{} is not of type 'boolean'", pytext::repr(value)), &path))
}

fn fault(message: String, path: &[&str]) -> Error {
    Error { message, path: path.iter().map(|key| Step::Key((*key).to_owned())).collect() }
}
