//! An orquesta workflow under way.

use super::{
    children::{Family, Origin, wanted},
    expressions::Expressions,
    tasks::{Item, Task, Tasks, value},
};
use crate::{
    clock,
    engine::{
        execution::Refusal,
        workflow::{Ask, Decision, Happened, Logic, Wanted},
    },
    model::{Execution, ExecutionStatus, TaskId},
    store::workflows::Piece,
    workflow::{Call, Conductor, Error, LogEntry, NextTask, Rerun, Status, TaskEvent},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The conductor, and what it is not to know.
pub(super) struct Run {
    pub(super) conductor: Conductor,
    pub(super) tasks: Tasks,
    family: Family,
    expressions: Expressions,
    /// Whether answers of tasks are kept for expressions that ask for them.
    keeps_results: bool,
    /// Whether the execution has been given a first result.
    is_told: bool,
    /// Whether it had failed before it could begin, by its inputs or variables: then it gives nothing.
    is_stillborn: bool,
    wanted: Vec<Wanted>,
    lines: Vec<String>,
}

impl Run {
    pub(super) fn new(
        conductor: Conductor,
        family: Family,
        tasks: Tasks,
        expressions: Expressions,
        keeps_results: bool,
    ) -> Self {
        let (wanted, lines) = (Vec::new(), Vec::new());
        Self {
            conductor,
            tasks,
            family,
            expressions,
            keeps_results,
            is_told: false,
            is_stillborn: false,
            wanted,
            lines,
        }
    }

    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Begun => {
                self.is_stillborn = self.conductor.status().is_completed();
                if matches!(self.conductor.status(), Status::Requested | Status::Scheduled) {
                    self.say("Requesting conductor to start running workflow execution.");
                    self.request_status(Status::Running);
                }
            }
            Happened::Child(child) => self.child(&child),
            Happened::Refused { key, refusal } => {
                if let Ok(id) = key.parse() {
                    self.refused(id, &refusal);
                }
            }
            Happened::Asked(ask) => self.request_status(match ask {
                Ask::Pause => Status::Paused,
                Ask::Resume => Status::Resuming,
                Ask::Cancel => Status::Canceled,
            }),
        }
    }

    fn request_status(&mut self, status: Status) {
        let before = self.conductor.status();
        // What cannot be is left as it is: an end has come first, or the workflow stands there already.
        let _ = self.conductor.request(status);
        let after = self.conductor.status();
        if before != after {
            self.say(format!("Updating workflow execution from status \"{before}\" to \"{after}\"."));
        }
    }

    /// A child changed.
    fn child(&mut self, child: &Arc<Execution>) {
        let Some(origin) = Origin::of(child) else { return };
        let Some(task) = self.tasks.get(origin.task) else { return };
        if task.status.is_completed() {
            return;
        }
        let (name, route) = (task.name.clone(), task.route);
        let was = match origin.item {
            Some(item) => self.conductor.items_of(&name, route).and_then(|items| items.get(item).copied()),
            None => Some(as_status(task.status)),
        };
        let (was, now) = (was.unwrap_or_default(), as_status(child.status));
        match now {
            Status::Pending | Status::Paused if was != now => {
                let what = if now == Status::Paused { "pause" } else { "pending" };
                self.say(format!(
                    "Handling {what} of action execution \"{}\" for task \"{name}\", route \"{route}\".",
                    child.id
                ));
                self.set_task_status(origin, child.status);
                self.report(&name, route, &event(now, origin));
            }
            Status::Running | Status::Resuming if was == Status::Paused => {
                self.resumed(origin, child, &name, route);
            }
            _ if now.is_completed() => {
                // What rests cannot end well: it was resumed, and nobody told.
                if now != Status::Canceled && self.conductor.rests(&name, route) {
                    self.resumed(origin, child, &name, route);
                } else if was == Status::Pending && self.conductor.status() == Status::Paused {
                    // An answer wakes the workflow, also one that came while it still went on because of another.
                    self.request_status(Status::Running);
                }
                self.ended(origin, child, &name, route);
            }
            _ => {}
        }
    }

    /// A child goes on. So does this workflow, but for what else is paused in it.
    fn resumed(&mut self, origin: Origin, child: &Execution, name: &str, route: usize) {
        self.say(format!(
            "Handling resume of action execution \"{}\" for task \"{name}\", route \"{route}\".",
            child.id
        ));
        self.set_task_status(origin, ExecutionStatus::Running);
        self.request_status(Status::Running);
        self.report(name, route, &event(Status::Running, origin));
    }

    fn set_task_status(&mut self, origin: Origin, status: ExecutionStatus) {
        if origin.item.is_none()
            && let Some(task) = self.tasks.change(origin.task)
        {
            task.status = status;
        }
    }

    /// A child ended.
    fn ended(&mut self, origin: Origin, child: &Arc<Execution>, name: &str, route: usize) {
        let status = child.status;
        self.say(format!(
            "Handling completion of action execution \"{}\" in status \"{status}\" for task \"{name}\", route \"{route}\".",
            child.id
        ));
        let mut event = TaskEvent {
            status: as_status(status),
            result: value(child.result.as_deref()),
            item: origin.item,
            accumulated: Value::Null,
        };
        if let Some(item) = origin.item {
            let result = child.result.clone();
            let Some(place) = self.tasks.item(origin.task, item) else { return };
            if place.as_ref().is_some_and(|item| item.status.is_completed()) {
                return;
            }
            *place = Some(Item { child: Some(child.id), status, result });
            let Some(task) = self.tasks.get(origin.task) else { return };
            let items = || task.items.iter().flatten();
            let all = items().all(|item| item.as_ref().is_some_and(|item| item.status.is_completed()));
            let ended = || items().flatten().filter(|item| item.status.is_completed());
            let well = ended().all(|item| item.status == ExecutionStatus::Succeeded);
            let known = self.conductor.items_of(name, route).unwrap_or_default();
            let others_run = known.iter().enumerate().any(|(at, status)| at != item && status.is_active());
            // While others run, or all goes well and some are left, nobody asks what the items answered.
            if !others_run && (all || !well || self.conductor.status() != Status::Running) {
                event.accumulated = task.item_results();
            }
            if all {
                self.end_task(
                    origin.task,
                    if well { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed },
                );
            }
        } else {
            self.end_task(origin.task, status);
            let kept = child.result.clone().filter(|_| self.keeps_results);
            if let Some(task) = self.tasks.change(origin.task) {
                task.result = kept;
            }
        }
        self.report(name, route, &event);
    }

    fn end_task(&mut self, id: TaskId, status: ExecutionStatus) {
        if let Some(task) = self.tasks.change(id) {
            task.status = status;
            task.end = Some(clock::now());
        }
    }

    fn report(&mut self, task: &str, route: usize, event: &TaskEvent) {
        let before = self.conductor.status();
        let told = self.conductor.update(task, route, event, &self.expressions.with(&self.tasks));
        if let Err(error) = told {
            self.fault(task, route, &error);
        }
        let after = self.conductor.status();
        if before != after {
            self.say(format!("Updating workflow execution from status \"{before}\" to \"{after}\"."));
        }
    }

    fn fault(&mut self, task: &str, route: usize, error: &Error) {
        self.say(format!(
            "Unknown error while processing task \"{task}\", route \"{route}\". {}: {error}",
            error.class()
        ));
        self.conductor.refuse(task, route, format!("{}: {error}", error.class()));
    }

    /// A child could not be requested: its task and the workflow fail.
    fn refused(&mut self, id: TaskId, refusal: &Refusal) {
        let Some(task) = self.tasks.change(id) else { return };
        task.status = ExecutionStatus::Failed;
        task.end = Some(clock::now());
        let (name, route) = (task.name.clone(), task.route);
        let message = format!("{}: {}", refusal.class, refusal.message);
        self.say(format!("Failed task execution for task \"{name}\", route \"{route}\". {message}"));
        self.conductor.refuse(&name, route, message);
    }

    /// Starts whatever may start now.
    fn go_on(&mut self) {
        loop {
            let next = self.conductor.next_tasks(&self.expressions.with(&self.tasks));
            if next.is_empty() {
                return;
            }
            let names: Vec<String> =
                next.iter().map(|task| format!("{} (route {})", task.name, task.route)).collect();
            self.say(format!("Identified the following set of tasks to execute next: {}", names.join(", ")));
            for task in &next {
                self.mark_running(task);
            }
            let mut ended = false;
            for task in &next {
                match self.request(task) {
                    Ok(done) => ended |= done,
                    Err((id, refusal)) => {
                        self.refused(id, &refusal);
                        return;
                    }
                }
            }
            if !ended {
                return;
            }
        }
    }

    fn mark_running(&mut self, task: &NextTask) {
        if task.items_count == Some(0) {
            self.report(
                &task.name,
                task.route,
                &TaskEvent { status: Status::Running, ..TaskEvent::default() },
            );
        }
        for call in &task.calls {
            let event = TaskEvent { status: Status::Running, item: call.item, ..TaskEvent::default() };
            self.report(&task.name, task.route, &event);
        }
    }

    /// Asks for the executions of a task; says whether it has ended already, because it needs none.
    fn request(&mut self, next: &NextTask) -> Result<bool, (TaskId, Refusal)> {
        let id = self.run_of(next);
        let (name, route) = (&next.name, next.route);
        let has_action = self.has_action(name);
        if !has_action || next.items_count == Some(0) {
            let why = if has_action { "has no items" } else { "is action less" };
            self.say(format!("Task \"{name}\", route \"{route}\", {why} and succeed by default."));
            self.end_task(id, ExecutionStatus::Succeeded);
            let event = TaskEvent { status: Status::Succeeded, ..TaskEvent::default() };
            self.report(name, route, &event);
            return Ok(true);
        }
        for call in &next.calls {
            self.call(id, next, call).map_err(|refusal| (id, refusal))?;
        }
        Ok(false)
    }

    fn has_action(&self, name: &str) -> bool {
        let graph = self.conductor.graph();
        graph.find(name).is_some_and(|task| !graph.tasks[task].action.is_null())
    }

    fn call(&mut self, id: TaskId, next: &NextTask, call: &Call) -> Result<(), Refusal> {
        let Some(task) = self.tasks.get(id) else { return Ok(()) };
        let child = self.family.request(task, next, call)?;
        self.wanted.push(wanted(Origin { task: id, item: call.item }, child));
        if let Some(item) = call.item
            && let Some(place) = self.tasks.item(id, item)
        {
            *place = Some(Item { child: None, status: ExecutionStatus::Requested, result: None });
        }
        Ok(())
    }

    /// The run of the task: the one under way if its items go on, else a new one.
    fn run_of(&mut self, next: &NextTask) -> TaskId {
        let before = self.tasks.last(&next.name, next.route);
        if let Some(before) = before
            && before.items.is_some()
            && !before.status.is_completed()
        {
            return before.id;
        }
        let items = next.items_count.map(|count| {
            let mut items = vec![None; count];
            // Items that do not run again keep what they gave.
            let known = self.conductor.items_of(&next.name, next.route).unwrap_or_default();
            let earlier = before.and_then(|before| before.items.as_ref());
            for (place, (status, item)) in
                items.iter_mut().zip(known.iter().zip(earlier.into_iter().flatten()))
            {
                if status.is_completed() {
                    place.clone_from(item);
                }
            }
            items
        });
        let task = Task {
            id: TaskId::generate(),
            name: next.name.clone(),
            route: next.route,
            status: ExecutionStatus::Running,
            items,
            result: None,
            start: clock::now(),
            end: None,
        };
        self.say(format!(
            "Task execution \"{}\" created for task \"{}\", route \"{}\".",
            task.id, task.name, task.route
        ));
        self.tasks.insert(task)
    }

    /// What it comes to.
    fn decision(&mut self) -> Decision {
        let status = self.conductor.status();
        let mut result = None;
        if status.is_completed() {
            if !self.is_stillborn {
                self.conductor.render_output(&self.expressions.with(&self.tasks));
            }
            result = Some(self.result());
            let status = self.conductor.status();
            self.say("No tasks identified to execute next.");
            self.say(format!("The workflow execution is completed with status \"{status}\"."));
        } else if !std::mem::replace(&mut self.is_told, true) {
            result = Some(json!({"output": null}));
        }
        Decision {
            wanted: std::mem::take(&mut self.wanted),
            status: execution_status(self.conductor.status()),
            result,
            lines: std::mem::take(&mut self.lines),
        }
    }

    fn result(&self) -> Value {
        let output = self.conductor.output().filter(|output| !output.is_empty());
        let mut result = json!({"output": output});
        if self.conductor.status().is_abended() {
            let errors = self.conductor.state().errors();
            result["errors"] = errors.iter().map(LogEntry::to_json).collect();
        }
        result
    }
}

impl Logic for Run {
    fn step(&mut self, happened: Vec<Happened>) -> Decision {
        for one in happened {
            self.take(one);
            self.go_on();
        }
        self.decision()
    }

    fn changes(&mut self) -> Vec<Piece> {
        let text = |value: Value| value.to_string();
        let pieces = self.conductor.take_changes().into_iter();
        let mut pieces: Vec<Piece> =
            pieces.map(|piece| Piece { key: piece.key, value: piece.value.map(text) }).collect();
        pieces.extend(self.tasks.changes());
        pieces
    }

    fn awaits(&self, child: &Execution) -> bool {
        let Some(origin) = Origin::in_context(&child.context) else { return false };
        let Some(task) = self.tasks.get(origin.task) else { return false };
        if task.status.is_completed() {
            return false;
        }
        match (origin.item, &task.items) {
            (Some(item), Some(items)) => {
                let open = |item: &Item| {
                    !item.status.is_completed() && item.child.is_none_or(|known| known == child.id)
                };
                items.get(item).is_some_and(|item| item.as_ref().is_some_and(open))
            }
            _ => true,
        }
    }

    fn rerun(
        &mut self,
        execution: &Arc<Execution>,
        names: &[String],
        reset: &[String],
    ) -> Result<(), String> {
        let mut unknown = Vec::new();
        let mut requests = Vec::new();
        for task in names {
            let routes = self.conductor.routes_of(task);
            if routes.is_empty() {
                unknown.push(task.as_str());
            }
            let reset_items = reset.contains(task);
            requests.extend(routes.into_iter().map(|route| Rerun { task: task.clone(), route, reset_items }));
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(",");
            return Err(format!(
                "Unable to rerun workflow because one or more tasks is not found: {unknown}"
            ));
        }
        let told = self.conductor.rerun(&requests, &self.expressions.with(&self.tasks));
        told.map_err(|error| error.to_string())?;
        self.is_told = false;
        self.family.move_to(execution);
        Ok(())
    }
}

/// A report that a task, or one of its items, stands there.
fn event(status: Status, origin: Origin) -> TaskEvent {
    TaskEvent { status, item: origin.item, ..TaskEvent::default() }
}

fn as_status(status: ExecutionStatus) -> Status {
    Status::parse(status.as_str()).unwrap_or_default()
}

/// The status of the execution of a workflow in this status.
fn execution_status(status: Status) -> ExecutionStatus {
    match status {
        Status::Unset | Status::Requested | Status::Scheduled | Status::Delayed | Status::Retrying => {
            ExecutionStatus::Running
        }
        other => other.as_str().parse().unwrap_or(ExecutionStatus::Running),
    }
}
