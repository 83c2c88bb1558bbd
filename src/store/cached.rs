//! What was looked up once and holds until content changes.

use super::Result;
use crate::bus::Bus;
use parking_lot::RwLock;
use std::collections::HashMap;

/// Values by key. A change of content ([`Bus::content_version`]) is noticed at the next look.
#[derive(Debug)]
pub struct Cached<V> {
    bus: Bus,
    known: RwLock<Known<V>>,
}

#[derive(Debug)]
struct Known<V> {
    version: u64,
    by_key: HashMap<String, V>,
}

impl<V: Clone> Cached<V> {
    /// Nothing is known yet.
    pub fn new(bus: &Bus) -> Self {
        Self { bus: bus.clone(), known: RwLock::new(Known { version: 0, by_key: HashMap::new() }) }
    }

    /// The value of `key`; looked up if it is not known. That there is none is not remembered: people ask for
    /// whatever comes to their mind.
    pub async fn get(
        &self,
        key: &str,
        look_up: impl AsyncFnOnce() -> Result<Option<V>>,
    ) -> Result<Option<V>> {
        // Before the look at the database: what changes after it makes this entry stale.
        let version = self.bus.content_version();
        if let Some(found) = self.known(version, key) {
            return Ok(Some(found));
        }
        let Some(found) = look_up().await? else { return Ok(None) };
        let mut known = self.known.write();
        if known.version != version {
            *known = Known { version, by_key: HashMap::new() };
        }
        known.by_key.insert(key.to_owned(), found.clone());
        Ok(Some(found))
    }

    fn known(&self, version: u64, key: &str) -> Option<V> {
        let known = self.known.read();
        (known.version == version).then(|| known.by_key.get(key).cloned()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Event;

    #[tokio::test]
    async fn a_value_is_looked_up_once_and_again_after_a_change() {
        let bus = Bus::default();
        let cached = Cached::new(&bus);
        assert_eq!(cached.get("a", async || Ok(None)).await.unwrap(), None);
        assert_eq!(cached.get("a", async || Ok(Some(1))).await.unwrap(), Some(1));
        assert_eq!(cached.get("a", async || Ok(Some(2))).await.unwrap(), Some(1));
        bus.publish(Event::Content);
        assert_eq!(cached.get("a", async || Ok(Some(3))).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn what_changes_during_the_look_is_not_kept() {
        let bus = Bus::default();
        let cached = Cached::new(&bus);
        let slow = async || {
            bus.publish(Event::Content);
            Ok(Some(1))
        };
        assert_eq!(cached.get("a", slow).await.unwrap(), Some(1));
        assert_eq!(cached.get("a", async || Ok(Some(2))).await.unwrap(), Some(2));
    }
}
