//! Where a configuration comes from: rows of the pack's `config.schema.yaml` and of the file of its values.

use super::Error;
use crate::{
    config::Config,
    content,
    store::{self, Store},
    yaml,
};
use serde_json::{Map, Value};
use std::{io, sync::Arc};

/// A configuration as people wrote it, and its schema. Both are empty where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Source {
    /// Name → schema.
    pub(super) schema: Map<String, Value>,
    /// Name → value.
    pub(super) values: Map<String, Value>,
}

/// The source of a pack's configuration: what was registered, or what lies on disk where nothing was.
pub(super) async fn of(store: &Store, config: &Arc<Config>, pack: &str) -> Result<Source, Error> {
    let schema = store::configs::find_schema(store.pool(), pack).await?.map(|row| row.attributes);
    let values = store::configs::find(store.pool(), pack).await?.map(|row| row.values);
    if let (Some(schema), Some(values)) = (&schema, &values) {
        return Ok(Source { schema: schema.clone(), values: values.clone() });
    }
    let (config, pack) = (Arc::clone(config), pack.to_owned());
    let name = pack.clone();
    let reading = tokio::task::spawn_blocking(move || Source {
        schema: schema.unwrap_or_else(|| schema_of(&config, &pack)),
        values: values.unwrap_or_else(|| values_of(&config, &pack)),
    });
    reading.await.map_err(|_| Error::Internal(name))
}

/// The schema of a pack's configuration.
fn schema_of(config: &Config, pack: &str) -> Map<String, Value> {
    let Some(directory) = content::PackDir::find(&content::base_dirs(config), pack) else {
        return Map::new();
    };
    match directory.read("config.schema.yaml") {
        Ok(text) => mapping(&text, &format!("{}/config.schema.yaml", directory.path.display())),
        Err(content::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(error) => {
            tracing::warn!("{}/config.schema.yaml {error}", directory.path.display());
            Map::new()
        }
    }
}

fn values_of(config: &Config, pack: &str) -> Map<String, Value> {
    let file = config.configs_dir().join(format!("{pack}.yaml"));
    match std::fs::read_to_string(&file) {
        Ok(text) => mapping(&text, &file.display().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(error) => {
            tracing::warn!("Cannot read {}: {error}", file.display());
            Map::new()
        }
    }
}

/// A file that is no mapping counts as empty, as in StackStorm; the log says why.
fn mapping(text: &str, file: &str) -> Map<String, Value> {
    match yaml::load(text) {
        Ok(Value::Object(values)) => return values,
        Ok(Value::Null) => {}
        Ok(_) => tracing::warn!("{file} does not hold a mapping"),
        Err(error) => tracing::warn!("{file}:{error}"),
    }
    Map::new()
}
