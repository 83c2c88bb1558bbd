//! What a pack is configured with: the values people set, with those from the datastore put in for one user, and the
//! defaults of the pack's schema.
//!
//! Actions get it as `config_context` and as `self.config`, sensors once when they start.

mod resolve;
mod source;
mod write;

use source::Source;
pub use write::{WriteError, file, replace};

use crate::{
    datastore::{self, Datastore},
    expr::jinja,
    store::{self, Store},
};
use serde_json::{Map, Value};

/// Why a configuration is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template among the values cannot be rendered. The words are StackStorm's, blank at the end included.
    #[error(
        "Failed to render dynamic configuration value for key \"{key}\" with value \"{value}\" for pack \"{pack}\" \
         config: {class} {cause} "
    )]
    Render {
        /// Path of the value, with dots.
        key: String,
        /// The template.
        value: String,
        /// Whose configuration.
        pack: String,
        /// The exception's class as Python prints it.
        class: String,
        /// What went wrong.
        cause: jinja::Error,
    },
    /// A secret value is not encrypted with our key.
    #[error("Failed to decrypt the configuration value for key \"{key}\" for pack \"{pack}\": {cause}")]
    Decrypt {
        /// Path of the value, with dots.
        key: String,
        /// Whose configuration.
        pack: String,
        /// What went wrong.
        cause: datastore::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The datastore cannot be read.
    #[error(transparent)]
    Datastore(#[from] datastore::Error),
    /// A fault of ours.
    #[error("the configuration of pack \"{0}\" could not be resolved: internal error")]
    Internal(String),
}

/// The configuration of `pack` as `user` sees it; without a user, as the system user does. A pack without any is
/// configured with the defaults of its schema.
///
/// # Errors
/// [`Error`].
pub async fn resolve(
    store: &Store,
    datastore: &Datastore,
    pack: &str,
    user: Option<&str>,
) -> Result<Map<String, Value>, Error> {
    let Source { schema, mut values } = source::of(store, pack).await?;
    if values.values().flat_map(datastore::texts_of).any(jinja::is_template) {
        let templates = values.values().flat_map(datastore::texts_of);
        let lookups = datastore.for_templates(user, templates).await?;
        let (datastore, pack, dynamic) = (datastore.clone(), pack.to_owned(), schema.clone());
        let name = pack.clone();
        let rendering = tokio::task::spawn_blocking(move || {
            let renderer = resolve::Renderer::new(&pack, &datastore, &lookups);
            renderer.render(&dynamic, &mut values).map(|()| values)
        });
        values = rendering.await.map_err(|panic| {
            tracing::error!("Resolving the configuration of {name} panicked: {panic}");
            Error::Internal(name)
        })??;
    }
    resolve::fill_in(&schema, &mut values);
    Ok(values)
}
