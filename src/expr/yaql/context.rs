//! Names and what they stand for: `$x`, and functions made by `def`. Contexts form a chain.

use std::{cell::Cell, cell::RefCell, rc::Rc, sync::Arc};

use super::{
    error::{Error, Result},
    lambda::Lambda,
    value::Value,
};

/// How long a chain of contexts may grow.
const MAX_CHAIN: u32 = 400;

/// One link of the chain.
#[derive(Clone)]
pub struct Context(Rc<Inner>);

struct Inner {
    parent: Option<Context>,
    chain: u32,
    depth: Cell<u32>,
    names: RefCell<Vec<(Arc<str>, Value)>>,
    functions: RefCell<Vec<(Arc<str>, Rc<Lambda>)>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} links)", self.0.chain)
    }
}

impl Context {
    /// The first link.
    pub fn root() -> Self {
        Self::link(None, 0, 0)
    }

    fn link(parent: Option<Self>, chain: u32, depth: u32) -> Self {
        Self(Rc::new(Inner {
            parent,
            chain,
            depth: Cell::new(depth),
            names: RefCell::default(),
            functions: RefCell::default(),
        }))
    }

    /// A link below this one.
    pub fn child(&self) -> Result<Self> {
        let chain = self.0.chain + 1;
        if chain > MAX_CHAIN {
            return Err(Error::limit(format!("the expression nests more than {MAX_CHAIN} contexts")));
        }
        Ok(Self::link(Some(self.clone()), chain, self.depth()))
    }

    /// Sets `$name`; the name comes with or without its `$`.
    pub fn set(&self, name: &str, value: Value) -> Result<()> {
        let bare = name.strip_prefix('$').unwrap_or(name);
        let bare = if bare.is_empty() { "1" } else { bare };
        let depth = value.depth() + 1;
        if depth > self.0.depth.get() {
            if depth > super::value::MAX_DEPTH {
                return Err(Error::limit("the expression nests contexts in values too deep"));
            }
            self.0.depth.set(depth);
        }
        let mut names = self.0.names.borrow_mut();
        if let Some(known) = names.iter_mut().find(|(known, _)| **known == *bare) {
            known.1 = value;
        } else {
            names.push((bare.into(), value));
        }
        Ok(())
    }

    /// Sets `$1`, `$2`…
    pub(super) fn set_positional(&self, index: usize, value: Value) -> Result<()> {
        if index == 1 { self.set("1", value) } else { self.set(&index.to_string(), value) }
    }

    /// What `$name` stands for; null where nothing set it.
    pub fn get(&self, name: &str) -> Value {
        let bare = name.strip_prefix('$').unwrap_or(name);
        let bare = if bare.is_empty() { "1" } else { bare };
        let mut link = Some(self);
        while let Some(context) = link {
            if let Some((_, value)) = context.0.names.borrow().iter().find(|(known, _)| **known == *bare) {
                return value.clone();
            }
            link = context.0.parent.as_ref();
        }
        Value::Null
    }

    /// Makes a function known from here on down.
    pub(super) fn define(&self, name: &str, function: Rc<Lambda>) {
        self.0.functions.borrow_mut().push((name.into(), function));
    }

    /// The nearest function of that name.
    pub(super) fn function(&self, name: &str) -> Option<Rc<Lambda>> {
        let mut link = Some(self);
        while let Some(context) = link {
            let functions = context.0.functions.borrow();
            if let Some((_, found)) = functions.iter().rev().find(|(known, _)| **known == *name) {
                return Some(Rc::clone(found));
            }
            drop(functions);
            link = context.0.parent.as_ref();
        }
        None
    }

    pub(super) fn depth(&self) -> u32 {
        self.0.depth.get()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
