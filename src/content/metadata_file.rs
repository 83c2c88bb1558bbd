//! One file of a pack: its manifest, or metadata of something in it. What is read here is an object, says that it is of
//! this pack if it says anything, and can be stored.

use super::{
    disk::{Inventory, PackDir},
    document::Document,
    form::{Error, Fields},
    pack,
    problem::Fault,
};
use crate::{
    model::{Pack, PackId},
    pytext,
    schema::Step,
};
use serde_json::{Map, Value};
use std::path::Path;

/// A metadata file that is an object of the right pack.
pub(super) struct Metadata {
    pub(super) file: String,
    pub(super) document: Document,
    pub(super) fields: Map<String, Value>,
}

impl Metadata {
    /// The name of the thing, which cannot be empty.
    pub(super) fn name(&self, key: &str) -> Result<String, Error> {
        match Fields(&self.fields).text(key) {
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err(Error::new(format!("{key} cannot be empty"), [key])),
        }
    }
}

/// Reads the manifest.
pub(super) fn manifest(directory: &PackDir, inventory: Inventory) -> Result<Pack, Fault> {
    let name = &directory.name;
    let mut document = match document(directory, "pack.yaml") {
        Err(fault) if fault.is_missing_file() => {
            return Err(Fault::of_file(format!("Pack \"{name}\" is missing pack.yaml file")));
        }
        document => document?,
    };
    if !pytext::truthy(&document.value) {
        return Err(Fault::at(&document, &[], format!("Pack \"{name}\" metadata file is empty")));
    }
    refuse_nul(&document)?;
    let mut value = document.value.take();
    pack::validate(&mut value).map_err(|error| Fault::of(&document, error))?;
    let Value::Object(mut manifest) = value else {
        return Err(Fault::at(&document, &[], not_an_object(&value)));
    };
    let reference = pack::reference(&manifest, Some(name)).map_err(|error| Fault::of(&document, error))?;
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

/// Reads a metadata file.
pub(super) fn read(directory: &PackDir, file: &str) -> Result<Metadata, Fault> {
    let document = document(directory, file)?;
    let fields = match &document.value {
        Value::Object(fields) => fields.clone(),
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
    refuse_nul(&document)?;
    Ok(Metadata { file: file.to_owned(), document, fields })
}

/// Reads a file of a pack as YAML or JSON, by its ending.
pub(super) fn document(directory: &PackDir, file: &str) -> Result<Document, Fault> {
    let text = directory.read(file)?;
    let is_json = Path::new(file).extension().is_some_and(|ending| ending == "json");
    Ok(if is_json { Document::json(text)? } else { Document::yaml(text)? })
}

/// The complaint about anything else than an object.
pub(super) fn not_an_object(value: &Value) -> String {
    format!("{} is not of type 'object'", pytext::repr(value))
}

/// The database keeps no text with a NUL character.
pub(super) fn refuse_nul(document: &Document) -> Result<(), Fault> {
    let found = document
        .value
        .as_object()
        .and_then(|fields| fields.iter().find_map(|(key, value)| path_of_nul(key, value)));
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
