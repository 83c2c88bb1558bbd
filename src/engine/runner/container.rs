//! The envelope of every run: renders the final parameters, calls the runner, records how it ended, and gives the
//! place back.

use super::{
    Error, GoAhead, LiveAction, Outcome, RunIo, entry_point,
    host::{EXECUTION_VARIABLE, NODE_VARIABLE},
    native::Native,
    output,
};
use crate::{
    bus::{Change, Event, ExecutionEvent},
    clock,
    engine::{Engine, Running, execution, inquiry, workflow},
    model::{Execution, ExecutionId, ExecutionStatus},
    schema,
    service::{self, Stop},
    store::{
        executions,
        ledger::{Insert, Transition},
        patiently,
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};
use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Stores an execution as running and runs it, in a place that is free for it. Answers once it is stored.
///
/// All in a task of its own: a client that hangs up must not leave a row behind that nobody runs. What can be made ready
/// for the run is made ready while the row is stored.
pub(in crate::engine) async fn insert_and_start(
    engine: &Engine,
    row: Insert,
    events: Vec<Event>,
    place: OwnedSemaphorePermit,
) -> crate::store::Result<()> {
    let (answer, answered) = oneshot::channel();
    let engine = engine.clone();
    let runtime = engine.shared.runtime.clone();
    let task = async move {
        let execution = row.execution.clone();
        let running = enter(&engine, &execution);
        let (word, go_ahead) = GoAhead::awaited();
        let storing = async {
            let stored = engine.shared.ledger.insert(row, events).await;
            let is_stored = stored.is_ok();
            word.say(is_stored);
            // Whoever asked may be gone.
            let _ = answer.send(stored);
            is_stored
        };
        let running_it = async {
            // The row goes to the database first.
            tokio::task::yield_now().await;
            Box::pin(run(&engine, &running, go_ahead)).await
        };
        let (is_stored, outcome) = tokio::join!(storing, running_it);
        if is_stored {
            finish(&engine, &running, outcome).await;
        }
        leave(&engine, execution.id, place);
    };
    service::spawn_on(&runtime, "execution", task);
    answered.await.unwrap_or_else(|_| Err(crate::store::Error::Unavailable(sqlx::Error::WorkerCrashed)))
}

/// The execution with its end, if that is known without running it, see [`super::Runner::foregone`]. What would fail
/// before the runner is called (a template, a disabled runner) is left to a real run, which says why.
pub(in crate::engine) async fn foregone(engine: &Engine, execution: &Execution) -> Option<Execution> {
    let snapshot = &execution.snapshot;
    let outcome = engine.shared.registry.find(&snapshot.runner.name)?.foregone()?;
    if !snapshot.runner.enabled || engine.config().system.validate_output_schema {
        return None;
    }
    execution::rendering::completed(engine, snapshot, &execution.parameters, &execution.context)
        .await
        .ok()?;
    Some(execution.moved(&[outcome.status], Some(outcome.result.into_text()), clock::now()))
}

fn enter(engine: &Engine, execution: &Arc<Execution>) -> Arc<Running> {
    let running = Arc::new(Running { current: Mutex::new(execution.clone()), stop: Stop::new() });
    engine.shared.running.lock().insert(execution.id, running.clone());
    running
}

async fn run_to_end(engine: &Engine, running: &Running) {
    let outcome = Box::pin(run(engine, running, GoAhead::given())).await;
    finish(engine, running, outcome).await;
}

fn leave(engine: &Engine, id: ExecutionId, place: OwnedSemaphorePermit) {
    let shared = &engine.shared;
    let empty = {
        let mut running = shared.running.lock();
        running.remove(&id);
        running.is_empty()
    };
    if empty {
        shared.idle.notify_waiters();
    }
    give_back(engine, place);
}

/// Gives a place back, and wakes the scheduler if somebody waits for one.
pub(in crate::engine) fn give_back(engine: &Engine, place: OwnedSemaphorePermit) {
    drop(place);
    if engine.shared.backlog.load(Ordering::SeqCst) {
        engine.shared.wake.notify_one();
    }
}

/// Runs an execution that was just stored as running by this node.
pub(in crate::engine) fn start_stored(
    engine: &Engine,
    execution: Arc<Execution>,
    place: OwnedSemaphorePermit,
) {
    let engine = engine.clone();
    let runtime = engine.shared.runtime.clone();
    let running = enter(&engine, &execution);
    let task = async move {
        run_to_end(&engine, &running).await;
        leave(&engine, execution.id, place);
    };
    service::spawn_on(&runtime, "execution", task);
}

/// Tells that a waiting execution was claimed, and runs it.
pub(in crate::engine) fn start_claimed(
    engine: &Engine,
    execution: Arc<Execution>,
    place: OwnedSemaphorePermit,
) {
    let execution = Arc::new(Execution {
        runner_info: Some(engine.shared.host.runner_info()),
        ..Execution::clone(&execution)
    });
    let store = engine.store();
    if store.bus().has_subscribers() {
        let scheduled = execution.as_of(ExecutionStatus::Scheduled);
        store.bus().publish(update(Arc::new(scheduled)));
        store.bus().publish(update(execution.clone()));
    }
    if workflow::runs(&execution.snapshot) {
        give_back(engine, place);
        workflow::start(engine, execution);
    } else {
        start_stored(engine, execution, place);
    }
}

async fn run(engine: &Engine, running: &Running, go_ahead: GoAhead) -> Result<Outcome, Failure> {
    let execution = running.current.lock().clone();
    let runner_type = &execution.snapshot.runner;
    if !runner_type.enabled {
        let name = &runner_type.name;
        return Err(Failure::of(format!("Runner \"{name}\" has been disabled by the administrator.")));
    }
    if let Some(native) = Native::of(&execution) {
        let action = prepare(engine, &execution, None, false).await?;
        let io = run_io(engine, running, &execution, go_ahead);
        io.begin().await?;
        let outcome = Box::pin(native.run(engine, &action, &io)).await;
        io.output.close().await;
        return Ok(outcome);
    }
    let Some(runner) = engine.shared.registry.find(&runner_type.name) else {
        return Err(Failure::of(format!(
            "Runner \"{}\" is not part of this build. It can run: {}.",
            runner_type.name,
            engine.shared.registry.names().join(", ")
        )));
    };
    let spec = &execution.snapshot.action.spec;
    let entry_point = entry_point::find(&engine.shared.pack_dirs, spec).await.map_err(Failure::of)?;
    let action = prepare(engine, &execution, entry_point, runner.needs_config()).await?;
    let io = run_io(engine, running, &execution, go_ahead);
    if !runner.waits() {
        io.begin().await?;
    }
    let outcome = runner.run(&action, &io).await;
    io.output.close().await;
    Ok(outcome?)
}

fn run_io(engine: &Engine, running: &Running, execution: &Execution, go_ahead: GoAhead) -> RunIo {
    RunIo {
        stop: running.stop.clone(),
        go_ahead,
        output: sink(engine, execution),
        kill_grace: Duration::from_secs_f64(engine.config().actionrunner.kill_grace.clamp(0.0, 3600.0)),
    }
}

fn sink(engine: &Engine, execution: &Execution) -> output::Sink {
    let settings = &engine.config().actionrunner;
    let limits = output::Limits { stored: settings.output_max_bytes, result: settings.result_max_bytes };
    if settings.stream_output {
        let ledger = Arc::new(engine.shared.ledger.clone());
        output::Sink::to(ledger, engine.store().bus().clone(), execution, limits)
    } else {
        output::Sink::silent(limits)
    }
}

pub(super) async fn prepare(
    engine: &Engine,
    execution: &Arc<Execution>,
    entry_point: Option<entry_point::EntryPoint>,
    needs_config: bool,
) -> Result<LiveAction, Failure> {
    let parameters = execution::rendering::complete(
        engine,
        &execution.snapshot,
        &execution.parameters,
        &execution.context,
    )
    .await
    .map_err(|error| Failure::of(error.to_string()))?;
    let host = &engine.shared.host;
    let spec = &execution.snapshot.action.spec;
    let (entry_point, pack_dir) = entry_point.map(|found| (found.path, found.pack)).unzip();
    let config = if needs_config {
        let user = execution::parameters::user_of(&execution.context);
        let config = patiently("a pack's configuration", || engine.pack_config(&spec.pack, user)).await;
        Value::Object(config.map_err(|error| Failure::of(error.to_string()))?)
    } else {
        Value::Null
    };
    Ok(LiveAction {
        execution: execution.clone(),
        runner_parameters: parameters.runner,
        action_parameters: parameters.action,
        entry_point,
        pack_dir,
        config,
        system_user: host.system_user.clone(),
        own_user: host.user.clone(),
        env: environment(engine, execution),
    })
}

/// What every process of an action gets: StackStorm's variables, and our mark.
fn environment(engine: &Engine, execution: &Execution) -> Vec<(String, String)> {
    let host = &engine.shared.host;
    let mut env = vec![
        (NODE_VARIABLE.to_owned(), host.node_name.clone()),
        ("ST2_ACTION_PACK_NAME".to_owned(), execution.snapshot.action.spec.pack.clone()),
        (EXECUTION_VARIABLE.to_owned(), execution.id.to_string()),
        ("ST2_ACTION_API_URL".to_owned(), host.api_url.clone()),
        ("ST2_ACTION_DEBUG".to_owned(), "False".to_owned()),
    ];
    if let Some(user) = execution.user() {
        let token = engine.shared.access.service_token(user, Some(execution.id));
        env.push(("ST2_ACTION_AUTH_TOKEN".to_owned(), token));
    }
    env
}

/// Why an action could not be run at all.
pub(super) struct Failure {
    pub(super) error: String,
}

impl Failure {
    fn of(error: String) -> Self {
        Self { error }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(error.to_string())
    }
}

/// Whether the result of a good end fits what runner and action say of their output; the result that says how not.
/// Looked at only where the settings want it.
pub(in crate::engine) fn fits(
    engine: &Engine,
    execution: &Execution,
    status: ExecutionStatus,
    result: impl FnOnce() -> Option<Value>,
) -> Result<(), Value> {
    if status != ExecutionStatus::Succeeded || !engine.config().system.validate_output_schema {
        return Ok(());
    }
    let Some(result) = result() else { return Ok(()) };
    let (runner, action) = (&execution.snapshot.runner, &execution.snapshot.action.spec);
    let key = runner.output_key.as_deref().unwrap_or_default();
    schema::output::validate(&runner.output_schema, &action.output_schema, &result, key)
        .map_err(|refused| refused.result)
}

/// Records how it ended. Another may have changed the row meanwhile (a cancel, mostly): then looks again.
async fn finish(engine: &Engine, running: &Running, outcome: Result<Outcome, Failure>) {
    let (mut status, mut result) = match outcome {
        Ok(outcome) => (outcome.status, outcome.result.into_text()),
        // The key is StackStorm's; we have no Python frames to show.
        Err(failure) => (ExecutionStatus::Failed, failed(&failure.error)),
    };
    if let Err(refused) =
        fits(engine, &running.current.lock(), status, || serde_json::from_str(result.get()).ok())
    {
        (status, result) = (ExecutionStatus::Failed, raw(&refused));
    }
    let mut is_told = false;
    loop {
        let current = running.current.lock().clone();
        if current.status.is_completed() {
            return;
        }
        let (to, new_result) = match current.status {
            ExecutionStatus::Canceling => (ExecutionStatus::Canceled, None),
            _ if engine.shared.abandoning.load(Ordering::SeqCst) && running.stop.is_requested() => (
                ExecutionStatus::Abandoned,
                Some(raw(&json!({"error": "The daemon was stopped while this ran."}))),
            ),
            _ => (status, Some(result.clone())),
        };
        let next = Arc::new(current.moved(&[to], new_result.clone(), clock::now()));
        let change = Transition {
            id: current.id,
            from: vec![current.status],
            to: vec![to],
            at: next.log.last().map_or_else(clock::now, |entry| entry.timestamp),
            result: new_result,
            context: None,
            holder: current.holder,
        };
        match engine.shared.ledger.transition(change, vec![update(next.clone())]).await {
            Ok(true) => {
                *running.current.lock() = next.clone();
                if to == ExecutionStatus::Pending {
                    inquiry::asked(engine, &next).await;
                }
                workflow::heard(engine, &next);
                return;
            }
            Ok(false) => match executions::query::find_many(engine.store().pool(), &[current.id]).await {
                Ok(found) => match found.into_iter().next() {
                    Some(found) if found.status != current.status => *running.current.lock() = found,
                    // Not ours any more: this node was given up and the row settled.
                    _ => return,
                },
                Err(_) => clock::sleep(Duration::from_millis(200)).await,
            },
            Err(error) if !is_told => {
                is_told = true;
                tracing::error!(execution.id = %current.id, "The result of {} could not be stored: {error:?}", current.id);
                status = ExecutionStatus::Failed;
                result = failed(&format!("The result could not be stored: {error}"));
            }
            Err(error) => {
                tracing::error!(execution.id = %current.id, "The end of {} could not be stored: {error:?}", current.id);
                return;
            }
        }
    }
}

fn failed(error: &str) -> Arc<RawValue> {
    raw(&json!({"error": error, "traceback": ""}))
}

fn raw(value: &Value) -> Arc<RawValue> {
    let raw = serde_json::value::to_raw_value(value).or_else(|_| RawValue::from_string("{}".to_owned()));
    Arc::from(raw.unwrap_or_default())
}

/// The event of a change.
pub(in crate::engine) fn update(execution: Arc<Execution>) -> Event {
    Event::Execution(Arc::new(ExecutionEvent { change: Change::Update, execution, frames: OnceLock::new() }))
}
