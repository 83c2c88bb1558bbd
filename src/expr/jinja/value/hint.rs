//! Where things were found last.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    Key, Map, Value,
    key::{Text, is_same_text},
};

/// The place at which a dictionary had a name last. Dictionaries of one kind have their names in one order, so the next
/// one is looked at there first; finding it by its hash takes several times as long.
#[derive(Debug, Default)]
pub(in super::super) struct Hint(AtomicU32);

impl Hint {
    /// What the dictionary has under the name.
    #[inline]
    pub(in super::super) fn find<'m>(&self, map: &'m Map, name: &str) -> Option<&'m Value> {
        // A mark on the way only: whatever another thread writes there is checked like this.
        let at = self.0.load(Ordering::Relaxed) as usize;
        match map.get_index(at) {
            Some((key, value)) if is_it(key, name) => Some(value),
            _ => self.search(map, name),
        }
    }

    #[cold]
    fn search<'m>(&self, map: &'m Map, name: &str) -> Option<&'m Value> {
        let (at, _, value) = map.get_full(&Text(name))?;
        self.0.store(at as u32, Ordering::Relaxed);
        Some(value)
    }
}

#[inline]
fn is_it(key: &Key, name: &str) -> bool {
    key.as_str().is_some_and(|key| is_same_text(key, name))
}

impl Clone for Hint {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}
