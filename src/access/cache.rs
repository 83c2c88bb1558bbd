//! Credentials verified a moment ago, so that a busy client costs no query per request.
//!
//! Entries live a few seconds: that is how late another node may learn that a key was disabled. Changes made on
//! this node empty the cache at once. Refusals are not kept. Keys of the map are hashes, never the credentials.

use super::caller::Identity;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a verified credential is believed.
const BELIEVED: Duration = Duration::from_secs(5);

/// Entries kept; past it the cache starts anew, which costs each client one query.
const CAPACITY: usize = 4096;

pub(super) type Key = [u8; 32];

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    generation: u64,
    entries: HashMap<Key, (Instant, Arc<Identity>)>,
}

/// Names a credential in the cache. `kind` keeps a token and a key of the same text apart.
pub(super) fn key(kind: u8, credential: &str) -> Key {
    Sha256::new().chain_update([kind]).chain_update(credential).finalize().into()
}

impl Cache {
    /// What was verified, or the generation to hand to [`Self::insert`] once it is.
    pub(super) fn find(&self, key: &Key) -> Result<Arc<Identity>, u64> {
        let inner = self.0.lock();
        match inner.entries.get(key) {
            Some((since, identity)) if since.elapsed() < BELIEVED => Ok(Arc::clone(identity)),
            _ => Err(inner.generation),
        }
    }

    /// Keeps what was verified, unless something changed since `generation`: it may have been read before that.
    pub(super) fn insert(&self, generation: u64, key: Key, identity: Arc<Identity>) {
        let mut inner = self.0.lock();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= CAPACITY {
            inner.entries.clear();
        }
        inner.entries.insert(key, (Instant::now(), identity));
    }

    /// Forgets everything: a credential or a user changed.
    pub(super) fn clear(&self) {
        let mut inner = self.0.lock();
        inner.generation += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Method;
    use super::*;

    fn somebody() -> Arc<Identity> {
        Arc::new(Identity { user: "ann".into(), method: Method::ApiKey, expiry: None, mask_secrets: true })
    }

    #[test]
    fn what_was_read_before_a_change_is_not_believed_after_it() {
        let cache = Cache::default();
        let key = key(b'k', "secret");
        let generation = cache.find(&key).unwrap_err();
        cache.clear();
        cache.insert(generation, key, somebody());
        let generation = cache.find(&key).unwrap_err();
        cache.insert(generation, key, somebody());
        assert!(cache.find(&key).is_ok());
        cache.clear();
        assert!(cache.find(&key).is_err());
    }

    #[test]
    fn a_token_is_not_a_key() {
        assert_ne!(key(b't', "same"), key(b'k', "same"));
    }
}
