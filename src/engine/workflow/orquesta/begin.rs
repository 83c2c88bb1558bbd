//! From a definition to a workflow that can take its first step.

use super::{children::Family, expressions::Expressions, run::Run};
use crate::{
    engine::{
        Engine,
        execution::KnownActions,
        workflow::{
            Beginning, Begun, Ended,
            begin::errors,
            definitions::{Compiled, KNOWN},
        },
    },
    model::{Execution, ExecutionStatus},
    pytext, service,
    store::patiently,
    workflow::{Conductor, Status, orquesta},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) async fn begin(engine: &Engine, at: Beginning) -> Result<Begun, Ended> {
    let compiled =
        engine.shared.flows.definitions.orquesta(&at.source).map_err(|error| refused(&unread(&error)))?;
    if let Some(findings) = findings(engine, &compiled).await? {
        let result = json!({"errors": findings, "output": null});
        return Err(Ended { status: ExecutionStatus::Failed, result });
    }
    let graph = compiled.graph.clone().map_err(|error| refused(&error.to_string()))?;
    let notified = notified(&compiled, &at.runner_parameters).map_err(|message| refused(&message))?;
    let user = engine.config().system_user.name();
    let family = Family::of(&at.execution, at.workflow, &user, notified);
    let mut context = context(engine, &at.execution, &user);
    if let Some(Value::Object(st2)) = context.get_mut("st2") {
        st2.insert("workflow_execution_id".to_owned(), json!(at.workflow));
    }
    let expressions = Expressions::of(engine, at.workflow);
    let inputs = at.action_parameters;
    let asks_for_tasks = compiled.asks_for_tasks;
    let made = service::compute(move || {
        let tasks = super::tasks::Tasks::default();
        let mut conductor = Conductor::new(graph, context, &inputs, &expressions.with(&tasks));
        if conductor.status() == Status::Unset {
            // Nothing has happened yet, so it can be requested.
            let _ = conductor.request(Status::Requested);
        }
        Run::new(conductor, family, tasks, expressions, asks_for_tasks)
    });
    let run = made.await.map_err(|panic| refused(&panic))?;
    let lines = vec![format!("Workflow execution \"{}\" is created.", at.workflow)];
    Ok(Begun { logic: Box::new(run), lines })
}

/// What an inspection finds wrong; nothing in a sound definition.
async fn findings(engine: &Engine, compiled: &Compiled) -> Result<Option<Value>, Ended> {
    if let Some(refusal) = compiled.definition.refusal() {
        return Err(refused(refusal));
    }
    let looked_up = || KnownActions::of(&compiled.definition, engine.catalog());
    let actions = patiently("a workflow", looked_up).await.map_err(|error| refused(&error.to_string()))?;
    if !compiled.is_faulty && compiled.definition.inspect_actions(&actions).is_empty() {
        return Ok(None);
    }
    let findings = compiled.definition.inspect(&KNOWN, Some(&actions));
    // Without their places: clients print results whole, and an inspection tells them.
    Ok(Some(findings.iter().map(|finding| finding.to_json(None)).collect()))
}

fn refused(message: &str) -> Ended {
    Ended { status: ExecutionStatus::Failed, result: errors(message) }
}

/// Why a definition cannot be read, in StackStorm's words.
fn unread(error: &orquesta::Error) -> String {
    match error {
        orquesta::Error::Yaml(error) => format!("Failed to load workflow definition because {error}"),
        other => other.to_string(),
    }
}

/// The tasks whose executions notify as the workflow does.
pub(super) fn notified(compiled: &Compiled, parameters: &Map<String, Value>) -> Result<Vec<String>, String> {
    let wanted = parameters.get("notify").and_then(Value::as_array).into_iter().flatten();
    let wanted: Vec<String> = wanted.filter_map(Value::as_str).map(str::to_owned).collect();
    let known = compiled.definition.document().get("tasks").and_then(Value::as_object);
    let unknown: Vec<&str> = wanted
        .iter()
        .filter(|name| known.is_none_or(|known| !known.contains_key(*name)))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(wanted);
    }
    Err(format!(
        "The following tasks in the notify parameter do not exist in the workflow definition: {}.",
        unknown.join(", ")
    ))
}

/// What expressions see from the start: who runs this where, and what its execution was told.
fn context(engine: &Engine, execution: &Execution, user: &str) -> Map<String, Value> {
    let given = &execution.context;
    let spec = &execution.snapshot.action.spec;
    let mut st2 = Map::new();
    st2.insert("action_execution_id".to_owned(), json!(execution.id));
    st2.insert("api_url".to_owned(), json!(engine.shared.host.api_url));
    st2.insert("user".to_owned(), given.get("user").cloned().unwrap_or_else(|| json!(user)));
    st2.insert("pack".to_owned(), given.get("pack").cloned().unwrap_or_default());
    st2.insert("action".to_owned(), json!(spec.reference()));
    st2.insert("runner".to_owned(), json!(execution.snapshot.runner.name));
    for name in ["api_user", "source_channel"] {
        if let Some(value) = given.get(name).filter(|value| pytext::truthy(value)) {
            st2.insert(name.to_owned(), value.clone());
        }
    }
    let mut context = Map::from_iter([("st2".to_owned(), Value::Object(st2))]);
    if !given.is_empty() {
        context.insert("parent".to_owned(), Value::Object(Arc::unwrap_or_clone(given.clone())));
    }
    context
}
