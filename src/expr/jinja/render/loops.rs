//! `{% for %}` and the `loop` in it.

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::{Iteration, Run, scope::ScopeId};
use crate::expr::jinja::{
    args::Args,
    budget::Budget,
    error::{Error, Result},
    syntax::ast::{For, LoopUse, Target},
    value::{self, Object, Value},
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
    fn turns(
        &mut self,
        for_loop: &Arc<For>,
        items: &Value,
        scope: ScopeId,
        depth: i64,
        out: &mut String,
    ) -> Result<()> {
        let mut iteration = self.iterate(items)?;
        if for_loop.uses_loop == LoopUse::None && for_loop.test.is_none() {
            let before = self.scopes.open_in(scope);
            let turns = self.plain_turns(for_loop, iteration, out);
            self.scopes.close(before);
            return self.otherwise(turns?, for_loop, scope, out);
        }
        let uses_loop = for_loop.uses_loop != LoopUse::None;
        let mut length = if uses_loop { self.known_length(items) } else { None };
        if for_loop.test.is_some() {
            // The test sees no `loop`, and `loop` knows only the items that pass.
            let passed = self.passing(for_loop, iteration, scope)?;
            length = Some(passed.len());
            iteration = Iteration::Items(passed.into_iter());
        }
        let before = self.scopes.open_in(scope);
        let turns = if uses_loop {
            let state = Arc::new(Loop {
                place: Mutex::new(Place::new(iteration, length)),
                definition: for_loop.clone(),
                scope,
                depth,
            });
            self.watched_turns(&state, out)
        } else {
            self.plain_turns(for_loop, iteration, out)
        };
        self.scopes.close(before);
        self.otherwise(turns?, for_loop, scope, out)
    }

    /// The turns of a loop whose body does not ask about it; says whether there were any.
    fn plain_turns(&mut self, for_loop: &For, mut items: Iteration, out: &mut String) -> Result<bool> {
        let first = first_name(&for_loop.target);
        let mut has_turns = false;
        while let Some(item) = items.next(self)? {
            has_turns = true;
            self.budget.pay(STEPS_PER_TURN)?;
            self.scopes.clear([first, None]);
            self.assign(&for_loop.target, item)?;
            self.body(&for_loop.body, out)?;
        }
        Ok(has_turns)
    }

    /// The turns of a loop whose body mentions `loop`.
    fn watched_turns(&mut self, state: &Arc<Loop>, out: &mut String) -> Result<bool> {
        static NAME: LazyLock<Arc<str>> = LazyLock::new(|| "loop".into());
        let for_loop = &state.definition;
        let first = first_name(&for_loop.target);
        let mut has_turns = false;
        while let Some(item) = state.advance(self)? {
            has_turns = true;
            self.budget.pay(STEPS_PER_TURN)?;
            self.scopes.clear([Some(&NAME), first]);
            if !self.scopes.begins_with(Arc::as_ptr(state).cast()) {
                self.scopes.set(&NAME, Value::Object(state.clone()));
            }
            self.assign(&for_loop.target, item)?;
            self.body(&for_loop.body, out)?;
        }
        Ok(has_turns)
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

    /// The items for which the loop's `if` holds.
    fn passing(&mut self, for_loop: &For, mut items: Iteration, scope: ScopeId) -> Result<Vec<Value>> {
        let Some(test) = &for_loop.test else { return Ok(Vec::new()) };
        let mut passed = Vec::new();
        let before = self.scopes.open_in(scope);
        let done = loop {
            let item = match items.next(self) {
                Ok(Some(item)) => item,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let holds = self
                .assign(&for_loop.target, item.clone())
                .and_then(|()| self.eval(test))
                .and_then(|answer| self.is_true(&answer));
            match holds {
                Ok(true) => passed.push(item),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        self.scopes.close(before);
        done.map(|()| passed)
    }
}

/// The name a target sets first.
fn first_name(target: &Target) -> Option<&Arc<str>> {
    match target {
        Target::Name(name) => Some(name),
        Target::Member { .. } => None,
        Target::Tuple(targets) => targets.first().and_then(first_name),
    }
}

/// The `loop` of a body.
struct Loop {
    place: Mutex<Place>,
    definition: Arc<For>,
    scope: ScopeId,
    /// How many loops of the same body are around this one.
    depth: i64,
}

struct Place {
    /// Taken out while the next item is fetched, as that may run anything.
    items: Option<Iteration>,
    length: Option<usize>,
    /// Turns begun.
    index: usize,
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

impl Place {
    fn new(items: Iteration, length: Option<usize>) -> Self {
        Self {
            items: Some(items),
            length,
            index: 0,
            before: None,
            current: None,
            after: Ahead::Unknown,
            last_changed: None,
        }
    }
}

impl Loop {
    fn fetch(&self, run: &mut Run) -> Result<Option<Value>> {
        let Some(mut items) = self.place.lock().items.take() else { return Ok(None) };
        let item = items.next(run);
        self.place.lock().items = Some(items);
        item
    }

    /// Begins the next turn.
    fn advance(&self, run: &mut Run) -> Result<Option<Value>> {
        let mut place = self.place.lock();
        let item = match (std::mem::replace(&mut place.after, Ahead::Unknown), &mut place.items) {
            (Ahead::Item(item), _) => Some(item),
            (Ahead::End, _) => None,
            // What has its items at hand runs nothing that could ask this loop.
            (Ahead::Unknown, Some(items)) if !matches!(items, Iteration::Own(_)) => items.next(run)?,
            (Ahead::Unknown, _) => {
                drop(place);
                let item = self.fetch(run)?;
                place = self.place.lock();
                item
            }
        };
        if item.is_some() {
            place.index += 1;
            if self.definition.uses_loop == LoopUse::Items {
                place.before = place.current.take();
                place.current.clone_from(&item);
            }
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
        let length = rest.len() + place.index + ahead;
        place.length = Some(length);
        place.items = Some(Iteration::Items(rest.into_iter()));
        Ok(length)
    }

    fn cycle(&self, args: Args) -> Result<Value> {
        let items = args.unnamed("cycle")?;
        if items.is_empty() {
            return Err(Error::of_type("no items for cycling given"));
        }
        let at = (self.place.lock().index - 1) % items.len();
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
        let place = self.place.lock();
        Ok(format!("<LoopContext {}/{}>", place.index, place.length.unwrap_or(place.index)))
    }

    fn attribute(&self, name: &str, run: &mut Run) -> Result<Option<Value>> {
        let index = self.place.lock().index as i64;
        Ok(Some(match name {
            "index" => Value::Int(index),
            "index0" => Value::Int(index - 1),
            "length" => Value::count(self.count(run)?),
            "revindex" => Value::Int(self.count(run)? as i64 - index + 1),
            "revindex0" => Value::Int(self.count(run)? as i64 - index),
            "first" => Value::Bool(index == 1),
            "last" => Value::Bool(self.peek(run)?.is_none()),
            "depth" => Value::Int(self.depth + 1),
            "depth0" => Value::Int(self.depth),
            "previtem" => match &self.place.lock().before {
                Some(item) => item.clone(),
                None => run.undefined("there is no previous item"),
            },
            "nextitem" => match self.peek(run)? {
                Some(item) => item,
                None => run.undefined("there is no next item"),
            },
            _ => return Ok(None),
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
        run.turns(&self.definition, &items, self.scope, self.depth + 1, &mut out)?;
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
