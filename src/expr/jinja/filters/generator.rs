//! Items worked out one by one, when they are asked for.
//!
//! A filter like `map` does nothing until its result is read, and that once: what goes wrong in it goes
//! wrong there, or never.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::expr::jinja::{
    budget::Budget,
    error::{Error, Result},
    render::{Each, Item, Iteration, Run},
    value::{Object, Value},
};

/// Works out the next item from those before it.
pub(super) type Step = Box<dyn FnMut(&mut Source, &mut Run) -> Result<Option<Value>> + Send>;

/// What `map` and its kin do to one item after the other. It remembers nothing, so where its arguments are constant it
/// is made once for a template.
pub(in super::super) trait Stage: Send + Sync {
    /// Hands on what becomes of an item, if it is not left out.
    fn item(&self, item: Item<'_>, run: &mut Run, each: &mut Each<'_>) -> Result<()>;
}

/// A stage, or why there can be none; told only when there is an item for it.
pub(in super::super) type Prepared = Result<Arc<dyn Stage>>;

/// Where a generator takes its items from.
pub(super) enum Source {
    /// Not begun: the walk over the value begins with the first item.
    Value(Value),
    Walk(Value, Iteration),
}

impl Source {
    pub(super) fn next(&mut self, run: &mut Run) -> Result<Option<Value>> {
        if let Self::Value(value) = self {
            let value = value.clone();
            let walk = run.iterate(&value)?;
            *self = Self::Walk(value, walk);
        }
        match self {
            Self::Walk(_, walk) => walk.next(run),
            Self::Value(_) => Ok(None),
        }
    }

    /// The value the items are from.
    pub(super) fn value(&self) -> &Value {
        match self {
            Self::Value(value) | Self::Walk(value, _) => value,
        }
    }
}

/// A generator over the items of `value`.
pub(super) fn generator(name: &'static str, value: Value, step: Step) -> Value {
    made(name, value, Works::Step(step))
}

/// A generator that does something to each item of `value`.
pub(in super::super) fn staged(name: &'static str, value: Value, stage: Prepared) -> Value {
    made(name, value, Works::Stage { stage, begun: false })
}

fn made(name: &'static str, value: Value, works: Works) -> Value {
    let state = State { source: Source::Value(value.clone()), works, is_done: false };
    Value::object(Generator { name, value, state: Mutex::new(state) })
}

enum Works {
    Step(Step),
    Stage { stage: Prepared, begun: bool },
}

struct State {
    source: Source,
    works: Works,
    is_done: bool,
}

impl State {
    fn next(&mut self, run: &mut Run) -> Result<Option<Value>> {
        match &mut self.works {
            Works::Step(step) => step(&mut self.source, run),
            Works::Stage { stage, begun } => {
                // What counts as false has no items: nothing is asked of it.
                if !std::mem::replace(begun, true) && !run.is_true(self.source.value())? {
                    return Ok(None);
                }
                let stage = stage.as_ref().map_err(Error::clone)?;
                let mut found = None;
                while let Some(item) = self.source.next(run)? {
                    stage.item(Item::Own(item), run, &mut |_, item| {
                        found = Some(item.into_value());
                        Ok(())
                    })?;
                    if found.is_some() {
                        break;
                    }
                }
                Ok(found)
            }
        }
    }
}

struct Generator {
    name: &'static str,
    value: Value,
    /// Locked while it runs: who asks it for an item meanwhile gets none.
    state: Mutex<State>,
}

impl Object for Generator {
    fn type_name(&self) -> &'static str {
        "generator"
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok(format!("<generator object {} at 0x7f0000000000>", self.name))
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn is_true(&self, _run: &mut Run) -> Result<bool> {
        Ok(true)
    }

    fn length(&self, _run: &mut Run) -> Result<Option<usize>> {
        Err(Error::of_type("object of type 'generator' has no len()"))
    }

    fn next(&self, run: &mut Run) -> Result<Option<Value>> {
        let Some(mut state) = self.state.try_lock().filter(|state| !state.is_done) else { return Ok(None) };
        let item = state.next(run);
        // Also after an error, as in Python.
        state.is_done = !matches!(item, Ok(Some(_)));
        item
    }

    fn drain(&self, run: &mut Run, each: &mut Each<'_>) -> Result<()> {
        let Some(mut state) = self.state.try_lock().filter(|state| !state.is_done) else { return Ok(()) };
        state.is_done = true;
        let State { source, works, .. } = &mut *state;
        if let (Works::Stage { stage, begun: false }, Source::Value(value)) = (&mut *works, &*source) {
            if !run.is_true(value)? {
                return Ok(());
            }
            let stage = stage.as_ref().map_err(Error::clone)?;
            return run.each(value, |run, item| stage.item(item, run, each));
        }
        while let Some(item) = state.next(run)? {
            run.budget.pay(1)?;
            each(run, Item::Own(item))?;
        }
        Ok(())
    }

    fn held_values(&self) -> Vec<Value> {
        vec![self.value.clone()]
    }

    fn take_values(&mut self) -> Vec<Value> {
        let state = self.state.get_mut();
        state.is_done = true;
        let source = std::mem::replace(&mut state.source, Source::Value(Value::None));
        vec![std::mem::replace(&mut self.value, Value::None), source.value().clone()]
    }
}

/// An iterator over items that are there already, as `reversed()` gives it.
pub(super) fn iterator(class: &'static str, items: Vec<Value>) -> Value {
    Value::object(Items { class, items: Mutex::new(items.into_iter()) })
}

struct Items {
    class: &'static str,
    items: Mutex<std::vec::IntoIter<Value>>,
}

impl Object for Items {
    fn type_name(&self) -> &'static str {
        self.class
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn is_true(&self, _run: &mut Run) -> Result<bool> {
        Ok(true)
    }

    fn next(&self, _run: &mut Run) -> Result<Option<Value>> {
        Ok(self.items.lock().next())
    }

    fn held_values(&self) -> Vec<Value> {
        self.items.lock().as_slice().to_vec()
    }

    fn take_values(&mut self) -> Vec<Value> {
        self.items.get_mut().collect()
    }
}
