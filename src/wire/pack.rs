//! Packs: what their manifest says, with the fields clients count on filled in.

use crate::model::Pack;
use serde_json::{Map, Value, json};

/// Every field clients may ask for.
pub const FIELDS: &[&str] = &[
    "id",
    "uid",
    "ref",
    "name",
    "description",
    "keywords",
    "version",
    "stackstorm_version",
    "python_versions",
    "author",
    "email",
    "contributors",
    "files",
    "path",
    "dependencies",
    "system",
];

/// A pack as clients see it. Keys of the manifest that nobody knows are shown too.
pub fn value(pack: &Pack) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    let written = |name: &str| pack.manifest.get(name).filter(|value| !value.is_null()).cloned();
    set("uid", json!(format!("pack:{}", pack.reference)));
    set("ref", json!(pack.reference));
    for name in ["name", "description"] {
        set(name, written(name).unwrap_or_default());
    }
    set("keywords", written("keywords").unwrap_or_else(|| json!([])));
    for name in ["version", "stackstorm_version"] {
        set(name, written(name).unwrap_or_default());
    }
    set("python_versions", written("python_versions").unwrap_or_else(|| json!([])));
    for name in ["author", "email"] {
        set(name, written(name).unwrap_or_default());
    }
    set("contributors", written("contributors").unwrap_or_else(|| json!([])));
    set("files", json!(pack.files));
    set("path", json!(pack.path));
    set("dependencies", written("dependencies").unwrap_or_else(|| json!([])));
    set("system", written("system").unwrap_or_else(|| json!({})));
    for (name, value) in &pack.manifest {
        if !FIELDS.contains(&name.as_str()) {
            set(name, value.clone());
        }
    }
    set("id", json!(pack.id));
    fields.retain(|_, value| !value.is_null());
    fields
}
