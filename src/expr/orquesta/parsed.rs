//! Expressions parsed before: a workflow evaluates the same few texts for every task and item.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;

use crate::expr::{jinja, yaql};

/// How many expressions each half of a cache holds.
const MOST: usize = 2_000;

/// Texts longer than this are parsed each time: a cache of them could take all memory.
const LONGEST: usize = 4_000;

/// What was read lately: when the young half is full it becomes the old one, and what was not asked for
/// since then goes.
struct Cache<T> {
    young: HashMap<Box<str>, Arc<T>>,
    old: HashMap<Box<str>, Arc<T>>,
}

impl<T> Cache<T> {
    fn new() -> Mutex<Self> {
        Mutex::new(Self { young: HashMap::new(), old: HashMap::new() })
    }

    fn get(&mut self, text: &str) -> Option<Arc<T>> {
        if let Some(found) = self.young.get(text) {
            return Some(found.clone());
        }
        let found = self.old.get(text)?.clone();
        self.put(text, found.clone());
        Some(found)
    }

    fn put(&mut self, text: &str, parsed: Arc<T>) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text.into(), parsed);
    }
}

fn cached<T, E>(
    cache: &Mutex<Cache<T>>,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Arc<T>, E> {
    if text.len() > LONGEST {
        return parse(text).map(Arc::new);
    }
    if let Some(found) = cache.lock().get(text) {
        return Ok(found);
    }
    let parsed = Arc::new(parse(text)?);
    cache.lock().put(text, parsed.clone());
    Ok(parsed)
}

/// A YAQL expression.
pub(super) fn yaql(text: &str) -> yaql::Result<Arc<yaql::Expression>> {
    static CACHE: LazyLock<Mutex<Cache<yaql::Expression>>> = LazyLock::new(Cache::new);
    cached(&CACHE, text, yaql::Expression::parse)
}

/// A Jinja expression.
pub(super) fn jinja(text: &str) -> Result<Arc<jinja::Expression>, jinja::Error> {
    static CACHE: LazyLock<Mutex<Cache<jinja::Expression>>> = LazyLock::new(Cache::new);
    cached(&CACHE, text, jinja::Expression::parse)
}

/// A Jinja template.
pub(super) fn template(text: &str) -> Result<Arc<jinja::Template>, jinja::Error> {
    static CACHE: LazyLock<Mutex<Cache<jinja::Template>>> = LazyLock::new(Cache::new);
    cached(&CACHE, text, jinja::Template::parse_in_workflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let cache = Cache::<usize>::new();
        let parse = |text: &str| Ok::<_, ()>(text.len());
        for at in 0..10 * MOST {
            cached(&cache, "kept", parse).unwrap();
            cached(&cache, &format!("x{at}"), parse).unwrap();
        }
        let mut cache = cache.lock();
        assert!(cache.young.len() + cache.old.len() <= 2 * MOST);
        assert!(cache.get("kept").is_some());
        assert!(cache.get("x0").is_none());
    }
}
