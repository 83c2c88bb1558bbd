//! Workflows as pictures: the tasks of a compiled definition in layers, as text and as SVG.
//!
//! Tasks stand below what leads to them; what leads back is drawn along the side. `continue` is not drawn:
//! every task that leads nowhere does that.

mod layout;
mod svg;
mod text;

use std::borrow::Cow;

use serde_json::Value;

use super::ir::{Command, Graph, Join, TaskIx};
use crate::pytext;

pub use svg::svg;
pub use text::text;

/// What is drawn of a task.
struct Box<'a> {
    name: &'a str,
    /// Its action, and what is special about it.
    notes: Vec<String>,
    command: Option<Command>,
}

/// What is drawn of a transition.
struct Arrow<'a> {
    from: TaskIx,
    to: TaskIx,
    /// When it is taken; nothing if always.
    when: Option<Cow<'a, str>>,
}

fn boxes(graph: &Graph) -> Vec<Box<'_>> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => pytext::str(other),
    };
    graph
        .tasks
        .iter()
        .map(|task| {
            let mut notes = Vec::new();
            if !task.action.is_null() {
                notes.push(shown(&task.action));
            }
            if let Some(items) = &task.items {
                let names =
                    if items.names.is_empty() { String::new() } else { items.names.join(", ") + " in " };
                notes.push(format!("with {names}{}", bare(&shown(&items.list))));
            }
            match task.join {
                Some(Join::All) => notes.push("join all".to_owned()),
                Some(Join::Some(count)) => notes.push(format!("join {count}")),
                None => {}
            }
            if let Some(retry) = &task.retry {
                notes.push(format!("retry {}", bare(&shown(&retry.count))));
            }
            if !task.delay.is_null() {
                notes.push(format!("delay {}", bare(&shown(&task.delay))));
            }
            Box { name: &task.name, notes, command: task.command }
        })
        .collect()
}

/// The transitions, but those to `continue`; several between the same two tasks are one each.
fn arrows(graph: &Graph) -> Vec<Arrow<'_>> {
    let mut arrows = Vec::new();
    for (from, task) in graph.tasks.iter().enumerate() {
        for edge in &task.next {
            if graph.tasks[edge.to].command == Some(Command::Continue) {
                continue;
            }
            let when = edge.when.as_ref().and_then(Value::as_str).map(|when| Cow::Owned(bare(when)));
            arrows.push(Arrow { from, to: edge.to, when });
        }
    }
    arrows
}

/// An expression without its marks.
fn bare(text: &str) -> String {
    let inner = text.trim();
    let inner = [("<%", "%>"), ("{{", "}}")]
        .into_iter()
        .find_map(|(open, close)| inner.strip_prefix(open)?.strip_suffix(close))
        .filter(|inner| !inner.contains("<%") && !inner.contains("{{"))
        .unwrap_or(inner);
    inner.trim().to_owned()
}

/// A text cut to so many characters.
fn cut(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= most && line.len() == text.len() {
        return text.to_owned();
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
