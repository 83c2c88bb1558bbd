//! Enabled rules by the trigger they wait for, compiled when the first event of that trigger comes, and kept until
//! content changes.

use crate::{
    criteria::{Criteria, Index},
    model::{Rule, SharedFacts},
    store::{self, Store, rules},
};
use parking_lot::RwLock;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// The rule type of rules that count when no other does.
const BACKSTOP: &str = "backstop";

/// A rule, ready to be matched.
#[derive(Debug)]
pub struct Ready {
    /// The rule.
    pub rule: Rule,
    /// Its criteria.
    pub criteria: Criteria,
    /// What executions of it are told to have come of, but for the event: made when the first one is asked for.
    pub(super) facts: OnceLock<Arc<SharedFacts>>,
}

/// The enabled rules of one trigger.
#[derive(Debug, Default)]
pub struct Page {
    /// Those that are always tested, in the order they were made.
    pub standard: Vec<Arc<Ready>>,
    /// Finds those of them that are worth testing.
    pub index: Index,
    /// Those that are tested when none of the others fits.
    pub backstop: Vec<Arc<Ready>>,
    /// Matching is quick, see [`Criteria::is_calm`].
    pub is_calm: bool,
}

/// All pages.
#[derive(Debug)]
pub struct Book {
    store: Store,
    cache: RwLock<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    version: u64,
    pages: HashMap<String, Arc<Page>>,
}

impl Ready {
    /// Compiles a rule.
    pub fn new(rule: Rule) -> Self {
        Self { criteria: Criteria::new(&rule.criteria), rule, facts: OnceLock::new() }
    }

    /// Whether it counts only when no other rule does.
    pub fn is_backstop(&self) -> bool {
        self.rule.rule_type == BACKSTOP
    }
}

impl Page {
    /// Nobody waits.
    pub fn is_empty(&self) -> bool {
        self.standard.is_empty() && self.backstop.is_empty()
    }

    /// The page of these rules.
    pub fn of(rules: Vec<Rule>) -> Self {
        let all = rules.into_iter().map(|rule| Arc::new(Ready::new(rule)));
        let (backstop, standard): (Vec<_>, Vec<_>) = all.partition(|rule| rule.is_backstop());
        let is_calm = standard.iter().chain(&backstop).all(|rule| rule.criteria.is_calm());
        Self { index: Index::over(standard.iter().map(|rule| &rule.criteria)), standard, backstop, is_calm }
    }
}

impl Book {
    pub(in crate::engine) fn new(store: &Store) -> Self {
        Self { store: store.clone(), cache: RwLock::default() }
    }

    /// The page of a trigger.
    pub async fn page(&self, trigger: &str) -> store::Result<Arc<Page>> {
        let pages = self.pages(&[trigger]).await?;
        Ok(pages.into_values().next().unwrap_or_default())
    }

    /// The pages of these triggers; those that are not known are read all at once.
    pub async fn pages(&self, triggers: &[&str]) -> store::Result<HashMap<String, Arc<Page>>> {
        // Before the look at the database: what changes after it makes these pages stale.
        let version = self.store.bus().content_version();
        let mut pages = HashMap::new();
        let mut wanted = Vec::new();
        {
            let cache = self.cache.read();
            for trigger in triggers {
                match cache.pages.get(*trigger).filter(|_| cache.version == version) {
                    Some(page) => drop(pages.insert((*trigger).to_owned(), page.clone())),
                    None => wanted.push((*trigger).to_owned()),
                }
            }
        }
        if wanted.is_empty() {
            return Ok(pages);
        }
        let mut found: HashMap<String, Vec<Rule>> = HashMap::new();
        for rule in rules::list_enabled_for(self.store.pool(), &wanted).await? {
            found.entry(rule.trigger.clone()).or_default().push(rule);
        }
        let made = wanted.into_iter().map(|trigger| {
            let page = Arc::new(Page::of(found.remove(&trigger).unwrap_or_default()));
            (trigger, page)
        });
        let made: Vec<_> = made.collect();
        let mut cache = self.cache.write();
        if cache.version != version {
            *cache = Cache { version, pages: HashMap::new() };
        }
        cache.pages.extend(made.iter().cloned());
        pages.extend(made);
        Ok(pages)
    }
}
