//! A workflow replayed through the conductor alone: told what its executions became, does it end as the engine says?

use serde_json::{Map, Value};
use st2d::{
    expr::orquesta::{Problem, Row, Scope},
    workflow::{Conductor, Expressions, Outside, Status, TaskEvent, orquesta::Definition},
};
use std::{collections::BTreeMap, sync::Arc};

/// No rows: the definitions ask for none.
struct Nothing;

impl Outside for Nothing {
    fn task_execution(&self, _task: &str, _route: usize) -> Result<Option<Row>, Problem> {
        Ok(None)
    }

    fn key(&self, _scope: Scope<'_>, _name: &str, _decrypt: bool) -> Result<Option<Value>, Problem> {
        Ok(None)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        st2d::clock::now()
    }
}

/// What is under way: task, route, item.
type Call = (String, usize, Option<usize>);

/// How a workflow ends whose executions ended like these, in the order they did.
pub(super) fn replayed(definition: &str, ran: &[Value]) -> Status {
    let graph = Arc::new(Definition::parse(definition).unwrap().compile().unwrap());
    let expressions = Expressions::new(&Nothing);
    let mut conductor = Conductor::new(graph, Map::new(), &Map::new(), &expressions);
    conductor.request(Status::Running).unwrap();
    let mut open: Vec<Call> = Vec::new();
    let mut results: BTreeMap<(String, usize), Vec<Value>> = BTreeMap::new();
    loop {
        for task in conductor.next_tasks(&expressions) {
            let key = (task.name.clone(), task.route);
            results.entry(key).or_insert_with(|| vec![Value::Null; task.items_count.unwrap_or(0)]);
            for call in &task.calls {
                let event = TaskEvent { status: Status::Running, item: call.item, ..TaskEvent::default() };
                conductor.update(&task.name, task.route, &event, &expressions).unwrap();
                open.push((task.name.clone(), task.route, call.item));
            }
        }
        // The one that ended first; what never ran has nothing to tell.
        let ended = open.iter().enumerate().filter_map(|(at, call)| Some((found(ran, call)?, at)));
        let first = ended.min_by_key(|(child, _)| child["end_timestamp"].as_str().unwrap().to_owned());
        let Some((child, at)) = first else { break };
        let (task, route, item) = open.remove(at);
        let kept = results.get_mut(&(task.clone(), route)).unwrap();
        if let Some(item) = item {
            kept[item] = child["result"].clone();
        }
        let event = TaskEvent {
            status: Status::parse(child["status"].as_str().unwrap()).unwrap(),
            result: child["result"].clone(),
            item,
            accumulated: Value::Array(kept.clone()),
        };
        conductor.update(&task, route, &event, &expressions).unwrap();
    }
    conductor.render_output(&expressions);
    conductor.status()
}

fn found<'r>(ran: &'r [Value], (task, route, item): &Call) -> Option<&'r Value> {
    ran.iter().find(|child| {
        let of = &child["context"]["orquesta"];
        of["task_name"] == task.as_str()
            && of["task_route"] == *route
            && of["item_id"].as_u64().map(|item| item as usize) == *item
    })
}
