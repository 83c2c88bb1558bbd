//! Actions ready to be requested: looked up once, kept until content changes.

use crate::{
    engine::policy::Policies,
    model::{Action, RunnerType, Snapshot},
    schema,
    store::{Cached, Store, actions, policies, snapshots},
    wire,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// An action with everything a request for it needs.
#[derive(Debug)]
pub struct Runnable {
    /// Action and runner type as they are now, stored.
    pub snapshot: Arc<Snapshot>,
    /// What a call must look like; the error every call gets when action and runner do not fit together.
    pub call: Result<schema::CallSchema, schema::Error>,
    /// What is laid on it.
    pub policies: Policies,
}

/// Actions by ref. Changes of content are noticed at the next look.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    known: Cached<Arc<Runnable>>,
}

impl Catalog {
    pub(in crate::engine) fn new(store: &Store) -> Self {
        Self { store: store.clone(), known: Cached::new(store.bus()) }
    }

    /// The action with this ref, ready to be requested; `None` when there is none.
    pub async fn find(&self, action_ref: &str) -> crate::store::Result<Option<Arc<Runnable>>> {
        let look_up = async || match actions::find_runnable(self.store.pool(), action_ref).await? {
            Some((action, runner)) => Ok(Some(Arc::new(self.make(action, runner).await?))),
            None => Ok(None),
        };
        self.known.get(action_ref, look_up).await
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
        let policies = policies::of_action(self.store.pool(), &snapshot.action.spec.reference()).await?;
        Ok(Runnable { snapshot: Arc::new(snapshot), call, policies: Policies::new(policies) })
    }
}
