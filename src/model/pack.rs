//! Packs: the unit of content.

use super::PackId;
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
