//! Views: which contexts a task sees, in order.
//!
//! StackStorm keeps a list of contexts with every task, one longer with each task that publishes. Here a view is a link
//! to the view it adds to, so that a task which publishes costs one link however many came before it, in memory and in
//! the rows; the lists are written out where StackStorm's document is wanted. Looking for a variable goes from the
//! newest context back, over whole stretches that do not know its name.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use serde_json::{Map, Value, json};

/// A view by its place among all of a run.
pub(super) type ViewId = usize;

/// How many views a stretch is made of.
const STRETCH: usize = 32;

/// Views longer than this are not written out: joins of joins can double them again and again. Contexts that are seen
/// twice count where they are seen last, then, which only the order of keys can tell.
const LONG: usize = 10_000;

#[derive(Debug, Clone, PartialEq)]
struct View {
    before: Option<ViewId>,
    adds: Adds,
    /// How many contexts it has in all.
    length: usize,
    /// How many views end here of which each adds a context to the one before, since the last stretch.
    run: usize,
    stretch: Option<Arc<Stretch>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Adds {
    Context(usize),
    /// All of another view but its start.
    View(ViewId),
}

/// What the last views up to here know by name, and the view before them.
#[derive(Debug, PartialEq)]
struct Stretch {
    names: HashSet<String>,
    before: ViewId,
}

/// The views of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Views(Vec<View>);

impl Views {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The view of one context alone, or of one behind another view.
    pub(super) fn add(
        &mut self,
        before: Option<ViewId>,
        context: usize,
        contexts: &[Arc<Map<String, Value>>],
    ) -> ViewId {
        let last = before.map(|before| &self.0[before]);
        let length = last.map_or(0, |last| last.length).saturating_add(1);
        let run = last.map_or(0, |last| if last.run == STRETCH { 1 } else { last.run + 1 });
        let mut view = View { before, adds: Adds::Context(context), length, run, stretch: None };
        if run == STRETCH {
            view.stretch = self.stretch(before, context, contexts).map(Arc::new);
        }
        self.0.push(view);
        self.0.len() - 1
    }

    fn stretch(
        &self,
        before: Option<ViewId>,
        context: usize,
        contexts: &[Arc<Map<String, Value>>],
    ) -> Option<Stretch> {
        let mut names: HashSet<String> = contexts.get(context)?.keys().cloned().collect();
        let mut at = before?;
        for _ in 1..STRETCH {
            let view = &self.0[at];
            let Adds::Context(context) = view.adds else { return None };
            names.extend(contexts.get(context)?.keys().cloned());
            at = view.before?;
        }
        Some(Stretch { names, before: at })
    }

    /// A view with all of another one behind it, but for that one's start.
    pub(super) fn join(&mut self, before: ViewId, other: ViewId) -> ViewId {
        let length = self.0[before].length.saturating_add(self.0[other].length).saturating_sub(1);
        self.0.push(View { before: Some(before), adds: Adds::View(other), length, run: 0, stretch: None });
        self.0.len() - 1
    }

    /// Visits the contexts of a view from the newest back, until told to stop; those that do not know `name` may be
    /// left out. The start is left out of a view that is `bare`.
    pub(super) fn newest_first(
        &self,
        view: ViewId,
        bare: bool,
        name: Option<&str>,
        visit: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) {
        let mut seen = (self.0[view].length > LONG).then(HashSet::new);
        let mut open = vec![(view, bare)];
        while let Some((at, bare)) = open.pop() {
            if seen.as_mut().is_some_and(|seen| !seen.insert(at)) {
                continue;
            }
            let view = &self.0[at];
            if let (Some(stretch), Some(name)) = (&view.stretch, name)
                && !stretch.names.contains(name)
            {
                open.push((stretch.before, bare));
                continue;
            }
            open.extend(view.before.map(|before| (before, bare)));
            match view.adds {
                Adds::View(other) => open.push((other, true)),
                Adds::Context(0) if bare && view.before.is_none() => {}
                Adds::Context(context) => {
                    if visit(context).is_break() {
                        return;
                    }
                }
            }
        }
    }

    /// The contexts of a view, oldest first.
    pub(super) fn list(&self, view: ViewId, bare: bool) -> Vec<usize> {
        let mut list = Vec::new();
        self.newest_first(view, bare, None, &mut |context| {
            list.push(context);
            ControlFlow::Continue(())
        });
        list.reverse();
        list
    }

    /// As a piece of the state.
    pub(super) fn to_json(&self, view: ViewId) -> Value {
        let View { before, adds, .. } = &self.0[view];
        match adds {
            Adds::Context(context) => json!({"before": before, "context": context}),
            Adds::View(other) => json!({"before": before, "view": other}),
        }
    }

    /// Adds a view as it was saved.
    ///
    /// # Errors
    /// It names what is not there.
    pub(super) fn read(&mut self, value: &Value, contexts: &[Arc<Map<String, Value>>]) -> Result<(), String> {
        let number = |name: &str| value.get(name).and_then(Value::as_u64).map(|at| at as usize);
        let known = |view: &usize| *view < self.0.len();
        let (before, context, other) = (number("before"), number("context"), number("view"));
        if before.as_ref().is_some_and(|before| !known(before)) {
            return Err("a view of contexts follows a missing one".to_owned());
        }
        match (before, context, other) {
            (_, Some(context), _) if context < contexts.len() => {
                self.add(before, context, contexts);
            }
            (Some(before), _, Some(other)) if known(&other) => {
                self.join(before, other);
            }
            _ => return Err("a view of contexts names a missing one".to_owned()),
        }
        Ok(())
    }
}

/// Finds the views of lists as StackStorm's document has them, each once.
#[derive(Default)]
pub(super) struct Lists(HashMap<(Option<ViewId>, usize), ViewId>);

impl Lists {
    /// The view of a list.
    ///
    /// # Errors
    /// The list is empty, or names a missing context.
    pub(super) fn view(
        &mut self,
        list: impl IntoIterator<Item = usize>,
        views: &mut Views,
        contexts: &[Arc<Map<String, Value>>],
    ) -> Result<ViewId, String> {
        let mut view = None;
        for context in list {
            if context >= contexts.len() {
                return Err(format!("names a missing context, {context}"));
            }
            let found = self.0.entry((view, context)).or_insert_with(|| views.add(view, context, contexts));
            view = Some(*found);
        }
        view.ok_or_else(|| "sees no context".to_owned())
    }
}
