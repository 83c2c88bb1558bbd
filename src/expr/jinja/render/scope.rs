//! Names and what they stand for.
//!
//! Scopes live in one list for as long as a rendering, so a macro can refer to the scope it was defined
//! in without owning it, and nothing refers in circles.

use std::sync::Arc;

use super::held::{Held, Next};
use crate::expr::jinja::{
    globals, host,
    value::{List, Value, is_same_text},
};

/// A scope by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct ScopeId(usize);

struct Scope {
    names: Vec<(Arc<str>, Held)>,
    parent: Option<ScopeId>,
    /// Whether a macro was defined here, which may be called after the scope was left.
    is_captured: bool,
}

pub(super) struct Scopes {
    context: Value,
    all: Vec<Scope>,
    current: ScopeId,
}

impl Scopes {
    pub(super) fn new(context: Value) -> Self {
        let root = Scope { names: Vec::new(), parent: None, is_captured: true };
        Self { context, all: vec![root], current: ScopeId(0) }
    }

    pub(super) fn current(&self) -> ScopeId {
        self.current
    }

    /// Opens a scope inside the current one and gives the one to go back to.
    pub(super) fn open(&mut self) -> ScopeId {
        self.open_in(self.current)
    }

    /// Opens a scope inside `parent`; the answer is the scope to go back to.
    pub(super) fn open_in(&mut self, parent: ScopeId) -> ScopeId {
        let before = self.current;
        self.all.push(Scope { names: Vec::new(), parent: Some(parent), is_captured: false });
        self.current = ScopeId(self.all.len() - 1);
        before
    }

    /// Opens a scope that sees the template's own names and the context only.
    pub(super) fn open_at_root(&mut self) -> ScopeId {
        self.open_in(ScopeId(0))
    }

    /// Goes to a scope that is open; the answer is the scope to go back to.
    pub(super) fn enter(&mut self, scope: ScopeId) -> ScopeId {
        std::mem::replace(&mut self.current, scope)
    }

    /// Leaves the current scope for the one [`Scopes::open`] gave.
    pub(super) fn close(&mut self, before: ScopeId) {
        let is_last = self.current.0 + 1 == self.all.len();
        if is_last && !self.all[self.current.0].is_captured {
            self.all.pop();
        }
        self.current = before;
    }

    /// Forgets the names of the current scope: the next turn of a loop has its own. Those that are set anew may stay
    /// where they come first.
    pub(super) fn clear(&mut self, anew: [Option<&Arc<str>>; 2]) {
        let scope = &mut self.all[self.current.0];
        if scope.is_captured {
            let parent = scope.parent;
            self.all.push(Scope { names: Vec::new(), parent, is_captured: false });
            self.current = ScopeId(self.all.len() - 1);
        } else {
            let is_same = |((name, _), anew): &(&(Arc<str>, Held), &Arc<str>)| Arc::ptr_eq(name, anew);
            let stays = scope.names.iter().zip(anew.into_iter().flatten()).take_while(is_same).count();
            scope.names.truncate(stays);
        }
    }

    /// Begins the next turn of a loop that sets one name: of the others only the first `kept` stay. Gives the item back
    /// where that takes more, and [`Scopes::clear`].
    #[inline]
    pub(super) fn renew(
        &mut self,
        kept: usize,
        name: &Arc<str>,
        next: Next,
        of: Option<&List>,
    ) -> Option<Next> {
        let scope = &mut self.all[self.current.0];
        match scope.names.get_mut(kept) {
            Some((known, held)) if !scope.is_captured && Arc::ptr_eq(known, name) => {
                held.go_on(next, of);
                scope.names.truncate(kept + 1);
                None
            }
            _ => Some(next),
        }
    }

    /// Keeps the current scope and those around it: a macro refers to them.
    pub(super) fn capture(&mut self) -> ScopeId {
        let mut at = Some(self.current);
        while let Some(scope) = at.map(|id| &mut self.all[id.0]).filter(|scope| !scope.is_captured) {
            scope.is_captured = true;
            at = scope.parent;
        }
        self.current
    }

    /// Whether the first name of the current scope stands for this object.
    pub(super) fn begins_with(&self, object: *const ()) -> bool {
        let first = self.all[self.current.0].names.first();
        matches!(first, Some((_, Held::Value(Value::Object(known)))) if Arc::as_ptr(known).cast::<()>() == object)
    }

    pub(super) fn set(&mut self, name: &Arc<str>, value: Value) {
        let names = &mut self.all[self.current.0].names;
        match names.iter_mut().find(|(known, _)| is_same_text(known, name)) {
            Some((_, held)) => *held = Held::Value(value),
            None => names.push((name.clone(), Held::Value(value))),
        }
    }

    /// Takes back what a name of the current scope holds.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let names = &mut self.all[self.current.0].names;
        let (_, held) = names.iter_mut().find(|(known, _)| is_same_text(known, name))?;
        match std::mem::replace(held, Held::Value(Value::None)) {
            Held::Value(value) => Some(value),
            item @ Held::Item { .. } => Some(item.value().clone()),
        }
    }

    /// Whether a template gave the name a value of its own.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.iter().any(|scope| scope.names.iter().any(|(known, _)| **known == *name))
    }

    /// The value the nearest scope gives a name.
    pub(super) fn local(&self, name: &str) -> Option<&Value> {
        let mut at = Some(self.current);
        while let Some(id) = at {
            let scope = &self.all[id.0];
            if let Some((_, held)) = scope.names.iter().find(|(known, _)| is_same_text(known, name)) {
                return Some(held.value());
            }
            at = scope.parent;
        }
        None
    }

    /// The value a scope or the context gives a name, if nobody has changed the context.
    pub(super) fn seen(&self, name: &str) -> Option<&Value> {
        self.local(name).or_else(|| match &self.context {
            Value::Dict(context) => context.seen(name),
            _ => None,
        })
    }

    /// The value of a name: the nearest scope's, the context's, a function of workflows or a global.
    pub(super) fn get(&self, name: &str, in_workflow: bool) -> Option<Value> {
        if let Some(value) = self.local(name) {
            return Some(value.clone());
        }
        let from_context = match &self.context {
            Value::Dict(context) => context.get_str(name),
            _ => None,
        };
        let from_workflow = || if in_workflow { host::function(name) } else { None };
        from_context.or_else(from_workflow).or_else(|| globals::find(name))
    }
}
