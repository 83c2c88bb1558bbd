//! Inquiries: executions of the `inquirer` that are `pending` until somebody answers, or until their time is up.
//!
//! The result of such an execution is its question. An answer is checked against the question, added to the result,
//! and ends the execution; a workflow that rested because of it goes on. Of several answers at once the first one
//! counts: the store changes a row only while it still is `pending`.
//!
//! Left out: who may see an inquiry at all (the API asks that), and when time is up (the collector looks).

use super::{
    Engine, execution,
    execution::control,
    trigger::{self, Occurrence},
};
use crate::{
    model::{Execution, ExecutionId, ExecutionStatus},
    schema::{self, Options},
    store,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Name of the runner whose executions are inquiries.
pub const RUNNER: &str = "inquirer";

/// The event of a new question.
const TRIGGER: &str = "core.st2.generic.inquiry";

/// Why an inquiry cannot be shown or answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some other execution.
    #[error("Action execution \"{0}\" is not an inquiry.")]
    NotAnInquiry(ExecutionId),
    /// Nobody answered in time.
    #[error("Inquiry \"{0}\" timed out and cannot be responded to.")]
    TimedOut(ExecutionId),
    /// It is not open any more.
    #[error("Inquiry \"{0}\" has already been responded to.")]
    Closed(ExecutionId),
    /// The question was put to others.
    #[error("User \"{user}\" does not have permission to respond to inquiry \"{id}\".")]
    NotAsked {
        /// Who tried.
        user: String,
        /// Which inquiry.
        id: ExecutionId,
    },
    /// The answer is none to this question.
    #[error("Response for inquiry \"{id}\" did not pass schema validation. {why}")]
    Unfit {
        /// Which inquiry.
        id: ExecutionId,
        /// What is wrong, with schema and value.
        why: String,
    },
    /// The execution could not be read or changed.
    #[error(transparent)]
    Execution(#[from] execution::Error),
}

/// An open inquiry.
#[derive(Clone, Debug)]
pub struct Inquiry {
    execution: Arc<Execution>,
    question: Map<String, Value>,
}

/// Somebody who answers.
pub struct Responder<'a> {
    /// His name.
    pub user: &'a str,
    /// Whether he has a role of this name.
    pub has_role: &'a (dyn Fn(&str) -> bool + Sync),
}

impl Inquiry {
    /// The inquiry that this execution is.
    ///
    /// # Errors
    /// It is none, or not open any more.
    pub fn of(execution: Arc<Execution>) -> Result<Self, Error> {
        let id = execution.id;
        if execution.snapshot.runner.name != RUNNER {
            return Err(Error::NotAnInquiry(id));
        }
        match execution.status {
            ExecutionStatus::Pending => {}
            ExecutionStatus::Timeout => return Err(Error::TimedOut(id)),
            _ => return Err(Error::Closed(id)),
        }
        let result = execution.result.as_deref().map(|raw| serde_json::from_str(raw.get()));
        let question = match result {
            Some(Ok(Value::Object(question))) => question,
            _ => Map::new(),
        };
        Ok(Self { execution, question })
    }

    /// The execution behind it.
    pub fn id(&self) -> ExecutionId {
        self.execution.id
    }

    /// A part of the question: `schema`, `roles`, `users`, `route` or `ttl`.
    pub fn part(&self, name: &str) -> &Value {
        self.question.get(name).unwrap_or(&Value::Null)
    }

    fn names(&self, part: &str) -> impl Iterator<Item = &str> {
        self.part(part).as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the question is put to this user: to one of his roles and to him, where either is restricted.
    fn asks(&self, responder: &Responder<'_>) -> bool {
        let in_role = self.names("roles").next().is_none() || self.names("roles").any(responder.has_role);
        let named =
            self.names("users").next().is_none() || self.names("users").any(|it| it == responder.user);
        in_role && named
    }

    /// Whether this answers the question. Defaults of the schema count as given here, and are not stored.
    fn check(&self, response: &Map<String, Value>) -> Result<(), Error> {
        let options = Options { use_default: true, allow_default_none: true, explain: true };
        let response = Value::Object(response.clone());
        match schema::validate(self.part("schema"), &response, options) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Unfit { id: self.id(), why: error.text().to_owned() }),
        }
    }
}

/// A question was stored: tells whoever has a rule for that, and makes the action chains around it rest. An orquesta
/// workflow rests by itself, when nothing else in it can go on.
pub(in crate::engine) async fn asked(engine: &Engine, execution: &Arc<Execution>) {
    announce(engine, execution).await;
    if let Some(parent) = execution.parent
        && !execution.context.contains_key("orquesta")
    {
        let user = execution.user().unwrap_or_default();
        let root = root(engine, parent).await;
        if let Err(error) = control::pause(engine, root, user).await {
            tracing::debug!("{root} does not rest for inquiry {}: {error}", execution.id);
        }
    }
}

/// Dispatches the trigger of a question, once however often this is called.
async fn announce(engine: &Engine, execution: &Arc<Execution>) {
    let Ok(inquiry) = Inquiry::of(execution.clone()) else { return };
    let payload = json!({"id": inquiry.id(), "route": inquiry.part("route")});
    let event = Occurrence::of(TRIGGER, payload);
    match trigger::dispatch_once(engine, event, format!("inquiry/{}", inquiry.id())).await {
        Ok(_) => {}
        Err(error) => tracing::warn!("Inquiry {} is open, but no rule hears of it: {error}", inquiry.id()),
    }
}

/// Announces open questions that a crash may have kept from it. What is older than the shortest time for which events are
/// kept counts as announced.
pub(in crate::engine) async fn announce_open(engine: &Engine, now: DateTime<Utc>) -> store::Result<()> {
    let pool = engine.store().pool();
    let ids = store::collector::open_inquiries(pool, now - TimeDelta::days(1)).await?;
    for execution in store::executions::query::find_many(pool, &ids).await? {
        announce(engine, &execution).await;
    }
    Ok(())
}

/// The open inquiry with this id.
///
/// # Errors
/// [`Error`].
pub async fn get(engine: &Engine, id: ExecutionId) -> Result<Inquiry, Error> {
    Inquiry::of(control::get(engine, id).await?)
}

/// Answers an inquiry.
///
/// # Errors
/// [`Error`]; nothing changed then.
pub async fn respond(
    engine: &Engine,
    responder: &Responder<'_>,
    id: ExecutionId,
    response: &Map<String, Value>,
) -> Result<(), Error> {
    let inquiry = get(engine, id).await?;
    if !inquiry.asks(responder) {
        return Err(Error::NotAsked { user: responder.user.to_owned(), id });
    }
    inquiry.check(response)?;
    // First the workflow, then the answer: the end of a task does not by itself wake a workflow that rests.
    wake_workflow(engine, &inquiry.execution, responder.user).await;
    let mut result = inquiry.question.clone();
    result.insert("response".to_owned(), Value::Object(response.clone()));
    end(engine, &inquiry, ExecutionStatus::Succeeded, Some(&Value::Object(result))).await
}

/// Ends an inquiry that nobody answered in time.
///
/// # Errors
/// [`Error`]: mostly that it was answered just now.
pub(in crate::engine) async fn time_out(engine: &Engine, id: ExecutionId) -> Result<(), Error> {
    let inquiry = get(engine, id).await?;
    end(engine, &inquiry, ExecutionStatus::Timeout, None).await?;
    wake_workflow(engine, &inquiry.execution, &engine.config().system_user.name()).await;
    Ok(())
}

/// Makes the one change that ends an inquiry. Who comes second is told so.
async fn end(
    engine: &Engine,
    inquiry: &Inquiry,
    to: ExecutionStatus,
    result: Option<&Value>,
) -> Result<(), Error> {
    let mut current = inquiry.execution.clone();
    loop {
        if control::change(engine, &current, to, result, &[]).await?.is_some() {
            return Ok(());
        }
        // Something changed: if it is still open, it was not its end.
        current = get(engine, inquiry.id()).await?.execution;
    }
}

/// Makes the workflow go on that rests because of this inquiry: an orquesta workflow is the direct parent, action
/// chains rest from the root down.
async fn wake_workflow(engine: &Engine, execution: &Execution, user: &str) {
    let Some(mut resting) = execution.parent else { return };
    if !execution.context.contains_key("orquesta") {
        resting = root(engine, resting).await;
    }
    let paused = |status| matches!(status, ExecutionStatus::Paused | ExecutionStatus::Pausing);
    match control::get(engine, resting).await {
        Ok(parent) if paused(parent.status) => {
            // One that is not at rest yet goes on by itself: the end of the inquiry is what it waits for.
            if let Err(error) = control::resume(engine, resting, user).await {
                tracing::info!("{resting} is not resumed for inquiry {}: {error}", execution.id);
            }
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("{resting}, the parent of inquiry {}: {error}", execution.id),
    }
}

/// The execution at the top of the tree that `id` is in.
pub(in crate::engine) async fn root(engine: &Engine, mut id: ExecutionId) -> ExecutionId {
    while let Ok(execution) = control::get(engine, id).await
        && let Some(parent) = execution.parent
    {
        id = parent;
    }
    id
}
