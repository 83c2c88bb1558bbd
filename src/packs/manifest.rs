//! `pack.yaml` of a pack that is not registered: what has to be known before it is let in.

use super::Error;
use crate::{
    content::{pack, python::Pythons},
    model::{PythonRange, STACKSTORM_VERSION, matches_range},
    yaml,
};
use serde_json::{Map, Value};
use std::path::Path;

/// Largest manifest.
const LARGEST: u64 = 1024 * 1024;

/// What a pack says of itself.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// As written.
    pub fields: Map<String, Value>,
}

/// Reads the manifest in a directory as far as it can be read, without judging it.
pub fn read_manifest(directory: &Path) -> Result<Manifest, Error> {
    let path = directory.join("pack.yaml");
    let missing = || Error::new("Pack is missing a manifest file (pack.yaml).");
    // A link may lead anywhere.
    let kind = std::fs::symlink_metadata(&path).map_err(|_| missing())?;
    if !kind.is_file() {
        return Err(missing());
    }
    if kind.len() > LARGEST {
        return Err(Error::new(format!("pack.yaml is larger than {LARGEST} bytes")));
    }
    let bytes = std::fs::read(&path).map_err(|error| Error::at(Path::new("pack.yaml"), &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::new("pack.yaml is not valid UTF-8"))?;
    let value = yaml::load(&text).map_err(|error| {
        Error::new(format!("pack.yaml:{}:{}: {}", error.line, error.column, error.message))
    })?;
    match value {
        Value::Object(fields) => Ok(Manifest { fields }),
        Value::Null => Err(Error::new("pack.yaml is empty")),
        _ => Err(Error::new("pack.yaml does not hold a mapping")),
    }
}

impl Manifest {
    /// Its name, as written.
    pub fn name(&self) -> &str {
        self.fields.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its version as text.
    pub fn version(&self) -> Option<String> {
        self.fields.get("version").filter(|version| !version.is_null()).map(crate::pytext::str)
    }

    /// The packs it builds on, as written.
    pub fn dependencies(&self) -> Vec<&str> {
        let listed = self.fields.get("dependencies").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether it was written for Python 2 alone.
    pub fn is_for_python_2(&self) -> bool {
        let versions = self.fields.get("python_versions").and_then(Value::as_array);
        versions.is_some_and(|versions| {
            !versions.is_empty() && versions.iter().all(|version| crate::pytext::str(version) == "2")
        })
    }

    /// The versions of Python it asks for.
    ///
    /// # Errors
    /// What is written there is no range of versions.
    pub fn requires_python(&self) -> Result<Option<PythonRange>, Error> {
        match self.fields.get("requires_python") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => match PythonRange::parse(text) {
                Ok(range) => Ok(Some(range)),
                Err(why) => Err(Error::new(format!("pack.yaml: requires_python: {why}"))),
            },
            Some(other) => Err(Error::new(format!(
                "pack.yaml: requires_python: {} is no text. Put it in quotes: YAML takes 3.10 for the number 3.1.",
                crate::pytext::repr(other)
            ))),
        }
    }

    /// The reference it will be installed under. Checks all of the manifest: what could not be registered does not
    /// replace what is.
    pub(super) fn reference(&self) -> Result<String, Error> {
        let mut value = Value::Object(self.fields.clone());
        pack::validate(&mut value).map_err(|error| Error::new(format!("pack.yaml: {}", error.message)))?;
        let reference = pack::reference(&self.fields, None).map_err(|error| Error::new(error.message))?;
        if pack::SYSTEM_PACKS.contains(&reference.as_str()) || reference == pack::DEFAULT_PACK {
            return Err(Error::new(format!("Pack \"{reference}\" comes with st2d and cannot be replaced.")));
        }
        Ok(reference)
    }

    /// Checks that it is meant for a system like this one.
    pub(super) fn fits_here(&self, pythons: &Pythons) -> Result<(), Error> {
        const FORCE: &str = "You can override this restriction by providing the \"force\" flag, but the pack is not \
                             guaranteed to work.";
        let name = self.name();
        if let Some(wanted) = self.fields.get("stackstorm_version").and_then(Value::as_str)
            && !matches_range(STACKSTORM_VERSION, wanted).map_err(|error| Error::new(error.to_string()))?
        {
            return Err(Error::new(format!(
                "Pack \"{name}\" requires StackStorm \"{wanted}\", but current version is \
                 \"{STACKSTORM_VERSION}\". {FORCE}"
            )));
        }
        if self.is_for_python_2() {
            return Err(Error::new(format!(
                "Pack \"{name}\" requires Python 2.x, but current Python version is \"3\". {FORCE}"
            )));
        }
        if let Some(asked) = self.requires_python()? {
            pythons.for_pack(name, &asked).map_err(|error| Error::new(error.to_string()))?;
        }
        Ok(())
    }
}
