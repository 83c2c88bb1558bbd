//! From a definition to the intermediate form.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    Definition, Error, params,
    shape::{Shape, Task},
};
use crate::workflow::ir::{self, Command, Graph, Items, Join, Retry};

/// How often `do: retry` tries again.
const COMMAND_RETRIES: i64 = 3;

impl Definition {
    /// Compiles the definition.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a definition an inspection would have found fault with, where there is no
    /// telling what is meant.
    pub fn compile(&self) -> Result<Graph, Error> {
        let fields =
            self.document.as_object().ok_or_else(|| Error::Malformed("it is no object.".to_owned()))?;
        if !fields.get("tasks").is_some_and(Value::is_object) {
            return Err(Error::Malformed("it has no tasks.".to_owned()));
        }
        let shape = Shape::of(&self.document);
        let mut graph = Graph {
            input: inputs(fields.get("input")),
            vars: pairs(fields.get("vars")),
            output: pairs(fields.get("output")),
            ..Graph::default()
        };
        reach(&shape, &mut graph)?;
        link(&shape, &mut graph);
        Ok(graph)
    }
}

/// Adds the tasks that can be reached from the starts.
fn reach(shape: &Shape<'_>, graph: &mut Graph) -> Result<(), Error> {
    let starts = shape.starts();
    let mut queue: std::collections::VecDeque<&str> = starts.iter().copied().collect();
    while let Some(name) = queue.pop_front() {
        if graph.names.contains_key(name) {
            continue;
        }
        let splits = shape.is_split(name) && !shape.in_cycle(name);
        let task = match (shape.task(name), Command::of(name)) {
            (_, Some(command)) => ir::Task { command: Some(command), ..ir::Task::default() },
            (Some(task), None) => compile_task(task)?,
            (None, None) => return Err(Error::Malformed(format!("task \"{name}\" is not defined."))),
        };
        graph.names.insert(name.to_owned(), graph.tasks.len());
        graph.tasks.push(ir::Task { name: name.to_owned(), splits, ..task });
        // Commands lead nowhere, even where a task bears their name.
        if let (Some(task), None) = (shape.task(name), Command::of(name)) {
            queue.extend(task.next_tasks().into_iter().map(|(to, _)| to).filter(|to| *to != "retry"));
        }
    }
    graph.starts = starts.into_iter().filter_map(|name| graph.find(name)).collect();
    Ok(())
}

/// Adds the transitions between them.
fn link(shape: &Shape<'_>, graph: &mut Graph) {
    for from in 0..graph.tasks.len() {
        if graph.tasks[from].command.is_some() {
            continue;
        }
        let Some(task) = shape.task(&graph.tasks[from].name) else { continue };
        let mut known: Vec<(&str, usize)> = Vec::new();
        let mut parallel: HashMap<&str, usize> = HashMap::new();
        for (name, place) in task.next_tasks() {
            let fields = task.next[place].fields;
            let when = fields.get("when").filter(|when| crate::pytext::truthy(when)).cloned();
            if name == "retry" {
                let when = when.or_else(|| Some(json!("<% completed() %>")));
                let retry = Retry { when, count: json!(COMMAND_RETRIES), delay: Value::Null };
                graph.tasks[from].retry = Some(retry);
                continue;
            }
            // A name that stands twice in one transition is one edge.
            let Some(to) = graph.find(name).filter(|_| !known.contains(&(name, place))) else { continue };
            known.push((name, place));
            let nth = parallel.entry(name).or_default();
            let edge = ir::Transition {
                to,
                id: format!("{name}__t{nth}"),
                back: format!("{}__t{nth}", task.name),
                when,
                publish: published(fields.get("publish")),
                remediates: name != "continue",
            };
            *nth += 1;
            let place = graph.tasks[from].next.len();
            graph.tasks[from].next.push(edge);
            let target = &mut graph.tasks[to];
            if target.inbound.last().is_none_or(|(last, _)| *last != from) {
                target.sources += 1;
            }
            target.inbound.push((from, place));
        }
    }
}

fn compile_task(task: &Task<'_>) -> Result<ir::Task, Error> {
    let get = |name: &str| task.fields.get(name).cloned().unwrap_or_default();
    let (mut action, mut input) = (get("action"), get("input"));
    if let Some(text) = task.fields.get("action").and_then(Value::as_str) {
        let inline = params::parse(text);
        if !inline.is_empty() {
            input = Value::Object(inline.into_iter().collect());
            action = json!(text.split_once(' ').map_or(text, |(action, _)| action));
        }
    }
    let bad =
        |what: &str| Error::Malformed(format!("`{what}` of task \"{}\" is not what it may be.", task.name));
    let join = match &get("join") {
        Value::Null => None,
        Value::String(text) if text == "all" => Some(Join::All),
        other => Some(Join::Some(other.as_u64().ok_or_else(|| bad("join"))? as usize)),
    };
    let items = match task.get("with") {
        None => None,
        Some(with) => {
            let text = with.get("items").and_then(Value::as_str).ok_or_else(|| bad("with"))?;
            let (names, list) = text.split_once(" in ").unwrap_or(("", text));
            let names = names.replace(' ', "");
            Some(Items {
                list: json!(list.trim()),
                names: if text.contains(" in ") {
                    names.split(',').map(str::to_owned).collect()
                } else {
                    Vec::new()
                },
                concurrency: with.get("concurrency").cloned().unwrap_or_default(),
            })
        }
    };
    let retry = task.get("retry").map(|retry| {
        let get = |name: &str| retry.get(name).filter(|value| !value.is_null()).cloned();
        Retry {
            when: get("when"),
            count: get("count").unwrap_or_default(),
            delay: get("delay").unwrap_or_default(),
        }
    });
    Ok(ir::Task { action, input, delay: get("delay"), items, retry, join, ..ir::Task::default() })
}

/// Inputs: names alone, or with their default.
fn inputs(value: Option<&Value>) -> Vec<(String, Value)> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| match one {
        Value::String(name) => Some((name.clone(), Value::Null)),
        Value::Object(fields) => first(fields),
        _ => None,
    })
    .collect()
}

/// A list of objects with one key each.
fn pairs(value: Option<&Value>) -> Vec<(String, Value)> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object).filter_map(first).collect()
}

fn published(value: Option<&Value>) -> Vec<(String, Value)> {
    match value {
        Some(Value::String(text)) => params::parse(text),
        value => pairs(value),
    }
}

fn first(fields: &Map<String, Value>) -> Option<(String, Value)> {
    fields.iter().next().map(|(name, value)| (name.clone(), value.clone()))
}
