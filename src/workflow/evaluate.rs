//! What the conductor asks of the expression languages, and what expressions see.
//!
//! The conductor knows neither YAQL nor Jinja: whoever drives it brings an [`Evaluate`]. Variables are
//! looked up where they stand and merged one by one, so an expression costs what it reads, not what the
//! whole context holds.

use std::{borrow::Cow, ops::ControlFlow};

use serde_json::{Map, Value};

use super::{Status, state::State, views::ViewId};

/// An expression that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(
    /// Class and message as users see them: `YaqlEvaluationException: Unable to …`.
    pub String,
);

/// Evaluates the expressions of a definition.
pub trait Evaluate {
    /// Evaluates the expressions in a text, or in the keys and values of a structure.
    ///
    /// # Errors
    /// The first expression that fails.
    fn evaluate(&self, value: &Value, scope: &Scope<'_>) -> Result<Value, Fault>;
}

/// The task whose expressions are evaluated.
#[derive(Debug, Clone, Copy)]
pub struct CurrentTask<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its route.
    pub route: usize,
    /// What its action answered, once it has.
    pub result: Option<&'a Value>,
}

/// Answers what expressions ask about the run as a whole.
pub trait Tasks {
    /// The routes: the transitions that led to each.
    fn routes(&self) -> &[Vec<String>];

    /// The status of a task on this very route; nothing if it did not run there.
    fn status_on(&self, task: &str, route: usize) -> Option<Status>;

    /// The route a task ran on and its status there: on this one, or on the nearest earlier route that leads
    /// to it.
    fn find(&self, task: &str, route: usize) -> Option<(usize, Status)> {
        let routes = self.routes();
        let mut route = route;
        loop {
            if let Some(status) = self.status_on(task, route) {
                return Some((route, status));
            }
            let steps = routes.get(route)?;
            // All of its steps are steps of this one too.
            route = (0..route).rev().find(|at| routes[*at].iter().all(|step| steps.contains(step)))?;
        }
    }
}

/// Contexts laid over each other: a later one wins, dictionaries are merged.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Plain(&'a [&'a Map<String, Value>]),
    View { state: &'a State, view: ViewId, bare: bool },
}

impl<'a> Layers<'a> {
    /// Those of a run that a view has.
    pub(super) fn of_view(state: &'a State, view: ViewId) -> Self {
        Self(Kind::View { state, view, bare: false })
    }

    /// The same without the start of the run.
    pub(super) fn without_start(self) -> Self {
        Self(match self.0 {
            Kind::View { state, view, .. } => Kind::View { state, view, bare: true },
            plain @ Kind::Plain(_) => plain,
        })
    }

    /// Visits them from the newest back, until told to stop; those without `name` may be left out.
    fn newest_first(
        self,
        name: Option<&str>,
        visit: &mut dyn FnMut(&'a Map<String, Value>) -> ControlFlow<()>,
    ) {
        match self.0 {
            Kind::Plain(layers) => {
                let _ = layers.iter().rev().try_for_each(|layer| visit(layer));
            }
            Kind::View { state, view, bare } => {
                state.views.newest_first(view, bare, name, &mut |at| visit(&state.contexts[at]));
            }
        }
    }

    fn oldest_first(self) -> Vec<&'a Map<String, Value>> {
        let mut layers = Vec::new();
        self.newest_first(None, &mut |layer| {
            layers.push(layer);
            ControlFlow::Continue(())
        });
        layers.reverse();
        layers
    }
}

/// What an expression can see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The contexts.
    pub(super) layers: Layers<'a>,
    /// Values set since, by the same list of inputs, variables or publishes; these replace.
    pub(super) set: Option<&'a Map<String, Value>>,
    pub(super) task: Option<CurrentTask<'a>>,
    pub(super) item: Option<&'a Value>,
    pub(super) tasks: Option<&'a dyn Tasks>,
}

impl<'a> Scope<'a> {
    /// Variables alone, in layers; a later one wins.
    pub fn of(layers: &'a [&'a Map<String, Value>]) -> Self {
        Self { layers: Layers(Kind::Plain(layers)), set: None, task: None, item: None, tasks: None }
    }

    /// With an item of a task with items.
    #[must_use]
    pub fn with_item(self, item: &'a Value) -> Self {
        Self { item: Some(item), ..self }
    }

    /// With the task whose expressions are evaluated.
    #[must_use]
    pub fn with_task(self, task: CurrentTask<'a>) -> Self {
        Self { task: Some(task), ..self }
    }

    /// With what happened in the run.
    #[must_use]
    pub fn with_tasks(self, tasks: &'a dyn Tasks) -> Self {
        Self { tasks: Some(tasks), ..self }
    }

    /// The value of a variable, private ones included.
    pub fn var(&self, name: &str) -> Option<Cow<'a, Value>> {
        if let Some(value) = self.set.and_then(|set| set.get(name)) {
            return Some(Cow::Borrowed(value));
        }
        let mut found: Vec<&'a Value> = Vec::new();
        self.layers.newest_first(Some(name), &mut |layer| {
            let Some(value) = layer.get(name) else { return ControlFlow::Continue(()) };
            if value.is_object() {
                found.push(value);
                return ControlFlow::Continue(());
            }
            // What is no dictionary hides all before it, and is hidden by all after it.
            if found.is_empty() {
                found.push(value);
            }
            ControlFlow::Break(())
        });
        let first = found.pop()?;
        if found.is_empty() {
            return Some(Cow::Borrowed(first));
        }
        let mut merged = first.clone();
        for later in found.into_iter().rev() {
            merge_value(&mut merged, later);
        }
        Some(Cow::Owned(merged))
    }

    /// All variables but the private ones, whose names begin with two underscores.
    pub fn vars(&self) -> Map<String, Value> {
        let mut vars = merged(self.layers);
        if let Some(set) = self.set {
            for (name, value) in set {
                vars.insert(name.clone(), value.clone());
            }
        }
        vars.retain(|name, _| !name.starts_with("__"));
        vars
    }

    /// The names of all variables but the private ones.
    pub fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for layer in self.layers.oldest_first().into_iter().chain(self.set) {
            for name in layer.keys() {
                if !name.starts_with("__") && seen.insert(name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The task, where there is one.
    pub fn task(&self) -> Option<CurrentTask<'a>> {
        self.task
    }

    /// The item of a task with items.
    pub fn item(&self) -> Option<&'a Value> {
        self.item
    }

    /// What happened in the run.
    pub fn tasks(&self) -> Option<&'a dyn Tasks> {
        self.tasks
    }
}

/// Contexts folded into one.
pub(super) fn merged(layers: Layers<'_>) -> Map<String, Value> {
    let mut whole = Map::new();
    for layer in layers.oldest_first() {
        merge(&mut whole, layer);
    }
    whole
}

/// Lays `over` on `under`: dictionaries are merged, everything else is replaced.
pub(super) fn merge(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match under.get_mut(key) {
            Some(below) => merge_value(below, value),
            None => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

fn merge_value(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => merge(under, over),
        (under, over) => *under = over.clone(),
    }
}
