//! `{% for %}`.

use std::sync::{Arc, LazyLock};

use super::{Iteration, Run, held::Next, passing::Passing, scope::ScopeId, turn::Loop};
use crate::expr::jinja::{
    error::Result,
    syntax::ast::{For, LoopUse, Target},
    value::{List, Value},
};

/// What a turn of a loop costs besides its body.
const STEPS_PER_TURN: u64 = 4;

impl Run<'_> {
    pub(super) fn for_loop(&mut self, for_loop: &Arc<For>, out: &mut String) -> Result<()> {
        let items = self.eval(&for_loop.items)?;
        let scope = self.scopes.current();
        self.turns(for_loop, &items, scope, 0, out)
    }

    /// All turns of a loop over `items`; `scope` is the one around the loop.
    pub(super) fn turns(
        &mut self,
        for_loop: &Arc<For>,
        items: &Value,
        scope: ScopeId,
        depth: i64,
        out: &mut String,
    ) -> Result<()> {
        let iteration = self.iterate(items)?;
        let mut walk = Walk { scope, depth, length: None };
        let has_turns = if for_loop.test.is_some() {
            self.passing_turns(for_loop, iteration, walk, out)
        } else {
            if for_loop.uses_loop != LoopUse::None {
                walk.length = self.known_length(items);
            }
            self.own_turns(for_loop, iteration, walk, out)
        };
        self.otherwise(has_turns?, for_loop, scope, out)
    }

    /// The turns of a loop that has an `if`.
    fn passing_turns(
        &mut self,
        for_loop: &Arc<For>,
        items: Iteration,
        mut walk: Walk,
        out: &mut String,
    ) -> Result<bool> {
        // The `if` sees no `loop`, and nothing of what the body sets: its scope is beside the body's.
        let before = self.scopes.open_in(walk.scope);
        let asking = self.scopes.enter(before);
        let mut passing = Iteration::Passing(Box::new(Passing::new(items, for_loop.clone(), asking)));
        let turns = if for_loop.uses_loop == LoopUse::Items {
            // What shows the whole `loop` shows how many items passed.
            self.rest(&mut passing).and_then(|passed| {
                walk.length = Some(passed.len());
                self.own_turns(for_loop, Iteration::Items(passed.into_iter()), walk, out)
            })
        } else {
            self.own_turns(for_loop, passing, walk, out)
        };
        self.scopes.enter(asking);
        self.scopes.close(before);
        turns
    }

    /// The turns of a loop in a scope of its own.
    fn own_turns(
        &mut self,
        for_loop: &Arc<For>,
        items: Iteration,
        walk: Walk,
        out: &mut String,
    ) -> Result<bool> {
        let before = self.scopes.open_in(walk.scope);
        let turns = match for_loop.uses_loop {
            LoopUse::None => self.plain_turns(for_loop, items, out),
            LoopUse::Count => {
                let state = Arc::new(Loop::new(None, for_loop.clone(), walk));
                self.watched_turns(&state, Some(items), out)
            }
            LoopUse::Members | LoopUse::Items => {
                let state = Arc::new(Loop::new(Some(items), for_loop.clone(), walk));
                self.watched_turns(&state, None, out)
            }
        };
        self.scopes.close(before);
        turns
    }

    fn rest(&mut self, items: &mut Iteration) -> Result<Vec<Value>> {
        let mut rest = Vec::new();
        while let Some(item) = items.next(self)? {
            rest.push(item);
        }
        Ok(rest)
    }

    /// The turns of a loop whose body does not ask about it; says whether there were any.
    fn plain_turns(&mut self, for_loop: &For, mut items: Iteration, out: &mut String) -> Result<bool> {
        let first = first_name(&for_loop.target);
        let mut has_turns = false;
        while let Some(next) = items.next_held(self)? {
            has_turns = true;
            self.budget.pay(STEPS_PER_TURN)?;
            if let Some(next) = self.renewed(0, &for_loop.target, next, items.list()) {
                self.scopes.clear([first, None]);
                self.assign(&for_loop.target, next.into_value(items.list()))?;
            }
            self.body(&for_loop.body, out)?;
        }
        Ok(has_turns)
    }

    /// The turns of a loop whose body mentions `loop`; where it asks for no items, that does not hold them.
    fn watched_turns(
        &mut self,
        state: &Arc<Loop>,
        mut items: Option<Iteration>,
        out: &mut String,
    ) -> Result<bool> {
        static NAME: LazyLock<Arc<str>> = LazyLock::new(|| "loop".into());
        let for_loop = state.definition();
        let first = first_name(&for_loop.target);
        let mut has_turns = false;
        loop {
            let next = match &mut items {
                Some(items) => items.next_held(self)?,
                None => state.advance(self)?.map(Next::Value),
            };
            let Some(next) = next else { break };
            has_turns = true;
            state.count_turn();
            self.budget.pay(STEPS_PER_TURN)?;
            let of = items.as_ref().and_then(Iteration::list);
            let is_set = self.scopes.begins_with(Arc::as_ptr(state).cast());
            let next = if is_set { self.renewed(1, &for_loop.target, next, of) } else { Some(next) };
            if let Some(next) = next {
                self.scopes.clear([Some(&NAME), first]);
                if !self.scopes.begins_with(Arc::as_ptr(state).cast()) {
                    self.scopes.set(&NAME, Value::Object(state.clone()));
                }
                self.assign(&for_loop.target, next.into_value(of))?;
            }
            self.body(&for_loop.body, out)?;
        }
        Ok(has_turns)
    }

    /// Sets the name of a loop whose scope is as the turn before left it; gives the item back otherwise.
    #[inline]
    fn renewed(&mut self, kept: usize, target: &Target, next: Next, of: Option<&List>) -> Option<Next> {
        match target {
            Target::Name(name) => self.scopes.renew(kept, name, next, of),
            _ => Some(next),
        }
    }

    /// What a loop writes that had no turn.
    fn otherwise(&mut self, has_turns: bool, for_loop: &For, scope: ScopeId, out: &mut String) -> Result<()> {
        if !has_turns {
            let before = self.scopes.open_in(scope);
            let done = self.body(&for_loop.otherwise, out);
            self.scopes.close(before);
            return done;
        }
        Ok(())
    }

    fn known_length(&mut self, items: &Value) -> Option<usize> {
        match items {
            Value::Object(object) if object.is_iterator() => None,
            // The length of text is counted only if it is asked for: it costs as much as the loop.
            other => self.len(other).ok(),
        }
    }
}

/// Where a loop is.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// The scope around it.
    pub(super) scope: ScopeId,
    /// How many loops of the same body are around it.
    pub(super) depth: i64,
    /// How many turns it will have, if that is known.
    pub(super) length: Option<usize>,
}

/// The name a target sets first.
fn first_name(target: &Target) -> Option<&Arc<str>> {
    match target {
        Target::Name(name) => Some(name),
        Target::Member { .. } => None,
        Target::Tuple(targets) => targets.first().and_then(first_name),
    }
}
