//! What to start: the tasks that are ready, rendered.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Conductor;
use crate::{
    pytext,
    workflow::{
        CurrentTask, Evaluate, Fault, Scope, Status, evaluate,
        ir::Items,
        state::{Key, Staged},
    },
};

/// A task to start, or to go on with.
#[derive(Debug, Clone, PartialEq)]
pub struct NextTask {
    /// The task.
    pub name: String,
    /// Its route.
    pub route: usize,
    /// What to run: one call, or one per item that may start now.
    pub calls: Vec<Call>,
    /// Seconds to wait before.
    pub delay: Option<i64>,
    /// How many items the task has, if it has items.
    pub items_count: Option<usize>,
    /// How many items may run at once.
    pub concurrency: Option<i64>,
}

/// One run of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The action; `null` for a task that does nothing.
    pub action: Value,
    /// Its parameters; `null` for none.
    pub input: Value,
    /// Which item it is for.
    pub item: Option<usize>,
}

impl Conductor {
    /// The tasks to start now, by name and route.
    ///
    /// An expression that fails is logged and fails the workflow, and nothing is started: neither the task
    /// it belongs to nor the others.
    pub fn next_tasks(&mut self, evaluate: &dyn Evaluate) -> Vec<NextTask> {
        let failed = self.status() == Status::Failed;
        let keys = |only_on_fail: bool| -> Vec<Key> {
            let ready = self.state.ready().filter(|staged| !only_on_fail || staged.run_on_fail);
            ready.map(|staged| (staged.task, staged.route)).collect()
        };
        let keys = match (failed, self.status().may_start_tasks()) {
            (true, _) => keys(true),
            (false, true) => keys(false),
            (false, false) => return Vec::new(),
        };
        let mut tasks = Vec::new();
        let mut faults = false;
        for key in keys {
            match self.next_task(key, evaluate) {
                Ok(Some(task)) => tasks.push(task),
                Ok(None) => {}
                Err(fault) => {
                    faults = true;
                    self.log_task(fault.0, key, None);
                }
            }
        }
        if faults {
            self.fail();
            return Vec::new();
        }
        tasks.sort_by(|a, b| (&a.name, a.route).cmp(&(&b.name, b.route)));
        tasks
    }

    /// The context of a staged or started task, as its expressions see it.
    pub fn context_of(&self, task: &str, route: usize) -> Option<Map<String, Value>> {
        let key = (self.graph.find(task)?, route);
        let ins = match self.state.staged(key) {
            Some(staged) => staged.ins,
            None => self.state.last(key)?.ins,
        };
        let mut context = evaluate::merged(self.state.layers(ins));
        context.retain(|name, _| !name.starts_with("__"));
        Some(context)
    }

    fn next_task(&mut self, key: Key, evaluate: &dyn Evaluate) -> Result<Option<NextTask>, Fault> {
        let graph = self.graph.clone();
        let task = &graph.tasks[key.0];
        let Some(staged) = self.state.staged(key) else { return Ok(None) };
        let layers = self.state.layers(staged.ins);
        let named = self.named();
        let current = CurrentTask { name: &task.name, route: key.1, result: None };
        let scope = Scope { layers, set: None, task: Some(current), item: None, tasks: Some(&named) };
        let rendered = match (&task.items, self.rendered.get(&key)) {
            (None, _) => Arc::new(vec![call(&task.action, &task.input, &scope, None, evaluate)?]),
            (Some(_), Some(rendered)) => rendered.clone(),
            (Some(items), None) => Arc::new(calls(items, &task.action, &task.input, &scope, evaluate)?),
        };
        let delay = match &staged.retry {
            Some(attempts) => Some(attempts.delay.as_i64().unwrap_or(0)),
            None => delay(&task.delay, &scope, evaluate)?,
        };
        let next = |calls, items_count, concurrency| NextTask {
            name: task.name.clone(),
            route: key.1,
            calls,
            delay,
            items_count,
            concurrency,
        };
        let Some(items) = &task.items else { return Ok(Some(next(rendered.to_vec(), None, None))) };
        let concurrency = concurrency(&items.concurrency, &scope, evaluate)?;
        let (chosen, fresh) = choose(staged, &rendered, concurrency);
        if fresh {
            self.state.set_items(key, Some(vec![Status::Unset; rendered.len()]));
        }
        let count = rendered.len();
        let chosen: Vec<Call> = chosen.into_iter().map(|at| rendered[at].clone()).collect();
        self.rendered.insert(key, rendered);
        if chosen.is_empty() && count > 0 {
            return Ok(None);
        }
        Ok(Some(next(chosen, Some(count), concurrency)))
    }
}

/// The items to start now, and whether the task has to begin counting them.
fn choose(staged: &Staged, rendered: &[Call], concurrency: Option<i64>) -> (Vec<usize>, bool) {
    let known = staged.items.as_ref().filter(|items| !items.is_empty());
    let status = |at: usize| known.and_then(|items| items.get(at).copied()).unwrap_or_default();
    let waiting = (0..rendered.len()).filter(|at| status(*at) == Status::Unset);
    let chosen = match concurrency {
        None => waiting.collect(),
        Some(limit) => {
            let active = known.map_or(0, |items| items.iter().filter(|status| status.is_active()).count());
            waiting.take((limit as usize).saturating_sub(active)).collect()
        }
    };
    (chosen, known.is_none())
}

fn call(
    action: &Value,
    input: &Value,
    scope: &Scope<'_>,
    item: Option<usize>,
    evaluate: &dyn Evaluate,
) -> Result<Call, Fault> {
    let action = evaluate.evaluate(action, scope)?;
    let input = evaluate.evaluate(input, scope)?;
    Ok(Call { action, input, item })
}

fn calls(
    items: &Items,
    action: &Value,
    input: &Value,
    scope: &Scope<'_>,
    evaluate: &dyn Evaluate,
) -> Result<Vec<Call>, Fault> {
    let Value::Array(list) = evaluate.evaluate(&items.list, scope)? else {
        let text = pytext::str(&items.list);
        return Err(Fault(format!("TypeError: The value of \"{text}\" is not type of list.")));
    };
    list.into_iter()
        .enumerate()
        .map(|(at, item)| {
            let item = named_item(item, &items.names);
            let scope = Scope { item: Some(&item), ..*scope };
            call(action, input, &scope, Some(at), evaluate)
        })
        .collect()
}

/// An item as `item()` gives it: its parts under their names, or as it is.
fn named_item(item: Value, names: &[String]) -> Value {
    match (item, names) {
        (Value::Array(parts), names) if !names.is_empty() => {
            Value::Object(names.iter().cloned().zip(parts).collect())
        }
        (item, [name]) => Value::Object(Map::from_iter([(name.clone(), item)])),
        (item, _) => item,
    }
}

fn delay(value: &Value, scope: &Scope<'_>, evaluate: &dyn Evaluate) -> Result<Option<i64>, Fault> {
    if !pytext::truthy(value) {
        return Ok(None);
    }
    let value = if value.is_string() { &evaluate.evaluate(value, scope)? } else { value };
    let fault = || Fault("TypeError: The value of task delay is not type of integer.".to_owned());
    integer(value).map(Some).ok_or_else(fault)
}

/// At most so many items at once; a limit below one lets one run.
fn concurrency(value: &Value, scope: &Scope<'_>, evaluate: &dyn Evaluate) -> Result<Option<i64>, Fault> {
    let value = evaluate.evaluate(value, scope)?;
    if value.is_null() {
        return Ok(None);
    }
    let fault = || {
        Fault(format!(
            "TypeError: '<=' not supported between instances of '{}' and 'int'",
            pytext::type_name(&value)
        ))
    };
    integer(&value).map(|limit| Some(limit.max(1))).ok_or_else(fault)
}

/// A whole number in Python's sense: `True` is one.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Number(number) if pytext::is_int(number) => number.as_i64(),
        _ => None,
    }
}
