//! What one evaluation may cost, and what it may ask of the outside.
//!
//! Steps are counted, not timed, so that the same expression always ends the same way.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{
    error::{Error, Result},
    lazy,
    value::Value,
};
use crate::pytext::search::Asked;

/// Steps of one evaluation: an expression evaluated, an item visited or 64 bytes of text moved.
pub const STEPS: u64 = 1_000_000;

/// How deep expressions and iterators may nest while they are evaluated.
///
/// Chosen so that the deepest evaluation stays well inside the two megabytes a thread has.
const MAX_DEPTH: u32 = 120;

/// Bytes one text may have.
pub const MAX_TEXT: usize = 16 << 20;

/// Functions that are not YAQL's own: `ctx()`, `item()`, `st2kv()`…
pub trait Host {
    /// Whether there is a function of that name: asked before anything else of a call is looked at.
    fn knows(&self, name: &str) -> bool;

    /// Calls a function; nothing if there is none of that name.
    fn call(&self, call: &HostCall<'_>) -> Option<Result<Value>>;

    /// What stands at the end of `name(…args).a.b`, and how many of the steps were taken: where a host can
    /// tell without making all of what `name(…)` answers a value. Nothing if it cannot.
    fn follow(&self, _name: &str, _args: &[Value], _path: &[&str]) -> Option<Result<(Value, usize)>> {
        None
    }
}

/// A call of one of the host's functions.
pub struct HostCall<'a> {
    /// The function.
    pub name: &'a str,
    /// Arguments by position; [`Value::NoValue`] where one was left out.
    pub args: &'a [Value],
    /// Arguments given as `name => value`.
    pub named: &'a [(Arc<str>, Value)],
    pub(super) rt: &'a Runtime<'a>,
}

impl HostCall<'_> {
    /// The items of anything that Python can take apart: texts and dictionaries too. Nothing for the rest.
    ///
    /// # Errors
    /// What an iterator meets on its way, or that a limit is reached.
    pub fn items(&self, value: &Value) -> Result<Option<Vec<Value>>> {
        self.rt.pay(value.weight())?;
        Ok(Some(match value {
            Value::Str(text) => text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect(),
            Value::Dict(dict) => dict.items.keys().map(|key| key.get().clone()).collect(),
            value if value.is_iterable() => {
                let limited = lazy::limited(self.rt, value.clone())?;
                let iter = lazy::iter(&limited)?;
                let mut items = Vec::new();
                while let Some(item) = iter.next(self.rt)? {
                    items.push(item);
                }
                items
            }
            _ => return Ok(None),
        }))
    }

    /// Pays for work the host does.
    ///
    /// # Errors
    /// That there are no steps left.
    pub fn pay(&self, steps: usize) -> Result<()> {
        self.rt.pay(steps as u64)
    }
}

/// A host with no functions.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn knows(&self, _: &str) -> bool {
        false
    }

    fn call(&self, _: &HostCall<'_>) -> Option<Result<Value>> {
        None
    }
}

/// How to evaluate.
#[derive(Debug, Clone)]
pub struct Options {
    /// Items a collection may have (`yaql.limitIterators`); orquesta sets none.
    pub limit_iterators: Option<usize>,
    /// Whether sets in the answer become lists (`yaql.convertSetsToLists`); orquesta leaves them.
    pub sets_to_lists: bool,
    /// What `now()` answers.
    pub now: DateTime<Utc>,
}

/// The state of one evaluation.
pub(super) struct Runtime<'h> {
    pub(super) host: &'h dyn Host,
    pub(super) options: Options,
    /// Compiled patterns.
    pub(super) patterns: RefCell<Asked>,
    steps: &'h Cell<u64>,
    depth: Cell<u32>,
}

impl<'h> Runtime<'h> {
    pub(super) fn new(options: Options, host: &'h dyn Host, steps: &'h Cell<u64>) -> Self {
        Self { host, options, patterns: RefCell::default(), steps, depth: Cell::new(0) }
    }

    /// The steps that are left.
    pub(super) fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Pays for `steps` steps.
    pub(super) fn pay(&self, steps: u64) -> Result<()> {
        if let Some(left) = self.steps.get().checked_sub(steps) {
            self.steps.set(left);
            Ok(())
        } else {
            self.steps.set(0);
            Err(Error::limit("the expression takes too many steps"))
        }
    }

    /// Pays for a text about to be made, and refuses one too long.
    pub(super) fn pay_text(&self, bytes: usize) -> Result<()> {
        if bytes > MAX_TEXT {
            return Err(Error::new("MemoryQuotaExceededException", "Expression consumed too much memory"));
        }
        self.pay(bytes as u64 / 64)
    }

    /// Runs one level deeper.
    pub(super) fn deeper<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(Error::new("RecursionError", "maximum recursion depth exceeded"));
        }
        self.depth.set(depth + 1);
        let result = run();
        self.depth.set(depth);
        result
    }

    /// Checks the size of a collection against the limit.
    pub(super) fn check_size(&self, size: usize) -> Result<()> {
        match self.options.limit_iterators {
            Some(limit) if size > limit => Err(too_large(limit)),
            _ => Ok(()),
        }
    }
}

/// A collection is larger than the limit.
pub(super) fn too_large(limit: usize) -> Error {
    Error::new("CollectionTooLargeException", format!("Collection length exceeds {limit} elements"))
}
