//! Where a configuration comes from: the rows of the pack's `config.schema.yaml` and of its values, as registered.

use crate::store::{self, Store};
use serde_json::{Map, Value};

/// A configuration as people wrote it, and its schema. Both are empty where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Source {
    /// Name → schema.
    pub(super) schema: Map<String, Value>,
    /// Name → value.
    pub(super) values: Map<String, Value>,
}

/// The source of a pack's configuration.
pub(super) async fn of(store: &Store, pack: &str) -> store::Result<Source> {
    let schema = store::configs::find_schema(store.pool(), pack).await?;
    let values = store::configs::find(store.pool(), pack).await?;
    Ok(Source {
        schema: schema.map(|row| row.attributes).unwrap_or_default(),
        values: values.map(|row| row.values).unwrap_or_default(),
    })
}
