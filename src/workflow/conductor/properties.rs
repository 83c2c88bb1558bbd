//! What holds for every definition, whatever becomes of its tasks.
//!
//! Definitions are made up: forks, joins, splits, items, retries, cycles that count. So is what their actions
//! answer, in which order, and who pauses, resumes and cancels in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Conductor, TaskEvent};
use crate::{
    clock,
    expr::orquesta::{Problem, Row, Scope as KeyScope},
    workflow::{Expressions, Outside, Piece, State, Status, orquesta::Definition},
};

/// More steps than any of these definitions takes.
const PATIENCE: usize = 4_000;

/// No rows.
struct Nothing;

impl Outside for Nothing {
    fn task_execution(&self, _task: &str, _route: usize) -> Result<Option<Row>, Problem> {
        Ok(None)
    }

    fn key(&self, _scope: KeyScope<'_>, _name: &str, _decrypt: bool) -> Result<Option<Value>, Problem> {
        Ok(None)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        clock::now()
    }
}

/// A task as it was made up: what it is, and where it leads.
#[derive(Debug, Clone)]
struct Made {
    kind: u8,
    join: u8,
    next: Vec<(u8, Vec<u8>)>,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let step = (0..6_u8, prop::collection::vec(any::<u8>(), 1..3));
    let task = (any::<u8>(), any::<u8>(), prop::collection::vec(step, 0..3));
    prop::collection::vec(task.prop_map(|(kind, join, next)| Made { kind, join, next }), 1..8)
}

/// The definition; with `cycles`, some transitions lead back, as long as a counter allows.
fn definition(made: &[Made], cycles: bool) -> Value {
    let name = |at: usize| format!("t{at}");
    let mut sources: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut tasks = Map::new();
    for (at, task) in made.iter().enumerate() {
        let mut fields = Map::new();
        if task.kind % 7 != 0 {
            fields.insert("action".to_owned(), json!("core.noop"));
        }
        match task.kind % 7 {
            1 => _ = fields.insert("with".to_owned(), json!({"items": "<% ctx(xs) %>"})),
            2 => {
                let with = json!({"items": "i in <% ctx(xs) %>", "concurrency": task.kind / 7 % 3});
                fields.insert("with".to_owned(), with);
            }
            3 => _ = fields.insert("retry".to_owned(), json!({"count": 2})),
            _ => {}
        }
        let mut next = Vec::new();
        for (when, to) in &task.next {
            let mut transition = Map::new();
            let mut goals = Vec::new();
            let mut leads_back = false;
            for to in to {
                let rest = made.len() - at - 1;
                let goal = match to % 8 {
                    0 => "fail".to_owned(),
                    1 => "noop".to_owned(),
                    2 if cycles && at > 0 => {
                        leads_back = true;
                        name(1 + usize::from(*to) / 8 % at)
                    }
                    _ if rest == 0 => "continue".to_owned(),
                    _ => {
                        let goal = at + 1 + usize::from(*to) / 8 % rest;
                        sources.entry(goal).or_default().insert(at);
                        name(goal)
                    }
                };
                if !goals.contains(&goal) {
                    goals.push(goal);
                }
            }
            let when = match when {
                0 => None,
                1 | 2 => Some("succeeded()"),
                3 => Some("failed()"),
                4 => Some("ctx(n) < 2"),
                _ => Some("result() = null or true"),
            };
            if leads_back {
                transition.insert("when".to_owned(), json!("<% ctx(n) < 2 %>"));
                transition.insert("publish".to_owned(), json!([{"n": "<% ctx(n) + 1 %>"}]));
            } else if let Some(when) = when {
                transition.insert("when".to_owned(), json!(format!("<% {when} %>")));
            }
            transition.insert("do".to_owned(), json!(goals));
            next.push(Value::Object(transition));
        }
        if !next.is_empty() {
            fields.insert("next".to_owned(), Value::Array(next));
        }
        tasks.insert(name(at), Value::Object(fields));
    }
    for (goal, sources) in sources {
        let task = &made[goal];
        let join = match task.join % 4 {
            0 => json!("all"),
            1 => json!(1 + usize::from(task.join) / 4 % sources.len()),
            _ => continue,
        };
        tasks[&name(goal)]["join"] = join;
    }
    json!({
        "version": 1.0, "input": [{"xs": [1, 2, 3]}], "vars": [{"n": 0}], "tasks": tasks,
        "output": [{"n": "<% ctx(n) %>"}],
    })
}

/// How many ways lead through the definition: tasks that several transitions lead to run once for each.
fn ways(document: &Value) -> usize {
    let tasks = document["tasks"].as_object().unwrap();
    let mut ways: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, task) in tasks.iter().rev() {
        let goals = task["next"].as_array().into_iter().flatten();
        let goals = goals.flat_map(|next| next["do"].as_array().into_iter().flatten());
        let goals = goals.filter_map(|goal| ways.get(goal.as_str().unwrap_or_default()));
        let sum = 1 + goals.sum::<usize>();
        ways.insert(name, sum);
    }
    ways.values().sum()
}

/// One run of an action that is under way.
type Running = (String, usize, Option<usize>);

struct Drive {
    /// No task may be started while it runs. Where a cycle leads out of itself it may: StackStorm runs it again.
    strict: bool,
    conductor: Conductor,
    running: Vec<Running>,
    /// What the items of a task answered.
    answers: BTreeMap<(String, usize), Vec<Value>>,
    /// How often each was started.
    started: BTreeMap<Running, usize>,
    /// What would lie in the store.
    saved: BTreeMap<String, Value>,
}

impl Drive {
    fn begin(document: Value, strict: bool) -> Self {
        let graph = Arc::new(Definition::of(document).unwrap().compile().unwrap());
        let expressions = Expressions::new(&Nothing);
        let conductor = Conductor::new(graph, Map::new(), &Map::new(), &expressions);
        let (answers, started, saved) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { strict, conductor, running: Vec::new(), answers, started, saved }
    }

    fn tell(&mut self, task: &str, route: usize, event: &TaskEvent) {
        let told = self.conductor.update(task, route, event, &Expressions::new(&Nothing));
        assert!(told.is_ok() || !self.strict, "{task}: {told:?}");
        // As the engine does it.
        if let Err(error) = told {
            self.conductor.refuse(task, route, error.to_string());
        }
    }

    /// Starts all that may start; a copy made of what the store has must say the same.
    fn start(&mut self) {
        loop {
            let mut copy = self.reloaded();
            let next = self.conductor.next_tasks(&Expressions::new(&Nothing));
            assert_eq!(copy.next_tasks(&Expressions::new(&Nothing)), next);
            let mut went_on = false;
            for task in next {
                let event = |status, item, result: Value| TaskEvent {
                    status,
                    item,
                    accumulated: result.clone(),
                    result,
                };
                if task.calls.iter().all(|call| call.action.is_null()) {
                    let result = if task.items_count.is_some() { json!([]) } else { Value::Null };
                    self.tell(&task.name, task.route, &event(Status::Running, None, Value::Null));
                    self.tell(&task.name, task.route, &event(Status::Succeeded, None, result));
                    went_on = true;
                    continue;
                }
                if let Some(count) = task.items_count {
                    let known = self.answers.entry((task.name.clone(), task.route)).or_default();
                    known.resize(count, Value::Null);
                }
                for call in &task.calls {
                    let one = (task.name.clone(), task.route, call.item);
                    let runs = self.running.contains(&one);
                    assert!(!runs || !self.strict, "{one:?} was started while it runs");
                    *self.started.entry(one.clone()).or_default() += 1;
                    self.tell(&task.name, task.route, &event(Status::Running, call.item, Value::Null));
                    self.running.push(one);
                }
            }
            if !went_on {
                return;
            }
        }
    }

    /// Ends one of what runs.
    fn end(&mut self, which: u8, how: u8) {
        let (task, route, item) = self.running.swap_remove(usize::from(which) % self.running.len());
        let status = match how % 8 {
            0 => Status::Failed,
            1 => Status::Timeout,
            _ => Status::Succeeded,
        };
        let result = json!({"n": how});
        let mut accumulated = Value::Null;
        if let (Some(item), Some(answers)) = (item, self.answers.get_mut(&(task.clone(), route))) {
            answers[item] = result.clone();
            accumulated = Value::Array(answers.clone());
        }
        self.tell(&task, route, &TaskEvent { status, result, item, accumulated });
    }

    /// The run as the store would have it.
    fn reloaded(&mut self) -> Conductor {
        for Piece { key, value } in self.conductor.take_changes() {
            match value {
                Some(value) => _ = self.saved.insert(key, value),
                None => _ = self.saved.remove(&key),
            }
        }
        let graph = self.conductor.graph().clone();
        let pieces =
            self.saved.iter().map(|(key, value)| Piece { key: key.clone(), value: Some(value.clone()) });
        let state = State::from_pieces(pieces, &graph).unwrap();
        assert_eq!(state.to_document(&graph), self.conductor.state().to_document(&graph));
        let errors =
            |state: &State| state.errors().iter().map(super::log::Entry::to_json).collect::<Vec<_>>();
        assert_eq!(errors(&state), errors(self.conductor.state()));
        Conductor::restore(graph, state)
    }

    /// Runs to the end, by what the bytes say: which action ends how, and what is asked of the workflow.
    fn run(&mut self, bytes: &[u8], requests: bool) {
        let mut bytes = bytes.iter().copied().cycle();
        let mut byte = || bytes.next().unwrap_or(7);
        for step in 0..PATIENCE {
            let ask = byte();
            if step == 0 && self.conductor.status() == Status::Unset {
                self.conductor.request(Status::Running).unwrap();
            } else if requests && step < 100 {
                let request = match ask % 16 {
                    0 => Some(Status::Paused),
                    1 => Some(Status::Resuming),
                    2 if ask > 200 => Some(Status::Canceled),
                    _ => None,
                };
                // One that does not fit is refused and changes nothing.
                if let Some(request) = request {
                    let before = self.conductor.status();
                    if self.conductor.request(request).is_err() {
                        assert_eq!(self.conductor.status(), before);
                    }
                }
            }
            self.start();
            if !self.running.is_empty() {
                let (which, how) = (byte(), byte());
                self.end(which, how);
                // A crash: what is in memory is gone.
                if ask % 5 == 0 {
                    self.conductor = self.reloaded();
                }
                continue;
            }
            let status = self.conductor.status();
            if status.is_completed() {
                self.conductor.render_output(&Expressions::new(&Nothing));
                self.reloaded();
                return;
            }
            assert!(status.is_pause(), "nothing runs, and the workflow is {status}");
            self.conductor.request(Status::Resuming).unwrap();
        }
        panic!("it does not end");
    }
}

#[test]
fn a_join_whose_items_have_failed_is_not_begun_by_a_late_arrival() {
    let task = |kind, join, next: &[(u8, Vec<u8>)]| Made { kind, join, next: next.to_vec() };
    // The last one needs one of two tasks that lead to it; the other of them also fails the workflow.
    let made = [
        task(17, 0, &[]),
        task(1, 0, &[(0, vec![40, 42])]),
        task(21, 0, &[(0, vec![2])]),
        task(183, 233, &[]),
    ];
    let mut drive = Drive::begin(definition(&made, false), true);
    drive.run(&[86, 232], false);
    assert!(drive.started.values().all(|times| *times <= 3), "{:?}", drive.started);
    let joined = drive.started.iter().filter(|((task, ..), _)| task == "t3");
    assert!(joined.map(|(_, times)| *times).eq([1, 1, 1]), "{:?}", drive.started);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 2_000 }))]

    #[test]
    fn every_run_ends_and_nothing_starts_twice(made in made(), bytes in prop::collection::vec(any::<u8>(), 1..60)) {
        let document = definition(&made, false);
        prop_assume!(ways(&document) < 200);
        let mut drive = Drive::begin(document, true);
        drive.run(&bytes, false);
        for ((task, route, item), times) in &drive.started {
            let at: usize = task[1..].parse().unwrap();
            let most = if made[at].kind % 7 == 3 { 3 } else { 1 };
            prop_assert!(*times <= most, "{task} on route {route}, item {item:?}: {times} times");
        }
    }

    #[test]
    fn runs_that_are_paused_cancelled_and_led_back_end(
        made in made(),
        bytes in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let document = definition(&made, true);
        prop_assume!(ways(&document) < 50);
        Drive::begin(document, false).run(&bytes, true);
    }

    #[test]
    fn definitions_of_any_shape_are_inspected(made in made(), swap in any::<(u8, u8)>()) {
        let mut document = definition(&made, true);
        // One field is put where another belongs.
        let odd = [json!(null), json!([]), json!({}), json!("<% ctx( %>"), json!(-1), json!([[1]]), json!("{{ ctx().q }}")];
        let fields = ["action", "with", "retry", "next", "join", "delay", "input"];
        document["tasks"]["t0"][fields[usize::from(swap.0) % fields.len()]] = odd[usize::from(swap.1) % odd.len()].clone();
        let definition = Definition::of(document).unwrap();
        _ = definition.refusal();
        _ = definition.inspect(&["st2"], None);
        _ = definition.compile();
    }
}
