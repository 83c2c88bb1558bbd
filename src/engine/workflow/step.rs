//! A step on its way into the rows, and what follows its commit.

use super::{
    flow::{Flow, is_workflow},
    heard,
};
use crate::{
    clock,
    engine::{execution::Admitted, runner::container::update},
    model::{Execution, ExecutionStatus},
    store::{
        ledger::Transition,
        workflows::{Done, Step},
    },
};
use serde_json::{Map, Value, json, value::to_raw_value};
use std::sync::Arc;

/// What a step holds.
pub(super) struct Gathered {
    pub(super) children: Vec<Admitted>,
    pub(super) status: ExecutionStatus,
    pub(super) result: Option<Value>,
    pub(super) lines: Vec<String>,
}

/// Whether the workflow goes on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Going,
    Over,
}

impl Gathered {
    pub(super) fn new(status: ExecutionStatus) -> Self {
        Self { children: Vec::new(), status, result: None, lines: Vec::new() }
    }
}

impl Flow {
    /// Stores a step, then tells of it and lets the children go their ways.
    pub(super) async fn store(&mut self, gathered: Gathered) -> Next {
        let Gathered { children, status, result, lines } = gathered;
        let bus = self.engine.store().bus().clone();
        let (output, said) = self.progress.say(lines, &bus);
        let ids: Vec<_> = children.iter().map(|child| child.execution().id).collect();
        let change = self.change(status, result.as_ref());
        let step = Step {
            execution: self.execution.id,
            holder: self.execution.holder.unwrap_or_default(),
            workflow: self.workflow,
            begun: self.begun.clone(),
            pieces: self.logic.as_mut().map(|logic| logic.changes()).unwrap_or_default(),
            children: children.iter().map(|child| child.row.clone()).collect(),
            transition: change.as_ref().map(|(change, _)| change.clone()),
            output,
        };
        let done = match self.engine.shared.ledger.step(step).await {
            Ok(done) => done,
            Err(error) => {
                for child in children {
                    child.forget(&self.engine);
                }
                self.give_up(&format!("The workflow's state could not be stored: {error}")).await;
                return Next::Over;
            }
        };
        if done == Done::NotHeld {
            for child in children {
                child.forget(&self.engine);
            }
            let _ = self.reload().await;
            return Next::Over;
        }
        self.begun = None;
        for event in said {
            bus.publish(event);
        }
        for child in &children {
            for event in child.events(&self.engine) {
                bus.publish(event);
            }
            if !child.execution().status.is_completed() {
                let execution = child.execution();
                self.active.insert(execution.id, is_workflow(execution));
                self.engine.shared.flows.awaited.lock().insert(execution.id);
            }
        }
        let mut next = change.map(|(_, next)| next);
        if done == Done::Unmoved {
            next = None;
            if self.reload().await.is_none() {
                for child in children {
                    child.begin(&self.engine);
                }
                return Next::Over;
            }
        }
        if next.is_some() || !ids.is_empty() {
            let mut now = next.unwrap_or_else(|| Execution::clone(&self.execution));
            now.children.extend(ids);
            self.execution = Arc::new(now);
            // Also without subscribers: stages hear of ends.
            bus.publish(update(self.execution.clone()));
        }
        for child in children {
            child.begin(&self.engine);
        }
        if done == Done::Unmoved {
            return self.insist(status, result).await;
        }
        heard(&self.engine, &self.execution);
        if self.execution.status.is_completed() { Next::Over } else { Next::Going }
    }

    /// What its context is to say about it.
    pub(super) fn notes(&self) -> Map<String, Value> {
        let mut notes = self.logic.as_ref().map(|logic| logic.notes()).unwrap_or_default();
        if super::language(&self.execution.snapshot).is_some_and(|language| language.name() == "orquesta") {
            // With every change: who asked for something while the first step was made may have laid an older context
            // over it.
            notes.insert("workflow_execution".to_owned(), json!(self.workflow));
        }
        notes
    }

    /// The change of its own execution, if there is one, and the execution after it.
    fn change(&self, status: ExecutionStatus, result: Option<&Value>) -> Option<(Transition, Execution)> {
        use ExecutionStatus::{Failed, Paused, Resuming, Running, Succeeded};
        let current = &self.execution;
        let to = match (current.status, status) {
            (from, to) if from == to => vec![],
            (Paused, Running) => vec![Resuming, Running],
            // What was asked to go on did so, however soon it ended.
            (Paused, to @ (Succeeded | Failed)) => vec![Resuming, Running, to],
            (Resuming, to @ (Succeeded | Failed)) => vec![Running, to],
            (_, to) => vec![to],
        };
        let noted = noted(current, self.notes());
        if to.is_empty() && result.is_none() && noted.is_none() {
            return None;
        }
        let at = clock::now();
        let result = result.and_then(|result| to_raw_value(result).ok()).map(Arc::from);
        let mut next = current.moved(&to, result.clone(), at);
        let context = noted.map(|context| {
            next.context = Arc::new(context);
            serde_json::to_string(&*next.context).unwrap_or_default()
        });
        let change = Transition {
            id: current.id,
            from: vec![current.status],
            to,
            at,
            result,
            context,
            holder: current.holder,
        };
        Some((change, next))
    }

    /// Somebody changed the row while the step was made. An end counts all the same; anything else is decided anew,
    /// for what was asked is told to the workflow now.
    async fn insist(&mut self, status: ExecutionStatus, result: Option<Value>) -> Next {
        if !status.is_completed() {
            super::look(&self.engine, self.execution.id);
            return Next::Going;
        }
        self.end_as(status, &result.unwrap_or_default()).await;
        Next::Over
    }
}

/// The context of an execution with these notes, if they are news to it.
pub(super) fn noted(execution: &Execution, mut notes: Map<String, Value>) -> Option<Map<String, Value>> {
    let context = execution.context.as_ref();
    notes.retain(|name, value| context.get(name) != Some(value));
    if notes.is_empty() {
        return None;
    }
    let mut context = context.clone();
    context.extend(notes);
    Some(context)
}
