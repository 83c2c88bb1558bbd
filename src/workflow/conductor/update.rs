//! Reports about tasks: their actions, their items, and the engine's own commands.

use serde_json::Value;

use super::{Conductor, Error, next::integer};
use crate::{
    pytext,
    workflow::{
        CurrentTask, Evaluate, Fault, Scope, Status,
        ir::{Command, Retry},
        log, machine,
        state::{Attempts, Entry, Key, Staged, Taken},
        views::ViewId,
    },
};

/// What became of a task, or of one of its items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskEvent {
    /// The status of the action.
    pub status: Status,
    /// What it answered.
    pub result: Value,
    /// Which item this is about.
    pub item: Option<usize>,
    /// What all items answered so far, in their order; for reports about items.
    pub accumulated: Value,
}

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Action,
    Command(Command),
    /// The conductor itself: the task will be tried again.
    Retry,
}

impl Conductor {
    /// Takes a report about a task.
    ///
    /// # Errors
    /// When the report fits no task that was to start; the state is as before.
    pub fn update(
        &mut self,
        task: &str,
        route: usize,
        event: &TaskEvent,
        evaluate: &dyn Evaluate,
    ) -> Result<(), Error> {
        let key = (self.graph.find(task).ok_or_else(|| Error::InvalidTask(task.to_owned()))?, route);
        self.report(key, event, Source::Action, evaluate)
    }

    pub(super) fn run_command(
        &mut self,
        key: Key,
        command: Command,
        evaluate: &dyn Evaluate,
    ) -> Result<(), Error> {
        let status = if command == Command::Fail { Status::Failed } else { Status::Succeeded };
        let event = TaskEvent { status, ..TaskEvent::default() };
        self.report(key, &event, Source::Command(command), evaluate)
    }

    fn report(
        &mut self,
        key: Key,
        event: &TaskEvent,
        source: Source,
        evaluate: &dyn Evaluate,
    ) -> Result<(), Error> {
        let graph = self.graph.clone();
        let task = &graph.tasks[key.0];
        let has_items = self.state.staged(key).is_some_and(|staged| staged.items.is_some());
        let ends = event.item.is_some() && !event.status.is_starting();
        if ends && !has_items && self.state.staged(key).is_some() {
            return Err(Error::Overrun(task.name.clone()));
        }
        let at = self.entry_for(key, event.status, source, evaluate)?;
        if !has_items {
            self.state.unstage(key);
        }
        if event.status == Status::Failed {
            let result = Some(&event.result).filter(|result| !result.is_null()).cloned();
            let message = "Execution failed. See result for details.".to_owned();
            let task = Some(task.name.clone());
            self.state.log(log::Entry { message, task, result, ..log::Entry::default() });
        }
        let old = self.state.entries[at].status;
        if let Some(status) = self.status_after(key, old, event, source) {
            self.state.set_entry_status(at, status);
        }
        let new = self.state.entries[at].status;
        if new == Status::Retrying {
            self.stage_attempt(key, at);
        }
        if new.is_completed() {
            self.settle_items(key, new);
            if new != old {
                let result = if task.items.is_none() || event.item.is_none() {
                    &event.result
                } else {
                    &event.accumulated
                };
                let nothing = Value::Array(Vec::new());
                let result = if task.items.is_some() && !pytext::truthy(result) { &nothing } else { result };
                if self.status().is_active() && self.wants_retry(at, result, evaluate) {
                    let event = TaskEvent { status: Status::Retrying, ..TaskEvent::default() };
                    return self.report(key, &event, Source::Retry, evaluate);
                }
                let commands = self.take_transitions(at, result, evaluate);
                self.tell_workflow(at)?;
                for (key, command) in commands {
                    self.run_command(key, command, evaluate)?;
                }
                self.close(at);
                return Ok(());
            }
        }
        self.tell_workflow(at)?;
        self.close(at);
        Ok(())
    }

    /// The task during whose report the workflow ended is one of its last.
    fn close(&mut self, at: usize) {
        if self.status().is_completed() && !self.state.entries[at].terminal {
            self.state.entry_mut(at).terminal = true;
        }
    }

    /// The entry the report is about: the last one, or a new one where the task begins (again).
    fn entry_for(
        &mut self,
        key: Key,
        status: Status,
        source: Source,
        evaluate: &dyn Evaluate,
    ) -> Result<usize, Error> {
        let last = self.state.last.get(&key).copied();
        let begins = match last {
            None => true,
            Some(at) => self.state.entries[at].status.is_completed() && status.is_starting(),
        };
        if let (Some(at), false) = (last, begins || matches!(source, Source::Command(_))) {
            return Ok(at);
        }
        let Some(staged) = self.state.staged(key) else {
            return Err(Error::NotStaged(self.graph.tasks[key.0].name.clone()));
        };
        let (ins, prev) = (staged.ins, staged.prev.clone());
        Ok(self.add_entry(key, ins, prev, evaluate))
    }

    pub(super) fn add_entry(
        &mut self,
        key: Key,
        ins: ViewId,
        prev: Vec<(String, usize)>,
        evaluate: &dyn Evaluate,
    ) -> usize {
        let graph = self.graph.clone();
        let task = &graph.tasks[key.0];
        let retry = match &task.retry {
            None => None,
            Some(retry) => match self.attempts(&task.name, retry, ins, evaluate) {
                Ok(attempts) => Some(attempts),
                Err(fault) => {
                    self.log_task(fault.0, key, None);
                    self.fail();
                    None
                }
            },
        };
        let next = vec![Taken::Open; task.next.len()];
        let (task, route) = key;
        self.state.add_entry(Entry { task, route, ins, prev, next, retry, ..Entry::default() })
    }

    fn attempts(
        &self,
        name: &str,
        retry: &Retry,
        ins: ViewId,
        evaluate: &dyn Evaluate,
    ) -> Result<Attempts, Fault> {
        let layers = self.state.layers(ins);
        let scope = Scope { layers, set: None, task: None, item: None, tasks: None };
        let number = |value: &Value, what: &str| -> Result<Value, Fault> {
            if !value.is_string() {
                return Ok(value.clone());
            }
            let value = evaluate.evaluate(value, &scope)?;
            match integer(&value) {
                Some(number) => Ok(number.into()),
                None => {
                    Err(Fault(format!("ValueError: The retry {what} for task \"{name}\" is not an integer.")))
                }
            }
        };
        let delay = number(&retry.delay, "delay")?;
        let count = number(&retry.count, "count")?;
        Ok(Attempts { when: retry.when.clone(), count: integer(&count).unwrap_or(0), delay, tally: 0 })
    }

    fn status_after(&mut self, key: Key, from: Status, event: &TaskEvent, source: Source) -> Option<Status> {
        match source {
            Source::Retry => (from.is_completed() && from != Status::Canceled).then_some(Status::Retrying),
            Source::Command(_) => (from == Status::Unset).then_some(event.status),
            Source::Action => match event.item {
                Some(item) if self.state.set_item(key, item, event.status).is_some() => {
                    machine::task_on_item(from, event.status, self.other_items(key, item))
                }
                _ => machine::task_on_action(from, event.status),
            },
        }
    }

    fn other_items(&self, key: Key, item: usize) -> machine::Items {
        let items = self.state.staged(key).and_then(|staged| staged.items.as_deref()).unwrap_or_default();
        let others = || items.iter().enumerate().filter(|(at, _)| *at != item).map(|(_, status)| *status);
        if others().any(Status::is_active) {
            machine::Items::Active
        } else if others().any(|status| matches!(status, Status::Pending | Status::Paused)) {
            machine::Items::Paused
        } else if others().any(|status| status == Status::Canceled) {
            machine::Items::Canceled
        } else if others().any(Status::is_abended) {
            machine::Items::Failed
        } else if others().any(|status| !status.is_completed()) {
            machine::Items::Incomplete
        } else {
            machine::Items::Completed
        }
    }

    /// Stages the task once more, with the delay between its attempts.
    fn stage_attempt(&mut self, key: Key, at: usize) {
        let entry = self.state.entry_mut(at);
        if let Some(retry) = &mut entry.retry {
            retry.tally += 1;
        }
        let (task, route) = key;
        let (ins, prev, retry) = (entry.ins, entry.prev.clone(), entry.retry.clone());
        self.rendered.remove(&key);
        self.state.stage(Staged { task, route, ins, prev, retry, ready: true, ..Staged::default() });
    }

    /// A task that has ended leaves; one whose items failed stays, as it may be rerun.
    fn settle_items(&mut self, key: Key, status: Status) {
        let Some(staged) = self.state.staged(key) else { return };
        if self.graph.tasks[key.0].items.is_some() && status.is_abended() {
            if let Some(staged) = self.state.staged_mut(key) {
                staged.completed = true;
            }
        } else if !staged.items.iter().flatten().any(|status| status.is_active()) {
            self.state.unstage(key);
        }
        self.rendered.remove(&key);
    }

    fn wants_retry(&mut self, at: usize, result: &Value, evaluate: &dyn Evaluate) -> bool {
        let entry = &self.state.entries[at];
        let key = (entry.task, entry.route);
        let Some(attempts) = entry.retry.as_ref().filter(|attempts| attempts.tally < attempts.count) else {
            return false;
        };
        let Some(when) = attempts.when.clone() else { return entry.status.is_abended() };
        match self.with_result(at, result, |scope| evaluate.evaluate(&when, scope)) {
            Ok(value) => pytext::truthy(&value),
            Err(fault) => {
                self.log_task(fault.0, key, None);
                self.fail();
                false
            }
        }
    }

    /// What an expression of a task that has just ended sees.
    pub(super) fn with_result<T>(&self, at: usize, result: &Value, f: impl FnOnce(&Scope<'_>) -> T) -> T {
        let entry = &self.state.entries[at];
        let layers = self.state.layers(entry.ins);
        let named = self.named();
        let name = &self.graph.tasks[entry.task].name;
        let task = Some(CurrentTask { name, route: entry.route, result: Some(result) });
        f(&Scope { layers, set: None, task, item: None, tasks: Some(&named) })
    }

    /// What the status of a task makes of the workflow's.
    fn tell_workflow(&mut self, at: usize) -> Result<(), Error> {
        let entry = &self.state.entries[at];
        let (key, status) = ((entry.task, entry.route), entry.status);
        if status == Status::Unset {
            return Err(Error::InvalidEvent("task_null".to_owned()));
        }
        let goes_on = self.goes_on(key);
        let remediated = status.is_abended() && (goes_on || self.leads_to_join(key));
        let report = if remediated { machine::Report::Remediated } else { machine::Report::Is(status) };
        let rest = if self.state.any(Status::is_cancel) {
            machine::Rest::Canceled
        } else if self.state.any(|status| status.is_pause() || status == Status::Pending) {
            machine::Rest::Paused
        } else if goes_on || self.state.ready().next().is_some() {
            machine::Rest::Incomplete
        } else {
            machine::Rest::Completed
        };
        let active = self.state.any_active();
        let Some(status) = machine::workflow_on_task(self.status(), report, active, rest) else {
            return Ok(());
        };
        self.state.set_status(status);
        if status.is_completed() {
            self.fail_on_unreachable_joins();
        }
        Ok(())
    }
}
