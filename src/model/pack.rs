//! Packs: the unit of content.

use super::{ConfigId, ConfigSchemaId, PackId};
use serde_json::{Map, Value};

/// A registered pack: its `pack.yaml`, where it lies and which files it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Identity.
    pub id: PackId,
    /// Reference, also its directory name.
    pub reference: String,
    /// Everything else of `pack.yaml` as written (name, version, author…, unknown keys kept).
    pub manifest: Map<String, Value>,
    /// Absolute path on this host.
    pub path: String,
    /// Files below it, relative, sorted.
    pub files: Vec<String>,
}

/// What a pack can be configured with.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSchema {
    /// Identity.
    pub id: ConfigSchemaId,
    /// Pack ref.
    pub pack: String,
    /// Name → schema, as written in `config.schema.yaml`.
    pub attributes: Map<String, Value>,
}

/// What a pack is configured with.
#[derive(Clone, Debug, PartialEq)]
pub struct PackConfig {
    /// Identity.
    pub id: ConfigId,
    /// Pack ref.
    pub pack: String,
    /// As written: without defaults, templates not rendered, secrets not decrypted.
    pub values: Map<String, Value>,
}
