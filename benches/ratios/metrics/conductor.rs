//! 42: what the conductor costs per task and per item as they grow in number. 43: inspecting a large definition. Both
//! in processor time and without a daemon: nothing is stored.

use crate::report::{Goal, Row};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use st2d::{
    expr::orquesta::{Problem, Row as TaskRow, Scope},
    workflow::{Conductor, Expressions, Outside, Status, TaskEvent, orquesta::Definition},
};
use std::{fmt::Write, sync::Arc, time::Duration};

/// No rows.
struct Nothing;

impl Outside for Nothing {
    fn task_execution(&self, _task: &str, _route: usize) -> Result<Option<TaskRow>, Problem> {
        Ok(None)
    }

    fn key(&self, _scope: Scope<'_>, _name: &str, _decrypt: bool) -> Result<Option<Value>, Problem> {
        Ok(None)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        st2d::clock::now()
    }
}

/// Makes a definition of so many tasks or items.
type Shape = fn(usize) -> String;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let shapes: [(&str, Shape); 3] = [
        ("conducting 1,000 tasks in a row ÷ 100", |count| chain(count, false)),
        ("conducting 1,000 tasks in a row that all publish ÷ 100", |count| chain(count, true)),
        ("conducting 1,000 items ÷ 100", items),
    ];
    let mut rows = Vec::new();
    for (what, definition) in shapes {
        let (few, many) = (definition(100), definition(1_000));
        let (mut values, mut seconds) = (Vec::new(), 0.0);
        for _ in 0..pairs {
            let least = conduct(&few)?;
            seconds = conduct(&many)?;
            values.push(seconds / least);
        }
        let note = format!("{:.1} ms for 1,000", seconds * 1000.0);
        rows.push(Row { number: "42", what, values, goal: Goal::AtMost(12.0), stretch: 10.0, note });
    }
    let large = chain(500, true);
    let mut inspections = Vec::new();
    for _ in 0..pairs {
        let begun = cpu()?;
        let definition = Definition::parse(&large)?;
        anyhow::ensure!(definition.inspect(&["st2"], None).is_empty(), "the definition is faulty");
        inspections.push(cpu()?.saturating_sub(begun).as_secs_f64() * 1000.0);
    }
    rows.push(Row {
        number: "43",
        what: "ms to read and inspect 500 tasks",
        values: inspections,
        goal: Goal::AtMost(50.0),
        stretch: 20.0,
        note: String::new(),
    });
    Ok(rows)
}

/// The processor time this thread has had.
pub(crate) fn cpu() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

fn chain(count: usize, publishes: bool) -> String {
    let mut text = "version: 1.0\nvars:\n  - n: 0\ntasks:\n".to_owned();
    for at in 0..count {
        let next = if at + 1 < count { format!("t{}", at + 1) } else { "noop".to_owned() };
        let publish = if publishes { "        publish:\n          - n: <% ctx(n) + 1 %>\n" } else { "" };
        _ = writeln!(
            text,
            "  t{at}:\n    action: core.local cmd=\"echo <% ctx(n) %>\"\n    next:\n      - when: <% succeeded() %>\n\
             {publish}        do: {next}\n      - when: <% failed() %>\n        do: fail"
        );
    }
    text
}

fn items(count: usize) -> String {
    format!(
        "version: 1.0\ntasks:\n  t:\n    with: i in <% range({count}) %>\n    action: core.local cmd=\"echo <% item(i) %>\"\n"
    )
}

/// Seconds of a whole run whose actions end at once, the state's changes taken after every step as a store would.
fn conduct(text: &str) -> anyhow::Result<f64> {
    let graph = Arc::new(Definition::parse(text)?.compile()?);
    let expressions = Expressions::new(&Nothing);
    let begun = cpu()?;
    let mut conductor = Conductor::new(graph, Map::new(), &Map::new(), &expressions);
    conductor.request(Status::Running)?;
    loop {
        let next = conductor.next_tasks(&expressions);
        if next.is_empty() {
            break;
        }
        for task in &next {
            let mut results = vec![Value::Null; task.items_count.unwrap_or(0)];
            for status in [Status::Running, Status::Succeeded] {
                for call in &task.calls {
                    let result = if status == Status::Running { Value::Null } else { json!("done") };
                    if let Some(item) = call.item {
                        results[item] = result.clone();
                    }
                    // Only the last item's report is read by anything but the state.
                    let is_last = call.item.is_some_and(|item| item + 1 == results.len());
                    let accumulated =
                        if is_last { Value::Array(results.clone()) } else { Value::Array(Vec::new()) };
                    let event = TaskEvent { status, result, item: call.item, accumulated };
                    conductor.update(&task.name, task.route, &event, &expressions)?;
                    std::hint::black_box(conductor.take_changes());
                }
            }
        }
    }
    conductor.render_output(&expressions);
    anyhow::ensure!(conductor.status() == Status::Succeeded, "the run {}", conductor.status());
    Ok(cpu()?.saturating_sub(begun).as_secs_f64())
}
