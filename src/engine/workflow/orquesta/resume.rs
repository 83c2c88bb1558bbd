//! A workflow from its rows.

use super::{
    begin::notified,
    children::{Family, Origin},
    expressions::Expressions,
    run::Run,
    tasks::{Item, PREFIX, Tasks},
};
use crate::{
    engine::{
        Engine,
        workflow::{Logic, Resumed},
    },
    model::{Execution, ExecutionId, ExecutionStatus},
    store::{executions::query, patiently},
    workflow::{Conductor, Piece, State, Status, orquesta},
};
use std::{collections::HashMap, sync::Arc};

pub(super) async fn resume(engine: &Engine, resumed: Resumed) -> Result<Box<dyn Logic>, String> {
    let source: Arc<str> = resumed.stored.source.as_str().into();
    let broken = |error: orquesta::Error| error.to_string();
    let compiled = engine.shared.flows.definitions.orquesta(&source).map_err(broken)?;
    let graph = compiled.graph.clone().map_err(broken)?;
    let mut tasks = Tasks::default();
    let mut pieces = Vec::new();
    for (key, text) in resumed.pieces {
        if key.starts_with(PREFIX) {
            tasks.read(&key, &text)?;
        } else {
            let value = serde_json::from_str(&text).map_err(|error| format!("the piece {key}: {error}"))?;
            pieces.push(Piece { key, value: Some(value) });
        }
    }
    let state =
        State::from_pieces(pieces, &graph).map_err(|key| format!("the piece {key} cannot be read"))?;
    let conductor = Conductor::restore(graph, state);
    let known = known(&conductor, &tasks, &resumed.children, compiled.asks_for_tasks);
    let wanted: Vec<ExecutionId> =
        known.iter().filter(|known| known.wanted).map(|known| known.child).collect();
    let mut results = HashMap::new();
    for ids in wanted.chunks(100) {
        let found = patiently("a workflow", || query::find_many(engine.store().pool(), ids)).await;
        let found = found.map_err(|error| error.to_string())?;
        results.extend(found.into_iter().map(|child| (child.id, child.result.clone())));
    }
    for Known { child, origin, status, .. } in known {
        let result = results.remove(&child).flatten();
        match origin.item {
            Some(item) => {
                if let Some(place) = tasks.item(origin.task, item) {
                    *place = Some(Item { child: Some(child), status, result });
                }
            }
            None => tasks.set_result(origin.task, result),
        }
    }
    let notified = notified(&compiled, &resumed.runner_parameters)?;
    let user = engine.config().system_user.name();
    let family = Family::of(&resumed.execution, resumed.stored.id, &user, notified);
    let expressions = Expressions::of(engine, resumed.stored.id);
    Ok(Box::new(Run::new(conductor, family, tasks, expressions, compiled.asks_for_tasks)))
}

/// A child and how far it is, as the conductor knows it.
struct Known {
    child: ExecutionId,
    origin: Origin,
    status: ExecutionStatus,
    /// Its result is needed.
    wanted: bool,
}

/// The newest child of every task run and item.
fn known(
    conductor: &Conductor,
    tasks: &Tasks,
    children: &[Arc<Execution>],
    asks_for_tasks: bool,
) -> Vec<Known> {
    let mut newest: HashMap<(crate::model::TaskId, Option<usize>), Known> = HashMap::new();
    for child in children {
        let Some(origin) = Origin::of(child) else { continue };
        let Some(task) = tasks.get(origin.task) else { continue };
        let item = origin.item.and_then(|item| {
            let is_last = tasks.last(&task.name, task.route).is_some_and(|last| last.id == task.id);
            let items = conductor.items_of(&task.name, task.route).filter(|_| is_last)?;
            items.get(item).copied()
        });
        let is_taken = task.status.is_completed() || item.is_some_and(Status::is_completed);
        let status = if is_taken { child.status } else { ExecutionStatus::Requested };
        let wanted = is_taken && (origin.item.is_some() || asks_for_tasks);
        let known = Known { child: child.id, origin, status, wanted };
        newest.insert((origin.task, origin.item), known);
    }
    newest.into_values().collect()
}
