//! Actions ready to be requested: looked up once, kept until content changes.

use crate::{
    model::{Action, RunnerType, Snapshot},
    schema,
    store::{Store, actions, snapshots},
    wire,
};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// An action with everything a request for it needs.
#[derive(Debug)]
pub struct Runnable {
    /// Action and runner type as they are now, stored.
    pub snapshot: Arc<Snapshot>,
    /// What a call must look like; the error every call gets when action and runner do not fit together.
    pub call: Result<schema::CallSchema, schema::Error>,
}

/// Actions by ref. Changes of content are noticed at the next look.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    cache: RwLock<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    version: u64,
    by_ref: HashMap<String, Arc<Runnable>>,
}

impl Catalog {
    pub(in crate::engine) fn new(store: &Store) -> Self {
        Self { store: store.clone(), cache: RwLock::default() }
    }

    /// The action with this ref, ready to be requested; `None` when there is none.
    pub async fn find(&self, action_ref: &str) -> crate::store::Result<Option<Arc<Runnable>>> {
        // Before the look at the database: what changes after it makes this entry stale.
        let version = self.store.bus().content_version();
        if let Some(found) = self.cached(version, action_ref) {
            return Ok(Some(found));
        }
        let Some((action, runner)) = actions::find_runnable(self.store.pool(), action_ref).await? else {
            return Ok(None);
        };
        let runnable = Arc::new(self.make(action, runner).await?);
        let mut cache = self.cache.write();
        if cache.version != version {
            *cache = Cache { version, by_ref: HashMap::new() };
        }
        cache.by_ref.insert(action_ref.to_owned(), runnable.clone());
        Ok(Some(runnable))
    }

    fn cached(&self, version: u64, action_ref: &str) -> Option<Arc<Runnable>> {
        let cache = self.cache.read();
        (cache.version == version).then(|| cache.by_ref.get(action_ref).cloned()).flatten()
    }

    async fn make(&self, action: Action, runner: RunnerType) -> crate::store::Result<Runnable> {
        let call = schema::CallSchema::new(
            &runner.runner_parameters,
            &action.spec.parameters,
            &action.spec.reference(),
        );
        let mut snapshot = Snapshot::new(0, Arc::new(action), Arc::new(runner));
        let views = wire::snapshot::views(&snapshot);
        let hash = Sha256::new()
            .chain_update(views.action.as_bytes())
            .chain_update([0])
            .chain_update(views.runner.as_bytes())
            .finalize();
        let id = snapshots::intern(self.store.pool(), hash.as_slice(), &views.action, &views.runner).await?;
        snapshot.id = id;
        Ok(Runnable { snapshot: Arc::new(snapshot), call })
    }
}
