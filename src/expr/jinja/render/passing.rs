//! The `if` of a `{% for %}`: asked of an item when its turn comes, as what the body does may change the answer.

use std::sync::Arc;

use super::{Iteration, Run, held::Next, scope::ScopeId};
use crate::expr::jinja::{
    error::Result,
    syntax::ast::{For, Target},
};

/// The items for which the `if` of a loop holds.
pub(in super::super) struct Passing {
    items: Iteration,
    definition: Arc<For>,
    /// Where the `if` finds the item.
    scope: ScopeId,
}

impl Passing {
    pub(super) fn new(items: Iteration, definition: Arc<For>, scope: ScopeId) -> Self {
        Self { items, definition, scope }
    }

    pub(super) fn items(&self) -> &Iteration {
        &self.items
    }

    pub(super) fn next(&mut self, run: &mut Run) -> Result<Option<Next>> {
        let before = run.scopes.enter(self.scope);
        let found = self.search(run);
        run.scopes.enter(before);
        found
    }

    fn search(&mut self, run: &mut Run) -> Result<Option<Next>> {
        let Self { items, definition, .. } = self;
        let Some(test) = &definition.test else { return items.next_held(run) };
        while let Some(next) = items.next_held(run)? {
            let Target::Name(name) = &definition.target else {
                let item = next.into_value(items.list());
                run.assign(&definition.target, item.clone())?;
                if run.holds(test)? {
                    return Ok(Some(Next::Value(item)));
                }
                continue;
            };
            // A name holds the item while it is looked at.
            let place = if let Next::Place(at) = &next { Some(*at) } else { None };
            if let Some(next) = run.scopes.renew(0, name, next, items.list()) {
                run.scopes.set(name, next.into_value(items.list()));
            }
            if run.holds(test)? {
                return Ok(match place {
                    Some(at) => Some(Next::Place(at)),
                    None => run.scopes.take(name).map(Next::Value),
                });
            }
        }
        Ok(None)
    }
}
