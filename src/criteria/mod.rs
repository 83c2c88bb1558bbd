//! Criteria of rules: what an event must look like, compiled once, and tested in StackStorm's order and words.
//!
//! A criterion is a place in the event ([`Place`]), an operator ([`operators`]), and a pattern to compare with, which may
//! be a template ([`pattern`]). [`Criteria::test`] says whether an event fits, and what could not be compared: that never
//! fits, and people are told why. [`Index`] finds the rules worth testing among many.
//!
//! Pure: the clock and the datastore are handed in. Patterns that are templates, and regular expressions that search by
//! trial, cost what their budgets allow and no more; [`Criteria::is_calm`] says that there are none.

mod evaluate;
mod fnmatch;
mod index;
pub mod operators;
mod order;
mod pattern;
mod place;

pub use index::Index;
pub use operators::Operator;
pub use pattern::Pattern;
pub use place::Place;

use crate::expr::jinja;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The criteria of one rule, compiled.
#[derive(Debug)]
pub struct Criteria {
    all: Vec<Criterion>,
    is_calm: bool,
}

/// One criterion, compiled.
#[derive(Debug)]
struct Criterion {
    /// As written, tag included.
    key: String,
    /// Its `type`, as written.
    kind: String,
    place: Place,
    /// `None`: the criterion has no `type`, and nothing fits it.
    operator: Option<Operator>,
    pattern: Pattern,
    condition: Value,
    /// Criteria inside the pattern of a `search`.
    inner: Vec<Criterion>,
}

/// What is tested.
pub struct Event<'a> {
    /// What the event brings.
    pub payload: &'a Value,
    /// What ages are counted to.
    pub now: DateTime<Utc>,
    /// Keys of the system.
    pub datastore: &'a Arc<dyn jinja::Datastore>,
}

/// What a test came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the event fits.
    pub fits: bool,
    /// What could not be compared, in the order it was tried.
    pub faults: Vec<Fault>,
}

/// A comparison that could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The pattern is a template that cannot be rendered.
    Pattern {
        /// As written.
        pattern: String,
        /// Key of the criterion.
        key: String,
        /// Why.
        cause: String,
    },
    /// The key is no path.
    Key {
        /// As written.
        key: String,
        /// Why.
        cause: String,
    },
    /// The operator cannot compare these.
    Operator {
        /// Why.
        cause: String,
    },
}

/// One comparison, for people: what [`Criteria::explain`] tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Key of the criterion.
    pub key: String,
    /// Name of the operator, as written.
    pub operator: String,
    /// What was found in the event; null when there is nothing.
    pub value: Value,
    /// What it was compared with, templates rendered.
    pub pattern: Value,
    /// Whether it fits.
    pub fits: bool,
    /// Why it could not be compared.
    pub fault: Option<Fault>,
}

impl Fault {
    /// StackStorm's words, for a rule of this reference.
    pub fn message(&self, rule: &str) -> String {
        match self {
            Self::Pattern { pattern, key, cause } => {
                format!("Failed to render pattern value \"{pattern}\" for key \"{key}\": {cause}")
            }
            Self::Key { key, cause } => format!("Failed transforming criteria key {key}: {cause}"),
            Self::Operator { cause } => {
                format!("There might be a problem with the criteria in rule {rule}: {cause}")
            }
        }
    }
}

impl Criteria {
    /// Compiles criteria. Those that are wrong compile too: what is wrong with them is said when an event comes.
    pub fn new(criteria: &Map<String, Value>) -> Self {
        let all: Vec<Criterion> = criteria.iter().map(|(key, given)| Criterion::new(key, given, 0)).collect();
        let is_calm = all.iter().all(Criterion::is_calm);
        Self { all, is_calm }
    }

    /// Tests are quick and need no datastore: there are no templates, no keys of the datastore, and no regular
    /// expressions that search by trial.
    pub fn is_calm(&self) -> bool {
        self.is_calm
    }

    /// Whether an event fits. Stops at the first criterion that it does not fit.
    pub fn test(&self, event: &Event<'_>) -> Verdict {
        let mut faults = Vec::new();
        let fits = self.all.is_empty()
            || (crate::pytext::truthy(event.payload)
                && self.all.iter().all(|criterion| criterion.test(&evaluate::Root::of(event), &mut faults)));
        Verdict { fits, faults }
    }

    /// Every comparison, also those after the first that does not fit. An event that brings nothing fits no criteria,
    /// whatever they say.
    pub fn explain(&self, event: &Event<'_>) -> Vec<Comparison> {
        self.all.iter().map(|criterion| criterion.explain(&evaluate::Root::of(event))).collect()
    }
}
