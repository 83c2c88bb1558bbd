//! Runners by name.

use super::{Runner, local, noop};
use std::{collections::BTreeMap, sync::Arc};

/// The runners of this build.
pub struct Registry(BTreeMap<&'static str, Arc<dyn Runner>>);

impl Registry {
    /// All of them.
    pub fn with_all() -> Self {
        Self(BTreeMap::from([
            ("noop", Arc::new(noop::Noop) as Arc<dyn Runner>),
            ("local-shell-cmd", Arc::new(local::ShellCommand)),
            ("local-shell-script", Arc::new(local::ShellScript)),
        ]))
    }

    /// The runner with this name; `_` is read as `-`.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Runner>> {
        self.0.get(name).or_else(|| self.0.get(name.replace('_', "-").as_str())).cloned()
    }

    /// Names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}
