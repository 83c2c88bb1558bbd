//! Patterns that were compiled before, as Python keeps them.

use super::{Manner, Search};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// Patterns kept at a time.
const KEPT: usize = 64;

/// The longest that is kept, in bytes.
const LONGEST: usize = 256;

type Patterns = HashMap<(String, Manner), Arc<Search>>;

fn kept(pattern: &str, manner: Manner) -> Result<Arc<Search>, String> {
    static ALL: LazyLock<Mutex<Patterns>> = LazyLock::new(Mutex::default);
    if pattern.len() > LONGEST {
        return Search::of(pattern, manner).map(Arc::new);
    }
    let key = (pattern.to_owned(), manner);
    if let Some(known) = ALL.lock().get(&key) {
        return Ok(known.clone());
    }
    let search = Arc::new(Search::of(pattern, manner)?);
    let mut all = ALL.lock();
    if all.len() >= KEPT {
        all.clear();
    }
    all.insert(key, search.clone());
    Ok(search)
}

/// The patterns one evaluation has asked for; what it pays for one does not depend on what others asked for before.
#[derive(Debug, Default)]
pub struct Asked(Vec<(String, Manner, Arc<Search>)>);

impl Asked {
    /// A pattern that was asked for before.
    pub fn find(&self, pattern: &str, manner: Manner) -> Option<Arc<Search>> {
        let found = self.0.iter().find(|(known, of, _)| known == pattern && *of == manner)?;
        Some(found.2.clone())
    }

    /// A pattern that was not.
    ///
    /// # Errors
    /// As for [`Search::new`].
    pub fn add(&mut self, pattern: &str, manner: Manner) -> Result<Arc<Search>, String> {
        let search = kept(pattern, manner)?;
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.push((pattern.to_owned(), manner, search.clone()));
        Ok(search)
    }
}
