//! Items worked out one by one, when they are asked for.
//!
//! A filter like `map` does nothing until its result is read, and that once: what goes wrong in it goes
//! wrong there, or never.

use parking_lot::Mutex;

use crate::expr::jinja::{
    budget::Budget,
    error::{Error, Result},
    render::{Iteration, Run},
    value::{Object, Value},
};

/// Works out the next item from those before it.
pub(super) type Step = Box<dyn FnMut(&mut Source, &mut Run) -> Result<Option<Value>> + Send>;

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
    Value::object(Generator {
        name,
        value: value.clone(),
        state: Mutex::new(Some((Source::Value(value), step))),
    })
}

struct Generator {
    name: &'static str,
    value: Value,
    /// Empty once it ended, and while it runs.
    state: Mutex<Option<(Source, Step)>>,
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
        let Some((mut source, mut step)) = self.state.lock().take() else { return Ok(None) };
        let item = step(&mut source, run)?;
        if item.is_some() {
            *self.state.lock() = Some((source, step));
        }
        Ok(item)
    }

    fn held_values(&self) -> Vec<Value> {
        vec![self.value.clone()]
    }

    fn take_values(&mut self) -> Vec<Value> {
        let mut values = vec![std::mem::replace(&mut self.value, Value::None)];
        if let Some((source, _)) = self.state.get_mut().take() {
            values.push(source.value().clone());
        }
        values
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
