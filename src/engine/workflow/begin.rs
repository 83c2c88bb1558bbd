//! How a workflow begins: what its execution must bring, and its definition.

use super::{
    Beginning, Begun, Ended, Handle, Happened, Language,
    flow::{Flow, Message, end},
    language,
    progress::Progress,
};
use crate::{
    engine::{Engine, execution::rendering, runner::entry_point},
    model::{Execution, ExecutionId, ExecutionStatus, WorkflowId},
    service,
    store::{outputs, patiently, workflows},
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc::UnboundedReceiver;

/// Makes a workflow ready for its first step. `None`: the execution has ended already.
pub(super) async fn open(
    engine: &Engine,
    execution: Arc<Execution>,
    mailbox: UnboundedReceiver<Message>,
    handle: &Handle,
) -> Option<(Flow, Vec<Happened>)> {
    let language = language(&execution.snapshot)?;
    let again = super::rerun::wanted(&execution);
    let opened = match again {
        Some(again) => super::rerun::open(engine, &execution, language, again, handle).await,
        None => fresh(engine, &execution, language).await,
    };
    match opened {
        Ok(opened) => {
            let (workflow, begun, row, happened, active) = opened;
            let progress = progress(engine, &execution, (0, 0));
            let logic = Some(begun.logic);
            let engine = engine.clone();
            let (begun, said) = (Some(row), begun.lines);
            Some((
                Flow { engine, execution, workflow, logic, begun, active, said, progress, mailbox },
                happened,
            ))
        }
        Err(ended) => {
            end(engine, execution, ended.status, &ended.result, &Map::new()).await;
            None
        }
    }
}

/// What a workflow is opened with: its id, its logic, its row, what has happened to it, and children still at work.
pub(super) type Opened = (WorkflowId, Begun, workflows::Begun, Vec<Happened>, HashMap<ExecutionId, bool>);

async fn fresh(
    engine: &Engine,
    execution: &Arc<Execution>,
    language: &'static dyn Language,
) -> Result<Opened, Ended> {
    let runner = &execution.snapshot.runner;
    if !runner.enabled {
        let name = &runner.name;
        return Err(failed(format!("Runner \"{name}\" has been disabled by the administrator.")));
    }
    let depth = depth(engine, execution).await?;
    let source = source(engine, execution).await?;
    let parameters =
        rendering::complete(engine, &execution.snapshot, &execution.parameters, &execution.context)
            .await
            .map_err(|error| failed(error.to_string()))?;
    let workflow = WorkflowId::generate();
    let row = workflows::Begun {
        executions: vec![execution.id],
        language: language.name(),
        source: source.clone(),
        depth,
    };
    let beginning = Beginning {
        execution: execution.clone(),
        workflow,
        runner_parameters: parameters.runner,
        action_parameters: parameters.action,
        source,
    };
    let begun = language.begin(engine, beginning).await?;
    Ok((workflow, begun, row, vec![Happened::Begun], HashMap::new()))
}

/// How deep it stands; too deep is an error.
async fn depth(engine: &Engine, execution: &Execution) -> Result<i32, Ended> {
    let above = match execution.parent {
        Some(parent) => patiently("a workflow", || workflows::depth(engine.store().pool(), parent))
            .await
            .map_err(|error| failed(format!("The workflow's parent could not be looked up: {error}")))?,
        None => None,
    };
    let depth = above.unwrap_or(0) + 1;
    let most = engine.config().workflow_engine.max_depth;
    if i64::from(depth) <= i64::from(most) {
        return Ok(depth);
    }
    let message = format!(
        "Workflow \"{}\" is not started: it would be the {depth}th of workflows within workflows, and {most} are allowed \
         (setting max_depth of workflow_engine). Does it call itself without an end?",
        execution.action_ref()
    );
    Err(Ended {
        status: ExecutionStatus::Failed,
        result: json!({"errors": [{"message": message}], "output": null}),
    })
}

/// The text of the definition.
async fn source(engine: &Engine, execution: &Execution) -> Result<Arc<str>, Ended> {
    let spec = &execution.snapshot.action.spec;
    let found = entry_point::find(&engine.shared.pack_dirs, spec).await.map_err(failed)?;
    let Some(found) = found else {
        return Err(failed(format!("Action \"{}\" has no entry point.", spec.reference())));
    };
    let text = service::compute(move || {
        let text = std::fs::read_to_string(&found.path);
        text.map_err(|error| format!("{} cannot be read: {error}", found.path.display()))
    });
    let text = text.await.flatten().map_err(failed)?;
    Ok(text.into())
}

/// An execution that could not be run, as for any other runner.
pub(super) fn failed(error: String) -> Ended {
    Ended { status: ExecutionStatus::Failed, result: json!({"error": error, "traceback": ""}) }
}

/// What a workflow says goes on after these bytes and lines.
pub(super) fn progress(engine: &Engine, execution: &Execution, at: (u64, u64)) -> Progress {
    let settings = &engine.config().actionrunner;
    Progress::of(execution, at, if settings.stream_output { settings.output_max_bytes } else { 0 })
}

/// What a workflow has said so far.
pub(super) async fn said(engine: &Engine, execution: &Execution) -> (u64, u64) {
    let ends = patiently("a workflow", || outputs::ends(engine.store().pool(), execution.id));
    ends.await.unwrap_or_default()
}

/// The result of a workflow that could not begin, in the words of its language.
pub(super) fn errors(message: &str) -> Value {
    json!({"errors": [{"message": message}], "output": null})
}
