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
    store::{self, Cached, MayBeAway, Store},
};
use serde_json::{Map, Value};
use std::sync::Arc;

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

impl MayBeAway for Error {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Datastore(error) => error.is_unavailable(),
            _ => false,
        }
    }
}

/// Resolves configurations. The rows they come from are looked up once and kept until content changes; what templates
/// find in the datastore is looked up each time.
#[derive(Debug)]
pub struct Resolver {
    store: Store,
    datastore: Datastore,
    sources: Cached<Arc<Source>>,
}

impl Resolver {
    /// Nothing is known yet.
    pub fn new(store: &Store, datastore: &Datastore) -> Self {
        let sources = Cached::new(store.bus());
        Self { store: store.clone(), datastore: datastore.clone(), sources }
    }

    /// The configuration of `pack` as `user` sees it; without a user, as the system user does. A pack without any is
    /// configured with the defaults of its schema.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn resolve(&self, pack: &str, user: Option<&str>) -> Result<Map<String, Value>, Error> {
        let look_up = async || source::of(&self.store, pack).await.map(|found| Some(Arc::new(found)));
        let source = self.sources.get(pack, look_up).await?.unwrap_or_default();
        let mut values = source.values.clone();
        if values.values().flat_map(datastore::texts_of).any(jinja::is_template) {
            values = self.rendered(pack, user, &source, values).await?;
        }
        resolve::fill_in(&source.schema, &mut values);
        Ok(values)
    }

    async fn rendered(
        &self,
        pack: &str,
        user: Option<&str>,
        source: &Arc<Source>,
        mut values: Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        let templates = values.values().flat_map(datastore::texts_of);
        let lookups = self.datastore.for_templates(user, templates).await?;
        let (datastore, name, source) = (self.datastore.clone(), pack.to_owned(), source.clone());
        let seen: Arc<dyn jinja::Datastore> = lookups.clone();
        let rendering = tokio::task::spawn_blocking(move || {
            let renderer = resolve::Renderer::new(&name, &datastore, &seen);
            renderer.render(&source.schema, &mut values).map(|()| values)
        });
        let rendered = rendering.await.map_err(|panic| {
            tracing::error!("Resolving the configuration of {pack} panicked: {panic}");
            Error::Internal(pack.to_owned())
        })?;
        lookups.checked(rendered)?
    }
}
