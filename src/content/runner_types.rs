//! The runner types this program registers: one YAML file each in `runner_types/`, embedded.
//!
//! Names, parameters, defaults and descriptions are StackStorm's, as clients compare and show them. Which of them
//! this build can run is the business of the registry of runners.

use super::document::Document;
use crate::model::{RunnerType, RunnerTypeId};
use rust_embed::RustEmbed;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "src/content/runner_types"]
struct Files;

/// All of them, by name, each with a new id.
///
/// # Errors
/// One of our own files is broken; says which and where.
pub fn all() -> anyhow::Result<Vec<RunnerType>> {
    Files::iter().map(|name| read(&name)).collect()
}

/// Whether a runner type of this name is ours.
pub fn is_own(name: &str) -> bool {
    let file = format!("{}.yaml", name.replace('_', "-"));
    current_name(name) != name || Files::get(&file).is_some()
}

/// The name that a runner has today. Packs written for StackStorm before 0.9 call some differently; nothing else
/// about them has changed.
pub fn current_name(name: &str) -> &str {
    match name {
        "run-local" => "local-shell-cmd",
        "run-local-script" => "local-shell-script",
        "run-remote" => "remote-shell-cmd",
        "run-remote-script" => "remote-shell-script",
        "run-python" => "python-script",
        "http-runner" => "http-request",
        name => name,
    }
}

/// Whether this type is another one under a second name.
pub(super) fn is_second_name(name: &str) -> bool {
    name == "orchestra"
}

/// Changes when one of them does.
pub fn fingerprint() -> Vec<u8> {
    let mut hash = Sha256::new();
    for file in Files::iter().filter_map(|name| Files::get(&name)) {
        hash.update(file.metadata.sha256_hash());
    }
    hash.finalize().to_vec()
}

fn read(name: &str) -> anyhow::Result<RunnerType> {
    let file = Files::get(name).ok_or_else(|| anyhow::anyhow!("{name} is not embedded"))?;
    let text = std::str::from_utf8(&file.data)?;
    let mut document = Document::yaml(text.to_owned()).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let Value::Object(fields) = &mut document.value else { anyhow::bail!("{name} is no mapping") };
    let mut text = |field: &str| match fields.remove(field) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(anyhow::anyhow!("{name} has no text `{field}`")),
    };
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        name: text("name")?,
        description: text("description")?,
        enabled: true,
        runner_package: text("runner_package")?,
        runner_module: text("runner_module")?,
        output_key: text("output_key").ok(),
        runner_parameters: match fields.remove("runner_parameters") {
            Some(Value::Object(parameters)) => parameters,
            _ => Map::new(),
        },
        output_schema: fields.remove("output_schema").unwrap_or_else(|| Map::new().into()),
    };
    anyhow::ensure!(fields.is_empty(), "{name} has unknown keys: {:?}", fields.keys());
    Ok(runner)
}
