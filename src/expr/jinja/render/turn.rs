//! The `loop` in the body of a `{% for %}`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::{Mutex, MutexGuard};

use super::{Iteration, Run, loops::Walk};
use crate::expr::jinja::{
    args::Args,
    budget::Budget,
    error::{Error, Result},
    syntax::ast::{For, LoopUse},
    value::{self, Object, Value},
};

/// The `loop` of a body.
pub(super) struct Loop {
    /// Turns begun.
    index: AtomicUsize,
    place: Mutex<Place>,
    definition: Arc<For>,
    walk: Walk,
}

struct Place {
    /// Taken out while the next item is fetched, as that may run anything.
    items: Option<Iteration>,
    length: Option<usize>,
    before: Option<Value>,
    current: Option<Value>,
    after: Ahead,
    last_changed: Option<Value>,
}

/// What is known of the next item.
#[derive(Clone)]
enum Ahead {
    Unknown,
    Item(Value),
    End,
}

impl Ahead {
    fn of(item: Option<Value>) -> Self {
        item.map_or(Self::End, Self::Item)
    }
}

impl Loop {
    pub(super) fn new(items: Option<Iteration>, definition: Arc<For>, walk: Walk) -> Self {
        let place = Place {
            items,
            length: walk.length,
            before: None,
            current: None,
            after: Ahead::Unknown,
            last_changed: None,
        };
        Self { index: AtomicUsize::new(0), place: Mutex::new(place), definition, walk }
    }

    pub(super) fn definition(&self) -> &For {
        &self.definition
    }

    /// Notes that the next turn begins. Only one loop does, and it does one at a time.
    pub(super) fn count_turn(&self) {
        self.index.store(self.index() + 1, Ordering::Relaxed);
    }

    fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }

    fn fetch(&self, run: &mut Run) -> Result<Option<Value>> {
        let Some(mut items) = self.place.lock().items.take() else { return Ok(None) };
        let item = items.next(run);
        self.place.lock().items = Some(items);
        item
    }

    /// Begins the next turn.
    pub(super) fn advance(&self, run: &mut Run) -> Result<Option<Value>> {
        let mut place = self.place.lock();
        let item = match std::mem::replace(&mut place.after, Ahead::Unknown) {
            Ahead::Item(item) => Some(item),
            Ahead::End => None,
            Ahead::Unknown => match place.items.take() {
                None => None,
                Some(mut items) => {
                    let item = if items.runs_nothing() {
                        items.next(run)
                    } else {
                        // What runs may ask this loop.
                        MutexGuard::unlocked(&mut place, || items.next(run))
                    };
                    place.items = Some(items);
                    item?
                }
            },
        };
        if item.is_some() && self.definition.uses_loop == LoopUse::Items {
            place.before = place.current.take();
            place.current.clone_from(&item);
        }
        Ok(item)
    }

    fn peek(&self, run: &mut Run) -> Result<Option<Value>> {
        let known = self.place.lock().after.clone();
        match known {
            Ahead::Item(item) => return Ok(Some(item)),
            Ahead::End => return Ok(None),
            Ahead::Unknown => {}
        }
        let item = self.fetch(run)?;
        self.place.lock().after = Ahead::of(item.clone());
        Ok(item)
    }

    /// The number of all items; what cannot say is read to its end for it.
    fn count(&self, run: &mut Run) -> Result<usize> {
        if let Some(length) = self.place.lock().length {
            return Ok(length);
        }
        let mut rest = Vec::new();
        while let Some(item) = self.fetch(run)? {
            rest.push(item);
        }
        let mut place = self.place.lock();
        let ahead = usize::from(matches!(place.after, Ahead::Item(_)));
        let length = rest.len() + self.index() + ahead;
        place.length = Some(length);
        place.items = Some(Iteration::Items(rest.into_iter()));
        Ok(length)
    }

    fn cycle(&self, args: Args) -> Result<Value> {
        let items = args.unnamed("cycle")?;
        if items.is_empty() {
            return Err(Error::of_type("no items for cycling given"));
        }
        let at = (self.index() - 1) % items.len();
        Ok(items[at].clone())
    }

    fn changed(&self, args: Args, run: &mut Run) -> Result<Value> {
        let now = Value::tuple(args.unnamed("changed")?);
        let before = self.place.lock().last_changed.clone();
        let is_same = match before {
            Some(before) => value::eq(&before, &now, &mut run.budget)?,
            None => false,
        };
        if !is_same {
            self.place.lock().last_changed = Some(now);
        }
        Ok(Value::Bool(!is_same))
    }
}

impl Object for Loop {
    fn type_name(&self) -> &'static str {
        "LoopContext"
    }

    fn described(&self) -> String {
        "jinja2.runtime.LoopContext object".to_owned()
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        let (index, length) = (self.index(), self.place.lock().length);
        Ok(format!("<LoopContext {index}/{}>", length.unwrap_or(index)))
    }

    fn plain_attribute(&self, name: &str) -> Option<Value> {
        let index = self.index() as i64;
        Some(match name {
            "index" => Value::Int(index),
            "index0" => Value::Int(index - 1),
            "first" => Value::Bool(index == 1),
            "depth" => Value::Int(self.walk.depth + 1),
            "depth0" => Value::Int(self.walk.depth),
            _ => return None,
        })
    }

    fn attribute(&self, name: &str, run: &mut Run) -> Result<Option<Value>> {
        let index = self.index() as i64;
        Ok(Some(match name {
            "length" => Value::count(self.count(run)?),
            "revindex" => Value::Int(self.count(run)? as i64 - index + 1),
            "revindex0" => Value::Int(self.count(run)? as i64 - index),
            "last" => Value::Bool(self.peek(run)?.is_none()),
            "previtem" => match &self.place.lock().before {
                Some(item) => item.clone(),
                None => run.undefined("there is no previous item"),
            },
            "nextitem" => match self.peek(run)? {
                Some(item) => item,
                None => run.undefined("there is no next item"),
            },
            _ => return Ok(self.plain_attribute(name)),
        }))
    }

    fn method(&self, name: &str, args: Args, run: &mut Run) -> Option<Result<Value>> {
        match name {
            "cycle" => Some(self.cycle(args)),
            "changed" => Some(self.changed(args, run)),
            _ => None,
        }
    }

    fn method_names(&self) -> &'static [&'static str] {
        &["changed", "cycle"]
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, args: Args, run: &mut Run) -> Result<Value> {
        let mut args = args.unnamed("LoopContext.__call__")?;
        let Some(items) = args.pop().filter(|_| args.is_empty()) else {
            return Err(Error::of_type("LoopContext.__call__() takes exactly one argument"));
        };
        if !self.definition.recursive {
            return Err(Error::of_type(
                "The loop must have the 'recursive' marker to be called recursively.",
            ));
        }
        let mut out = String::new();
        run.turns(&self.definition, &items, self.walk.scope, self.walk.depth + 1, &mut out)?;
        Ok(run.written(out))
    }

    fn length(&self, run: &mut Run) -> Result<Option<usize>> {
        self.count(run).map(Some)
    }

    fn held_values(&self) -> Vec<Value> {
        let place = self.place.lock();
        let ahead = match &place.after {
            Ahead::Item(item) => Some(item.clone()),
            _ => None,
        };
        let known = [&place.before, &place.current, &place.last_changed].into_iter().flatten().cloned();
        known.chain(ahead).chain(place.items.iter().flat_map(Iteration::held)).collect()
    }
}
