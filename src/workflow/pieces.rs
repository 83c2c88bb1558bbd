//! A state in pieces: what changed since the last save, each under a key of its own, and all of it as the
//! one document StackStorm keeps.
//!
//! A piece is a row for the store: `context/3`, `view/5`, `entry/17`, `staged/<task>/<route>`, … A value of `None`
//! deletes it. Items are kept in blocks, so that the end of one of a thousand writes a small part of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{
    Status,
    ir::Graph,
    log,
    state::{Attempts, Entry, Key, Staged, State, Taken},
    views::{Lists, ViewId},
};

/// How many items share a piece.
const BLOCK: usize = 50;

/// One part of a state that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Which part.
    pub key: String,
    /// What it is now; `None`: it is gone.
    pub value: Option<Value>,
}

/// What changed since the last save.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    pub(super) status: bool,
    pub(super) output: bool,
    pub(super) entries: BTreeSet<usize>,
    pub(super) staged: BTreeSet<Key>,
    pub(super) items: BTreeSet<(Key, usize)>,
    pub(super) all_items: BTreeSet<Key>,
    pub(super) all_errors: bool,
    /// How many of each list are saved: contexts, routes, errors, reruns, views.
    saved: [usize; 5],
    /// How many items were saved for tasks that have fewer now.
    shrunk: BTreeMap<Key, usize>,
}

impl Changes {
    pub(super) fn unstaged(&mut self, key: Key, items: usize) {
        self.staged.insert(key);
        let shrunk = self.shrunk.entry(key).or_default();
        *shrunk = items.max(*shrunk);
    }
}

impl State {
    /// What changed since the last call, to be laid over what was saved before.
    pub fn take_changes(&mut self, graph: &Graph) -> Vec<Piece> {
        let changes = std::mem::take(&mut self.changes);
        let mut pieces = Vec::new();
        let mut put = |key: String, value: Option<Value>| pieces.push(Piece { key, value });
        if changes.status {
            put("status".to_owned(), Some(json!(self.status().as_str())));
        }
        if changes.output {
            put("output".to_owned(), self.output.clone().map(Value::Object));
        }
        for (at, context) in self.contexts.iter().enumerate().skip(changes.saved[0]) {
            put(format!("context/{at}"), Some(Value::Object(context.as_ref().clone())));
        }
        for at in changes.saved[4]..self.views.len() {
            put(format!("view/{at}"), Some(self.views.to_json(at)));
        }
        for (at, route) in self.routes.iter().enumerate().skip(changes.saved[1]) {
            put(format!("route/{at}"), Some(json!(route)));
        }
        let errors = self.errors();
        let first = if changes.all_errors { 0 } else { changes.saved[2] };
        for (at, error) in errors.iter().enumerate().skip(first) {
            put(format!("error/{at}"), Some(error.to_json()));
        }
        for at in errors.len()..changes.saved[2] {
            put(format!("error/{at}"), None);
        }
        for (at, rerun) in self.reruns.iter().enumerate().skip(changes.saved[3]) {
            put(format!("rerun/{at}"), Some(json!(rerun)));
        }
        for at in &changes.entries {
            put(format!("entry/{at}"), Some(entry_to_json(&self.entries[*at], graph, &linked)));
        }
        for key in &changes.staged {
            put(
                staged_key("staged", *key, graph),
                self.staged(*key).map(|one| staged_to_json(one, graph, &linked)),
            );
        }
        let mut blocks: BTreeSet<(Key, usize)> =
            changes.items.iter().map(|(key, item)| (*key, item / BLOCK)).collect();
        for (key, count) in &changes.shrunk {
            blocks.extend((0..count.div_ceil(BLOCK)).map(|block| (*key, block)));
        }
        for key in &changes.all_items {
            let count = self.staged(*key).and_then(|staged| staged.items.as_ref()).map_or(0, Vec::len);
            blocks.extend((0..count.div_ceil(BLOCK)).map(|block| (*key, block)));
        }
        for (key, block) in blocks {
            let items = self.staged(key).and_then(|staged| staged.items.as_ref());
            let value = items.and_then(|items| items.chunks(BLOCK).nth(block)).map(statuses_to_json);
            put(format!("{}/{block}", staged_key("items", key, graph)), value);
        }
        self.changes.saved = self.lengths();
        pieces
    }

    /// A state from all its pieces; order and what is deleted do not matter.
    ///
    /// # Errors
    /// The key of a piece that is none, or that names a task the definition does not have.
    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>, graph: &Graph) -> Result<Self, String> {
        let mut sorted: BTreeMap<&'static str, BTreeMap<(String, usize), Value>> = BTreeMap::new();
        const KINDS: [&str; 10] =
            ["status", "output", "context", "view", "route", "error", "rerun", "entry", "staged", "items"];
        for Piece { key, value } in pieces {
            let Some(value) = value else { continue };
            let (kind, rest) = key.split_once('/').unwrap_or((&key, ""));
            let Some(kind) = KINDS.into_iter().find(|known| *known == kind) else { return Err(key) };
            let (name, number) = match rest.rsplit_once('/') {
                Some((name, number)) => (name.to_owned(), number),
                None => (String::new(), rest),
            };
            let number = if number.is_empty() { 0 } else { number.parse().map_err(|_| key.clone())? };
            sorted.entry(kind).or_default().insert((name, number), value);
        }
        let mut take = |kind: &str| sorted.remove(kind).unwrap_or_default();
        let mut document = Map::new();
        if let Some(status) = take("status").into_values().next() {
            document.insert("status".to_owned(), status);
        }
        let output = take("output").into_values().next().unwrap_or_default();
        for (kind, name) in [
            ("context", "contexts"),
            ("view", "views"),
            ("route", "routes"),
            ("rerun", "reruns"),
            ("entry", "sequence"),
        ] {
            document.insert(name.to_owned(), take(kind).into_values().collect());
        }
        let errors: Vec<Value> = take("error").into_values().collect();
        let mut items = take("items");
        let mut staged: Vec<(u64, Value)> = Vec::new();
        for ((name, route), mut one) in take("staged") {
            let prefix = format!("{name}/{route}");
            let own: Vec<_> = items.keys().filter(|(name, _)| *name == prefix).cloned().collect();
            let blocks: Vec<Value> = own.iter().filter_map(|key| items.remove(key)).collect();
            let counted = one.get("items_count").is_some();
            if counted {
                let list: Vec<Value> = blocks
                    .into_iter()
                    .flat_map(|block| block.as_array().cloned().unwrap_or_default())
                    .collect();
                let list = list.into_iter().map(|status| json!({"status": status})).collect();
                one["items"] = list;
            }
            staged.push((one.get("order").and_then(Value::as_u64).unwrap_or_default(), one));
        }
        staged.sort_by_key(|(order, _)| *order);
        document.insert("staged".to_owned(), staged.into_iter().map(|(_, one)| one).collect());
        Self::from_document(&Value::Object(document), &errors, &output, graph)
    }

    /// The state as the document StackStorm keeps (errors and output stand beside it there).
    pub fn to_document(&self, graph: &Graph) -> Value {
        let contexts: Vec<Value> =
            self.contexts.iter().map(|context| Value::Object(context.as_ref().clone())).collect();
        let listed = |view| json!({"in": self.views.list(view, false)});
        let sequence: Vec<Value> =
            self.entries.iter().map(|entry| entry_to_json(entry, graph, &listed)).collect();
        let staged: Vec<Value> = self
            .all_staged()
            .map(|one| {
                let mut value = staged_to_json(one, graph, &listed);
                if let Some(fields) = value.as_object_mut() {
                    fields.remove("order");
                    fields.remove("items_count");
                }
                if let Some(items) = &one.items {
                    value["items"] = items.iter().map(|status| json!({"status": status.as_str()})).collect();
                }
                value
            })
            .collect();
        let mut tasks: Vec<(usize, String)> = self
            .last
            .iter()
            .map(|((task, route), at)| (*at, format!("{}__r{route}", graph.tasks[*task].name)))
            .collect();
        tasks.sort();
        let tasks: Map<String, Value> = tasks.into_iter().map(|(at, name)| (name, json!(at))).collect();
        let mut document = json!({
            "contexts": contexts, "routes": self.routes, "sequence": sequence, "staged": staged,
            "status": self.status().as_str(), "tasks": tasks,
        });
        if !self.reruns.is_empty() {
            document["reruns"] = json!(self.reruns);
        }
        document
    }

    /// A state from its document, and the errors and output that stand beside it.
    ///
    /// # Errors
    /// What the document lacks, or a task the definition does not have.
    pub fn from_document(
        document: &Value,
        errors: &[Value],
        output: &Value,
        graph: &Graph,
    ) -> Result<Self, String> {
        let list = |name: &str| document.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut state = Self::default();
        let status = document.get("status").and_then(Value::as_str).unwrap_or("null");
        state.set_status(Status::parse(status).ok_or_else(|| format!("status {status:?}"))?);
        state.contexts = list("contexts")
            .into_iter()
            .map(|context| match context {
                Value::Object(context) => Ok(Arc::new(context)),
                other => Err(format!("context {other}")),
            })
            .collect::<Result<_, _>>()?;
        let numbers = |value: &Value| -> Vec<usize> {
            value.as_array().into_iter().flatten().filter_map(Value::as_u64).map(|n| n as usize).collect()
        };
        state.routes = list("routes")
            .iter()
            .map(|steps| {
                steps.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            })
            .collect();
        state.reruns = list("reruns").iter().map(numbers).collect();
        for view in list("views") {
            state.views.read(&view, &state.contexts)?;
        }
        let mut lists = Lists::default();
        for entry in list("sequence") {
            let ins = state.view_of(&entry, &mut lists)?;
            state.add_entry(entry_from_json(&entry, ins, graph)?);
        }
        for staged in list("staged") {
            let ins = state.view_of(&staged, &mut lists)?;
            state.stage(staged_from_json(&staged, ins, graph)?);
        }
        for error in errors {
            state.log(log::Entry::from_json(error));
        }
        state.output = output.as_object().cloned();
        state.changes = Changes { saved: state.lengths(), ..Changes::default() };
        Ok(state)
    }

    fn lengths(&self) -> [usize; 5] {
        [self.contexts.len(), self.routes.len(), self.errors().len(), self.reruns.len(), self.views.len()]
    }

    /// The view of a task as it was written: by its place, or as a list of contexts.
    fn view_of(&mut self, task: &Value, lists: &mut Lists) -> Result<ViewId, String> {
        let seen = &task["ctxs"];
        if let Some(view) = seen["view"].as_u64().map(|view| view as usize) {
            let known = view < self.views.len();
            return if known {
                Ok(view)
            } else {
                Err(format!("task {} has no view of contexts", task["id"]))
            };
        }
        let list = seen["in"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        lists
            .view(list.map(|at| at as usize), &mut self.views, &self.contexts)
            .map_err(|why| format!("task {} {why}", task["id"]))
    }
}

/// How a task that is kept in a piece tells what it sees.
fn linked(view: ViewId) -> Value {
    json!({"view": view})
}

fn staged_key(kind: &str, (task, route): Key, graph: &Graph) -> String {
    format!("{kind}/{}/{route}", graph.tasks[task].name)
}

fn statuses_to_json(items: &[Status]) -> Value {
    items.iter().map(|status| json!(status.as_str())).collect()
}

fn numbered(pairs: &[(String, usize)]) -> Value {
    Value::Object(pairs.iter().map(|(name, at)| (name.clone(), json!(at))).collect())
}

fn pairs(value: Option<&Value>) -> Vec<(String, usize)> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, at)| Some((name.clone(), at.as_u64()? as usize))).collect()
}

fn task_of(value: &Value, graph: &Graph) -> Result<Key, String> {
    let name = value["id"].as_str().unwrap_or_default();
    let task = graph.find(name).ok_or_else(|| format!("task {name:?} is not in the definition"))?;
    Ok((task, value["route"].as_u64().unwrap_or_default() as usize))
}

fn attempts_to_json(attempts: &Attempts) -> Value {
    json!({
        "when": attempts.when, "count": attempts.count, "delay": attempts.delay, "tally": attempts.tally,
    })
}

fn attempts_from_json(value: Option<&Value>) -> Option<Attempts> {
    let value = value.filter(|value| value.is_object())?;
    Some(Attempts {
        when: value.get("when").filter(|when| !when.is_null()).cloned(),
        count: value["count"].as_i64().unwrap_or_default(),
        delay: value["delay"].clone(),
        tally: value["tally"].as_i64().unwrap_or_default(),
    })
}

fn entry_to_json(entry: &Entry, graph: &Graph, seen: &dyn Fn(ViewId) -> Value) -> Value {
    let task = &graph.tasks[entry.task];
    let next: Map<String, Value> = task
        .next
        .iter()
        .zip(&entry.next)
        .filter(|(_, taken)| **taken != Taken::Open)
        .map(|(edge, taken)| (edge.id.clone(), json!(*taken != Taken::No)))
        .collect();
    let late: Vec<&str> = task
        .next
        .iter()
        .zip(&entry.next)
        .filter(|(_, taken)| **taken == Taken::Late)
        .map(|(edge, _)| edge.id.as_str())
        .collect();
    let mut value = json!({
        "id": task.name, "route": entry.route, "ctxs": seen(entry.ins), "prev": numbered(&entry.prev),
        "next": next,
    });
    if !entry.outs.is_empty() {
        value["ctxs"]["out"] = numbered(&entry.outs);
    }
    if entry.status != Status::Unset {
        value["status"] = json!(entry.status.as_str());
    }
    if !late.is_empty() {
        value["late"] = json!(late);
    }
    if entry.terminal {
        value["term"] = json!(true);
    }
    if let Some(retry) = &entry.retry {
        value["retry"] = attempts_to_json(retry);
    }
    value
}

fn taken(entry: &Value, edge: &str) -> Taken {
    let late = || entry["late"].as_array().is_some_and(|late| late.iter().any(|id| id == edge));
    match entry["next"].get(edge).and_then(Value::as_bool) {
        None => Taken::Open,
        Some(false) => Taken::No,
        Some(true) if late() => Taken::Late,
        Some(true) => Taken::Yes,
    }
}

fn entry_from_json(value: &Value, ins: ViewId, graph: &Graph) -> Result<Entry, String> {
    let (task, route) = task_of(value, graph)?;
    let status = value.get("status").and_then(Value::as_str).unwrap_or("null");
    Ok(Entry {
        task,
        route,
        ins,
        outs: pairs(value["ctxs"].get("out")),
        prev: pairs(value.get("prev")),
        next: graph.tasks[task].next.iter().map(|edge| taken(value, &edge.id)).collect(),
        status: Status::parse(status).ok_or_else(|| format!("status {status:?}"))?,
        terminal: value["term"].as_bool().unwrap_or_default(),
        retry: attempts_from_json(value.get("retry")),
    })
}

fn staged_to_json(staged: &Staged, graph: &Graph, seen: &dyn Fn(ViewId) -> Value) -> Value {
    let mut value = json!({
        "id": graph.tasks[staged.task].name, "route": staged.route, "ctxs": seen(staged.ins),
        "prev": numbered(&staged.prev), "ready": staged.ready, "order": staged.order,
    });
    if let Some(items) = &staged.items {
        value["items_count"] = json!(items.len());
    }
    if staged.completed {
        value["completed"] = json!(true);
    }
    if staged.run_on_fail {
        value["run_on_fail"] = json!(true);
    }
    if let Some(retry) = &staged.retry {
        value["retry"] = attempts_to_json(retry);
    }
    value
}

fn staged_from_json(value: &Value, ins: ViewId, graph: &Graph) -> Result<Staged, String> {
    let (task, route) = task_of(value, graph)?;
    let items = value.get("items").and_then(Value::as_array).map(|items| {
        let statuses = items.iter().map(|item| item["status"].as_str().and_then(Status::parse));
        statuses.map(Option::unwrap_or_default).collect()
    });
    let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or_default();
    Ok(Staged {
        task,
        route,
        ins,
        prev: pairs(value.get("prev")),
        ready: flag("ready"),
        items,
        completed: flag("completed"),
        retry: attempts_from_json(value.get("retry")),
        run_on_fail: flag("run_on_fail"),
        order: value["order"].as_u64().unwrap_or_default(),
    })
}
