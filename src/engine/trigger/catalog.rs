//! Triggers and trigger types, read when they are first asked for and kept until content changes.

use crate::{
    content::trigger::WEBHOOK,
    model::{Trigger, TriggerType},
    schema::{self, Options, Validator},
    store::{self, Store, triggers},
};
use parking_lot::RwLock;
use serde_json::{Map, Value};
use sqlx::PgExecutor;
use std::{collections::HashMap, sync::Arc};

/// A trigger type, ready to check payloads.
#[derive(Debug)]
pub struct Kind {
    /// The type.
    pub kind: TriggerType,
    /// Checks a payload; the error that every payload gets where the schema is no schema.
    pub payload: Result<Validator, schema::Error>,
}

/// Triggers by reference and type. Changes of content are noticed at the next look.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    cache: RwLock<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    version: u64,
    /// What is known not to exist is `None`: senders of nonsense cost no query each.
    triggers: HashMap<String, Option<Arc<Trigger>>>,
    kinds: HashMap<String, Option<Arc<Kind>>>,
    by_type: HashMap<String, Arc<Vec<Arc<Trigger>>>>,
    hooks: Option<Arc<HashMap<String, Vec<Arc<Trigger>>>>>,
}

impl Cache {
    fn note(&mut self, reference: &str, trigger: Option<Arc<Trigger>>) {
        if trigger.is_some() || self.triggers.len() < UNKNOWN {
            self.triggers.insert(reference.to_owned(), trigger);
        }
    }
}

/// Names that do not exist are remembered up to this number: they come from outside.
const UNKNOWN: usize = 10_000;

impl Catalog {
    pub(in crate::engine) fn new(store: &Store) -> Self {
        Self { store: store.clone(), cache: RwLock::default() }
    }

    /// The trigger of this reference.
    pub async fn trigger(&self, reference: &str) -> store::Result<Option<Arc<Trigger>>> {
        self.trigger_by(self.store.pool(), reference).await
    }

    /// The same; what is not known is asked over this connection.
    pub async fn trigger_by(
        &self,
        db: impl PgExecutor<'_>,
        reference: &str,
    ) -> store::Result<Option<Arc<Trigger>>> {
        let version = self.version();
        if let Some(known) = self.look(version, |cache| cache.triggers.get(reference).cloned()) {
            return Ok(known);
        }
        let found = triggers::find(db, reference).await?.map(Arc::new);
        self.keep(version, |cache| cache.note(reference, found.clone()));
        Ok(found)
    }

    /// Reads those of these references that are not known yet, all at once.
    pub async fn prepare(&self, references: &[&str]) -> store::Result<()> {
        let version = self.version();
        let wanted: Vec<String> = {
            let cache = self.cache.read();
            let is_known = |it: &str| cache.version == version && cache.triggers.contains_key(it);
            references.iter().filter(|it| !is_known(it)).map(|it| (*it).to_owned()).collect()
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let found = triggers::list_by_refs(self.store.pool(), &wanted).await?;
        let mut found: HashMap<String, Arc<Trigger>> =
            found.into_iter().map(|trigger| (trigger.reference(), Arc::new(trigger))).collect();
        self.keep(version, |cache| {
            for reference in wanted {
                let trigger = found.remove(&reference);
                cache.note(&reference, trigger);
            }
        });
        Ok(())
    }

    /// The trigger of this type that has these parameters.
    pub async fn trigger_of(
        &self,
        kind: &str,
        parameters: &Map<String, Value>,
    ) -> store::Result<Option<Arc<Trigger>>> {
        let all = self.triggers_of(kind).await?;
        let hash = crate::model::parameters_hash(parameters);
        let fits = |trigger: &&Arc<Trigger>| crate::model::parameters_hash(&trigger.parameters) == hash;
        Ok(all.iter().find(fits).cloned())
    }

    /// All triggers of a type, in the order they were made.
    pub async fn triggers_of(&self, kind: &str) -> store::Result<Arc<Vec<Arc<Trigger>>>> {
        let version = self.version();
        if let Some(known) = self.look(version, |cache| cache.by_type.get(kind).cloned()) {
            return Ok(known);
        }
        let found = triggers::list_of_types(self.store.pool(), &[kind.to_owned()]).await?;
        let found = Arc::new(found.into_iter().map(Arc::new).collect::<Vec<_>>());
        self.keep(version, |cache| {
            if !found.is_empty() || cache.by_type.len() < UNKNOWN {
                cache.by_type.insert(kind.to_owned(), found.clone());
            }
        });
        Ok(found)
    }

    /// The triggers of a webhook, by its address without slashes around it.
    pub async fn hook(&self, address: &str) -> store::Result<Vec<Arc<Trigger>>> {
        Ok(self.hooks().await?.get(address).cloned().unwrap_or_default())
    }

    async fn hooks(&self) -> store::Result<Arc<HashMap<String, Vec<Arc<Trigger>>>>> {
        let version = self.version();
        if let Some(known) = self.look(version, |cache| cache.hooks.clone()) {
            return Ok(known);
        }
        let mut hooks: HashMap<String, Vec<Arc<Trigger>>> = HashMap::new();
        for trigger in self.triggers_of(WEBHOOK).await?.iter() {
            if let Some(address) = trigger.parameters.get("url").and_then(Value::as_str) {
                hooks.entry(address.trim_matches('/').to_owned()).or_default().push(trigger.clone());
            }
        }
        let hooks = Arc::new(hooks);
        self.keep(version, |cache| cache.hooks = Some(hooks.clone()));
        Ok(hooks)
    }

    /// The trigger type of this reference, ready to check payloads.
    pub async fn kind(&self, reference: &str) -> store::Result<Option<Arc<Kind>>> {
        let version = self.version();
        if let Some(known) = self.look(version, |cache| cache.kinds.get(reference).cloned()) {
            return Ok(known);
        }
        let found = triggers::find_type(self.store.pool(), reference).await?.map(|kind| {
            let options = Options { use_default: true, allow_default_none: true, explain: true };
            let payload = Validator::new(Value::Object(kind.payload_schema.clone()), options);
            Arc::new(Kind { kind, payload })
        });
        self.keep(version, |cache| {
            if found.is_some() || cache.kinds.len() < UNKNOWN {
                cache.kinds.insert(reference.to_owned(), found.clone());
            }
        });
        Ok(found)
    }

    /// Taken before a look at the database: what changes after it makes the answer stale.
    fn version(&self) -> u64 {
        self.store.bus().content_version()
    }

    fn look<T>(&self, version: u64, find: impl FnOnce(&Cache) -> Option<T>) -> Option<T> {
        let cache = self.cache.read();
        (cache.version == version).then(|| find(&cache)).flatten()
    }

    fn keep(&self, version: u64, put: impl FnOnce(&mut Cache)) {
        let mut cache = self.cache.write();
        if cache.version != version {
            *cache = Cache { version, ..Cache::default() };
        }
        put(&mut cache);
    }
}
