//! Definitions of thousands of tasks: read, inspected, compiled and run, with no step that looks at all of them.

use std::{fmt::Write, sync::Arc};

use serde_json::{Map, Value, json};

use super::Definition;
use crate::workflow::{Conductor, Evaluate, Fault, Scope, Status, TaskEvent};

/// Takes everything as it is.
struct Plain;

impl Evaluate for Plain {
    fn evaluate(&self, value: &Value, _scope: &Scope<'_>) -> Result<Value, Fault> {
        Ok(if value == "<% succeeded() %>" { json!(true) } else { value.clone() })
    }
}

fn run(text: &str) -> (Status, usize) {
    let definition = Definition::parse(text).unwrap();
    assert_eq!(definition.inspect(&["st2"], None), []);
    let graph = Arc::new(definition.compile().unwrap());
    let mut conductor = Conductor::new(graph, Map::new(), &Map::new(), &Plain);
    conductor.request(Status::Running).unwrap();
    let mut count = 0;
    loop {
        let next = conductor.next_tasks(&Plain);
        if next.is_empty() {
            return (conductor.status(), count);
        }
        for task in &next {
            let event = |status| TaskEvent { status, ..TaskEvent::default() };
            conductor.update(&task.name, task.route, &event(Status::Running), &Plain).unwrap();
        }
        for task in next {
            let event = TaskEvent { status: Status::Succeeded, ..TaskEvent::default() };
            conductor.update(&task.name, task.route, &event, &Plain).unwrap();
            count += 1;
        }
    }
}

#[test]
fn ten_thousand_tasks_in_a_row() {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for at in 0..10_000 {
        _ = writeln!(text, "  t{at}:\n    action: core.noop\n    next:\n      - when: <% succeeded() %>");
        _ = writeln!(
            text,
            "        do: {}",
            if at < 9_999 { format!("t{}", at + 1) } else { "noop".to_owned() }
        );
    }
    assert_eq!(run(&text), (Status::Succeeded, 10_000));
}

#[test]
fn thousands_of_tasks_side_by_side() {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    // Without optimisation a join of so many takes its time.
    let count = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    for at in 1..count {
        _ = writeln!(text, "  t{at}: {{action: core.noop, next: [{{do: all}}]}}");
    }
    text.push_str("  all: {join: all, action: core.noop}\n");
    assert_eq!(run(&text), (Status::Succeeded, count));
}

#[test]
fn ways_that_multiply_do_not_make_an_inspection_endless() {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for at in 0..200 {
        _ = writeln!(
            text,
            "  t{at}: {{action: core.noop, next: [{{do: t{to}, publish: [{{a{at}: 1}}]}}, {{do: t{to}}}]}}",
            to = at + 1
        );
    }
    text.push_str("  t200: {action: core.noop}\n");
    assert_eq!(Definition::parse(&text).unwrap().inspect(&[], None), []);
}
