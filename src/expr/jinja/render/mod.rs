//! Rendering: one walk over the tree, with names, limits and escaping of its own.

mod call;
mod expression;
mod filtering;
mod held;
mod iteration;
mod known;
mod loops;
mod macros;
mod member;
mod passing;
mod scope;
mod statement;
mod truth;
mod turn;

use std::{collections::HashMap, sync::Arc};

pub(super) use filtering::Way;
pub(super) use iteration::{Each, Item, Iteration};
pub(super) use member::index_in;
use scope::Scopes;

use crate::pytext::search::Asked;

use super::{
    budget::Budget,
    error::Result,
    host::{Dialect, Host},
    syntax::ast::{Block, Expr, Stmt},
    value::{self, Undefined, Value},
};

/// How a missing name behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Using it is an error.
    Refused,
    /// It prints as nothing and counts as false.
    Empty,
}

/// One rendering.
pub struct Run<'h> {
    /// What the functions of a workflow are answered by.
    pub(super) host: Option<&'h dyn Host>,
    pub(super) budget: Budget,
    scopes: Scopes,
    missing: Missing,
    /// Whether what is printed is escaped as HTML.
    pub(super) escaping: bool,
    blocks: HashMap<Arc<str>, Arc<Block>>,
    /// Compiled patterns.
    pub(super) patterns: Asked,
    /// Room for text that is looked at and forgotten.
    room: String,
}

impl<'h> Run<'h> {
    /// A rendering in a workflow, whose templates know no names but functions.
    pub(super) fn in_workflow(host: &'h dyn Host, steps: u64) -> Self {
        let budget = Budget::of(steps);
        Self { host: Some(host), budget, ..Self::new(&Value::None, Missing::Refused) }
    }

    pub(super) fn new(context: &Value, missing: Missing) -> Self {
        Self {
            host: None,
            budget: Budget::new(),
            scopes: Scopes::new(context.clone()),
            missing,
            escaping: false,
            blocks: HashMap::new(),
            patterns: Asked::default(),
            room: String::new(),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        if self.host.is_some() { Dialect::Workflow } else { Dialect::StackStorm }
    }

    /// Evaluates an expression that stands by itself.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<Value> {
        self.deeper(|run| run.eval(expr))
    }

    /// Renders the statements of a whole template behind what `out` holds.
    pub(super) fn render(&mut self, body: &[Stmt], mut out: String) -> Result<String> {
        self.collect_blocks(body);
        self.body(body, &mut out)?;
        Ok(out)
    }

    /// An undefined value that says `message` when it is used.
    pub(super) fn undefined(&self, message: impl Into<String>) -> Value {
        Undefined::value(message.into(), self.is_strict())
    }

    pub(super) fn is_strict(&self) -> bool {
        self.missing == Missing::Refused
    }

    /// `str(value)`, paid for.
    pub(super) fn str(&mut self, value: &Value) -> Result<String> {
        let text = value::str_of(value, &mut self.budget)?;
        self.budget.make_text(text.len())?;
        Ok(text)
    }

    /// The text of a value without making a new one of what is text already.
    pub(super) fn text(&mut self, value: &Value) -> Result<Arc<str>> {
        match value {
            Value::Str(text) | Value::Markup(text) => {
                self.budget.pay_text(text.len())?;
                Ok(text.clone())
            }
            other => Ok(self.str(other)?.into()),
        }
    }

    /// Does something with room for text, which is empty then and may be filled.
    pub(super) fn with_text<T>(
        &mut self,
        make: impl FnOnce(&mut Self, &mut String) -> Result<T>,
    ) -> Result<T> {
        // Who asks for room meanwhile gets another one.
        let mut room = std::mem::take(&mut self.room);
        let made = make(self, &mut room);
        room.clear();
        self.room = room;
        made
    }

    /// `a == b`.
    pub(super) fn eq(&mut self, a: &Value, b: &Value) -> Result<bool> {
        value::eq(a, b, &mut self.budget)
    }

    /// Runs something one level deeper.
    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.budget.enter()?;
        let outcome = inner(self);
        self.budget.leave();
        outcome
    }
}
