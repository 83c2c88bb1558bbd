//! `conductor`: whole runs, step by step, through our own expressions.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};
use st2d::workflow::{
    Conductor, Expressions, NextTask, Piece, Rerun, State, Status, TaskEvent, orquesta::Definition,
};

use super::orquesta::Recorded;
use crate::support::corpus::{self, Case, Differences, plain, same};

const DIFFERENCES: &Differences = &[];

#[test]
fn runs_go_as_recorded() {
    corpus::run(
        "conductor",
        |_| true,
        DIFFERENCES,
        |case| {
            let outside = Recorded::default();
            let expressions = Expressions::new(&outside);
            let mut replay = Replay::begin(case, &expressions)?;
            for (at, step) in case.value["steps"].as_array().into_iter().flatten().enumerate() {
                replay.step(step).map_err(|what| format!("step {at}, {}: {what}", step["do"]))?;
            }
            Ok(())
        },
    );
}

struct Replay<'a> {
    conductor: Conductor,
    expressions: &'a Expressions<'a>,
    /// What would lie in the store.
    saved: BTreeMap<String, Value>,
}

impl<'a> Replay<'a> {
    fn begin(case: &Case<'_>, expressions: &'a Expressions<'a>) -> Result<Self, String> {
        let definition = Definition::of(case.need("spec").clone()).map_err(|error| error.to_string())?;
        let graph = Arc::new(definition.compile().map_err(|error| error.to_string())?);
        let object = |name: &str| case.value[name].as_object().cloned().unwrap_or_default();
        let conductor = Conductor::new(graph, object("context"), &object("inputs"), expressions);
        Ok(Self { conductor, expressions, saved: BTreeMap::new() })
    }

    fn step(&mut self, step: &Value) -> Result<(), String> {
        let then = &step["then"];
        let mut raised = None;
        match step["do"].as_str().unwrap_or_default() {
            "request_status" => raised = self.conductor.request(status(&step["status"])?).err(),
            "next_tasks" => {
                let tasks = self.conductor.next_tasks(self.expressions);
                let tasks: Value = tasks.iter().map(|task| self.told(task)).collect();
                same(&tasks, &plain(&then["tasks"]))?;
            }
            "event" => {
                let route = step["route"].as_u64().unwrap_or_default() as usize;
                let task = step["task"].as_str().unwrap_or_default();
                raised = self.conductor.update(task, route, &event(&step["event"])?, self.expressions).err();
            }
            "render_output" => self.conductor.render_output(self.expressions),
            "output" => {
                let output = self.conductor.output().cloned().map_or(Value::Null, Value::Object);
                same(&output, &plain(&then["output"]))?;
            }
            "rerun" => raised = self.conductor.rerun(&requests(&step["kwargs"]), self.expressions).err(),
            "save_and_load" => return self.save_and_load(),
            other => return Err(format!("there is no step {other:?}")),
        }
        let raised = raised.map(|error| format!("{}: {error}", error.class()));
        let expected = then["raises"].as_str().map(str::to_owned);
        if raised != expected {
            return Err(format!("raised {raised:?}, expected {expected:?}"));
        }
        let got = self.conductor.status();
        if got.as_str() != then["status"] {
            return Err(format!("status {got:?}, expected {}", then["status"]));
        }
        let errors: Value =
            self.conductor.state().errors().iter().map(st2d::workflow::LogEntry::to_json).collect();
        same(&errors, &plain(&then["errors"]))
    }

    /// A task to start, as the corpus writes it.
    fn told(&self, task: &NextTask) -> Value {
        let actions = task.calls.iter().map(|call| {
            let mut action = json!({"action": call.action, "input": call.input});
            if let Some(item) = call.item {
                action["item_id"] = json!(item);
            }
            action
        });
        let mut told = json!({
            "id": task.name, "route": task.route, "actions": actions.collect::<Value>(),
            "ctx": self.conductor.context_of(&task.name, task.route),
        });
        if let Some(delay) = task.delay {
            told["delay"] = json!(delay);
        }
        if let Some(count) = task.items_count {
            told["items_count"] = json!(count);
        }
        if let Some(concurrency) = task.concurrency {
            told["concurrency"] = json!(concurrency);
        }
        told
    }

    /// Goes on with what the store would have, and checks that StackStorm's document says the same.
    fn save_and_load(&mut self) -> Result<(), String> {
        for Piece { key, value } in self.conductor.take_changes() {
            match value {
                Some(value) => _ = self.saved.insert(key, value),
                None => _ = self.saved.remove(&key),
            }
        }
        let graph = self.conductor.graph().clone();
        let pieces =
            self.saved.iter().map(|(key, value)| Piece { key: key.clone(), value: Some(value.clone()) });
        let state = State::from_pieces(pieces, &graph)?;
        let before = self.conductor.state().to_document(&graph);
        same(&state.to_document(&graph), &before)?;
        let errors: Vec<Value> = state.errors().iter().map(st2d::workflow::LogEntry::to_json).collect();
        let output = self.conductor.output().cloned().map_or(Value::Null, Value::Object);
        let again = State::from_document(&before, &errors, &output, &graph)?;
        same(&again.to_document(&graph), &before)?;
        self.conductor = Conductor::restore(graph, state);
        let after = self.conductor.output().cloned().map_or(Value::Null, Value::Object);
        same(&after, &output)
    }
}

fn status(value: &Value) -> Result<Status, String> {
    Status::parse(value.as_str().unwrap_or("null")).ok_or_else(|| format!("there is no status {value}"))
}

fn event(event: &Value) -> Result<TaskEvent, String> {
    let of_item = event["cls"] == "TaskItemActionExecutionEvent";
    Ok(TaskEvent {
        status: status(&event["status"])?,
        result: plain(&event["result"]),
        item: event["item_id"].as_u64().filter(|_| of_item).map(|item| item as usize),
        accumulated: plain(&event["accumulated_result"]),
    })
}

/// The tasks to run again: a list of requests, or one that holds a list.
fn requests(kwargs: &Value) -> Vec<Rerun> {
    let requests = &kwargs["task_requests"];
    let specs: Vec<&Map<String, Value>> = match requests {
        Value::Array(requests) => requests.iter().filter_map(|one| one["spec"].as_object()).collect(),
        Value::Object(_) => {
            requests["spec"].as_array().into_iter().flatten().filter_map(Value::as_object).collect()
        }
        _ => Vec::new(),
    };
    let flag =
        |spec: &Map<String, Value>| spec.get("reset_items").and_then(Value::as_bool).unwrap_or_default();
    specs
        .into_iter()
        .map(|spec| Rerun {
            task: spec.get("task_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            route: spec.get("route").and_then(Value::as_u64).unwrap_or_default() as usize,
            reset_items: flag(spec),
        })
        .collect()
}
