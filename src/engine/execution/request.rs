//! The front door: from a request to a stored execution, on its way.

use super::{
    Error, Runnable,
    admit::{self, Admitted, Terms},
    parameters, rendering,
};
use crate::{
    clock,
    engine::{Engine, policy::retry::Again, workflow},
    model::{
        Execution, ExecutionId, ExecutionRequest, ExecutionStatus, LiveActionId, LogEntry, ObjectId, Origin,
        TraceId,
    },
    pytext, schema,
    store::{self, executions, patiently, traces},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json, value::to_raw_value};
use std::sync::{Arc, atomic::Ordering};

/// Longest delay: a hundred years.
const DELAY_MAX_MS: u64 = 100 * 365 * 24 * 3600 * 1000;

/// Makes a retried request answer with the execution of the first.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// Hash of the whole request, so that a key used for another request is noticed.
    pub request_hash: [u8; 32],
}

/// Requests an execution on behalf of `requester`. The answer is the execution as requested; it may have moved on.
///
/// # Errors
/// [`Error`]; a request whose templates cannot be rendered is refused, yet leaves a failed execution behind.
pub async fn request(
    engine: &Engine,
    requester: &str,
    request: ExecutionRequest,
    idempotency: Option<Idempotency>,
) -> Result<Arc<Execution>, Error> {
    if !engine.shared.open.load(Ordering::Acquire) {
        return Err(Error::Stopping);
    }
    if let Some(known) = earlier(engine, requester, idempotency.as_ref()).await? {
        return Ok(known);
    }
    let action_ref = request.action.clone();
    let runnable = engine.shared.catalog.find(&action_ref).await?.ok_or(Error::NoSuchAction(action_ref))?;
    let context = context(engine, requester, &request, &runnable.snapshot.action.spec.pack).await?;
    let draft = Draft::new(&runnable, &request, context)?;
    let draft = match draft.rendered(engine, &request.parameters, None).await? {
        Rendered::Sound(draft) => draft,
        Rendered::Broken(draft, refusal) => {
            // StackStorm keeps such a request as a failed execution; people look for it in the history.
            draft.fail(engine, &refusal).await?;
            return Err(Error::Parameters(refusal));
        }
    };
    draft.check(&request.parameters).map_err(|unfit| Error::Parameters(unfit.to_string()))?;
    draft.store(engine, requester, idempotency).await
}

/// A request that a workflow makes for one of its tasks: context and parent are right, and the row is stored with the
/// step that makes it.
pub(in crate::engine) struct ChildRequest {
    /// What is requested. Its context is taken as it is.
    pub(in crate::engine) request: ExecutionRequest,
    /// Facts of its origin.
    pub(in crate::engine) origin: Map<String, Value>,
}

/// Why a child could not be requested, as workflows tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Refusal {
    /// The class StackStorm gives the error.
    pub(in crate::engine) class: &'static str,
    /// What is wrong.
    pub(in crate::engine) message: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchAction(action) => Self {
                class: "InvalidActionReferencedException",
                message: format!("Unable to find action \"{action}\"."),
            },
            other => Self { class: "ValueError", message: other.to_string() },
        }
    }
}

/// Makes the execution of a child, ready to be stored. Waits while the database is away.
///
/// # Errors
/// [`Refusal`]; nothing is kept then.
pub(in crate::engine) async fn child(engine: &Engine, child: ChildRequest) -> Result<Admitted, Refusal> {
    let ChildRequest { request, origin } = child;
    let origin = Origin::from(origin);
    let rendered = || async {
        let found = engine.shared.catalog.find(&request.action).await?;
        let runnable = found.ok_or_else(|| Error::NoSuchAction(request.action.clone()))?;
        let mut draft = Draft::new(&runnable, &request, request.context.clone())?;
        draft.origin.clone_from(&origin);
        draft.rendered(engine, &request.parameters, None).await
    };
    // A workflow in progress is not refused anything because the database is away.
    let draft = match patiently("a task of a workflow", rendered).await? {
        Rendered::Sound(draft) => draft,
        Rendered::Broken(_, message) => return Err(Refusal { class: "ParamException", message }),
    };
    if let Err(error) = draft.check(&request.parameters) {
        let class = if matches!(error, Unfit::Schema(_)) { "ValidationError" } else { "ValueError" };
        return Err(Refusal { class, message: error.to_string() });
    }
    Ok(draft.admit(engine).await)
}

/// Makes the execution that repeats one that has ended, with the same parameters, ready to be stored. It never runs
/// before a scheduler takes it up.
///
/// # Errors
/// The action is gone or switched off.
pub(in crate::engine) async fn again(
    engine: &Engine,
    ended: &Execution,
    again: Again,
) -> Result<Admitted, Error> {
    let action_ref = ended.action_ref();
    let found = engine.shared.catalog.find(&action_ref).await?;
    let runnable = found.ok_or_else(|| Error::NoSuchAction(action_ref.clone()))?;
    if !runnable.snapshot.action.spec.enabled {
        return Err(Error::Disabled(action_ref));
    }
    let request = ExecutionRequest {
        delay_ms: Some(u64::try_from(again.delay.as_millis()).unwrap_or(0)),
        ..ExecutionRequest::default()
    };
    let mut draft = Draft::new(&runnable, &request, again.context)?;
    draft.parameters.clone_from(&ended.parameters);
    draft.origin.clone_from(&ended.origin);
    Ok(draft.admit_to(engine, false).await)
}

/// A request that a rule makes: its context is taken as it is, and the row is stored with the event that it follows
/// from.
pub(in crate::engine) enum Asked {
    /// It may be stored.
    Sound(Admitted),
    /// A template failed: it is stored as failed. Says why.
    Broken(Admitted, String),
}

/// Makes the execution that a rule asks for, ready to be stored. Its templates see the event as `trigger`.
///
/// # Errors
/// [`Error`]; nothing is kept then.
pub(in crate::engine) async fn asked(
    engine: &Engine,
    request: ExecutionRequest,
    trigger: &Value,
    origin: Origin,
) -> Result<Asked, Error> {
    match of_rule(engine, &request, trigger, origin).await? {
        Rendered::Sound(draft) => {
            draft.check_for_rule(&request.parameters)?;
            Ok(Asked::Sound(draft.admit(engine).await))
        }
        Rendered::Broken(draft, refusal) => Ok(Asked::Broken(draft.failed(&refusal), refusal)),
    }
}

/// The parameters that [`asked`] would store: everything is done but the asking.
///
/// # Errors
/// [`Error`], where the request would be refused or kept as failed.
pub(in crate::engine) async fn previewed(
    engine: &Engine,
    request: ExecutionRequest,
    trigger: &Value,
) -> Result<Map<String, Value>, Error> {
    match of_rule(engine, &request, trigger, Origin::default()).await? {
        Rendered::Sound(draft) => {
            draft.check_for_rule(&request.parameters)?;
            Ok(draft.parameters)
        }
        Rendered::Broken(_, refusal) => Err(Error::Parameters(refusal)),
    }
}

async fn of_rule(
    engine: &Engine,
    request: &ExecutionRequest,
    trigger: &Value,
    origin: Origin,
) -> Result<Rendered, Error> {
    let found = engine.shared.catalog.find(&request.action).await?;
    let runnable = found.ok_or_else(|| Error::NoSuchAction(request.action.clone()))?;
    let mut draft = Draft::new(&runnable, request, request.context.clone())?;
    draft.origin = origin;
    draft.rendered(engine, &request.parameters, Some(trigger)).await
}

/// The execution that an earlier request with the same key made.
async fn earlier(
    engine: &Engine,
    requester: &str,
    idempotency: Option<&Idempotency>,
) -> Result<Option<Arc<Execution>>, Error> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let pool = engine.store().pool();
    let found = executions::find_by_idempotency_key(pool, requester, &idempotency.key).await?;
    let Some((id, request_hash)) = found else { return Ok(None) };
    if request_hash != idempotency.request_hash {
        return Err(Error::KeyReused(idempotency.key.clone()));
    }
    Ok(executions::query::find_many(pool, &[id]).await?.into_iter().next())
}

/// The caller's context with what the server knows better.
async fn context(
    engine: &Engine,
    requester: &str,
    request: &ExecutionRequest,
    pack: &str,
) -> Result<Map<String, Value>, Error> {
    let mut context = request.context.clone();
    let user = request.user.as_deref().filter(|user| !user.is_empty()).unwrap_or(requester);
    context.insert("user".to_owned(), json!(user));
    context.insert("pack".to_owned(), json!(pack));
    context.extend(request.context_override.clone());
    if let Some(parent) = context.get("parent") {
        let Value::Object(parent) = parent else {
            return Err(Error::Invalid("\"context.parent\" must be an object.".to_owned()));
        };
        if let Some(user) = parent.get("user").and_then(Value::as_str).filter(|user| !user.is_empty()) {
            let user = json!(user);
            context.insert("user".to_owned(), user);
        }
    }
    if let Some(parent) = parent_of(&context) {
        let known = match parent.parse::<ExecutionId>() {
            Ok(id) => executions::query::exists(engine.store().pool(), id).await?,
            Err(_) => false,
        };
        if !known {
            return Err(Error::Invalid(format!("No trace found for execution {parent}")));
        }
    }
    check_trace(engine, &context).await?;
    Ok(context)
}

fn parent_of(context: &Map<String, Value>) -> Option<&str> {
    context.get("parent")?.get("execution_id")?.as_str()
}

/// A trace that is named by its id must be there; one that is named by a tag begins with the execution.
async fn check_trace(engine: &Engine, context: &Map<String, Value>) -> Result<(), Error> {
    let Some(Value::Object(trace)) = context.get("trace_context") else { return Ok(()) };
    let given = |key: &str| trace.get(key).filter(|value| !value.is_null() && *value != "");
    let Some(id) = given("id_") else {
        if trace.is_empty() || given("trace_tag").is_some() {
            return Ok(());
        }
        return Err(Error::Invalid("Atleast one of id_ or trace_tag should be specified.".to_owned()));
    };
    let Some(known) = id.as_str().and_then(|id| id.parse::<TraceId>().ok()) else {
        return Err(Error::Invalid(format!("Unable to find Trace with id=\"{}\"", pytext::str(id))));
    };
    if traces::exists(engine.store().pool(), known).await? {
        return Ok(());
    }
    Err(Error::Invalid(format!("Unable to find the TraceDB instance. {{'id': {}}}", pytext::repr(id))))
}

/// Why parameters do not fit.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    /// The schema of the call says so.
    #[error(transparent)]
    Schema(schema::Error),
    /// They change what cannot be changed.
    #[error("Override of immutable parameter(s) {0} is unsupported.")]
    Immutable(String),
}

/// An execution in the making.
struct Draft {
    id: ExecutionId,
    now: DateTime<Utc>,
    runnable: Arc<Runnable>,
    parameters: Map<String, Value>,
    context: Map<String, Value>,
    notify: Map<String, Value>,
    callback: Map<String, Value>,
    origin: Origin,
    delay_ms: u64,
}

/// A request after its templates were rendered.
enum Rendered {
    /// It may be stored.
    Sound(Draft),
    /// A template failed; says why.
    Broken(Draft, String),
}

impl Draft {
    fn new(
        runnable: &Arc<Runnable>,
        request: &ExecutionRequest,
        context: Map<String, Value>,
    ) -> Result<Self, Error> {
        let delay_ms = request.delay_ms.unwrap_or(0);
        if delay_ms > DELAY_MAX_MS {
            return Err(Error::Invalid(format!("A delay may be {DELAY_MAX_MS} ms at most, got {delay_ms}.")));
        }
        let own = &runnable.snapshot.action.spec.notify;
        let now = clock::now();
        Ok(Self {
            id: ExecutionId(ObjectId::at(now)),
            now,
            runnable: runnable.clone(),
            parameters: Map::new(),
            context,
            notify: if own.is_empty() { request.notify.clone() } else { own.clone() },
            callback: request.callback.clone(),
            origin: Origin::default(),
            delay_ms,
        })
    }

    fn execution(self, statuses: &[ExecutionStatus]) -> Execution {
        let parent = parent_of(&self.context).and_then(|id| id.parse().ok());
        let log: Vec<LogEntry> =
            statuses.iter().map(|status| LogEntry { timestamp: self.now, status: *status }).collect();
        let status = statuses.last().copied().unwrap_or(ExecutionStatus::Requested);
        Execution {
            id: self.id,
            liveaction_id: LiveActionId::generate(),
            status,
            snapshot: self.runnable.snapshot.clone(),
            parameters: Arc::new(self.parameters),
            context: Arc::new(self.context),
            notify: Arc::new(self.notify),
            callback: Arc::new(self.callback),
            delay_ms: i64::try_from(self.delay_ms).unwrap_or(i64::MAX),
            parent,
            children: Vec::new(),
            runner_info: None,
            result: None,
            end: status.is_completed().then_some(self.now),
            log,
            origin: self.origin,
            holder: None,
        }
    }

    /// Renders the parameters; templates of rules see the event as `trigger`.
    async fn rendered(
        mut self,
        engine: &Engine,
        given: &Map<String, Value>,
        trigger: Option<&Value>,
    ) -> Result<Rendered, Error> {
        let runnable = self.runnable.clone();
        let action = &runnable.snapshot.action.spec;
        match rendering::live(engine, &runnable.snapshot, given, &self.context, trigger).await {
            Ok(rendered) => self.parameters = rendered,
            Err(rendering::Error::Away(error)) => return Err(error.into()),
            Err(rendering::Error::Parameters(parameters::Error::Value(refusal))) => {
                return Err(Error::Parameters(refusal));
            }
            Err(rendering::Error::Parameters(parameters::Error::Template(_))) if !action.enabled => {}
            Err(rendering::Error::Parameters(parameters::Error::Template(refusal))) => {
                self.parameters.clone_from(given);
                return Ok(Rendered::Broken(self, refusal));
            }
        }
        if !action.enabled {
            return Err(Error::Disabled(action.reference()));
        }
        Ok(Rendered::Sound(self))
    }

    /// Checks them against the action's schema.
    fn check(&self, given: &Map<String, Value>) -> Result<(), Unfit> {
        let call = self.runnable.call.as_ref().map_err(|error| Unfit::Schema(error.clone()))?;
        call.check(&self.parameters).map_err(Unfit::Schema)?;
        let immutable = call.immutable().iter().filter(|name| given.contains_key(*name));
        let overridden: Vec<Value> = immutable.map(|name| json!(name)).collect();
        if overridden.is_empty() {
            Ok(())
        } else {
            Err(Unfit::Immutable(pytext::repr(&Value::Array(overridden))))
        }
    }

    /// As [`check`](Self::check); the reason is the long one that StackStorm records of a rule.
    fn check_for_rule(&self, given: &Map<String, Value>) -> Result<(), Error> {
        self.check(given).map_err(|unfit| {
            let call = self.runnable.call.as_ref().ok().filter(|_| matches!(unfit, Unfit::Schema(_)));
            let explained = call.and_then(|call| call.explain(&self.parameters));
            Error::Parameters(explained.unwrap_or_else(|| unfit.to_string()))
        })
    }

    /// Decides whether it runs now.
    async fn admit(self, engine: &Engine) -> Admitted {
        self.admit_to(engine, true).await
    }

    async fn admit_to(self, engine: &Engine, may_begin: bool) -> Admitted {
        let due = self.now + TimeDelta::milliseconds(i64::try_from(self.delay_ms).unwrap_or(i64::MAX));
        let due = (self.delay_ms > 0).then_some(due);
        let terms = Terms {
            is_workflow: workflow::runs(&self.runnable.snapshot),
            is_limited: self.runnable.policies.are_limiting(),
            may_begin,
        };
        let now = self.now;
        admit::admit(engine, |steps| self.execution(steps), terms, now, due).await
    }

    /// Stores it: running if there is a place for it now, waiting otherwise.
    async fn store(
        self,
        engine: &Engine,
        requester: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Arc<Execution>, Error> {
        let mut admitted = self.admit(engine).await;
        admitted.row.idempotency = idempotency.clone().map(|known| (known.key, known.request_hash));
        let execution = admitted.execution().clone();
        match admitted.store(engine).await {
            Ok(()) => Ok(Arc::new(execution.as_of(ExecutionStatus::Requested))),
            // Two requests with one key at the same time: the other was first.
            Err(store::Error::Duplicate(_)) if idempotency.is_some() => {
                earlier(engine, requester, idempotency.as_ref()).await?.ok_or(Error::Stopping)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a request that could not be rendered, as failed.
    async fn fail(self, engine: &Engine, reason: &str) -> Result<(), Error> {
        Ok(self.failed(reason).store(engine).await?)
    }

    /// A request that could not be rendered, as a failed execution.
    fn failed(self, reason: &str) -> Admitted {
        let steps = [ExecutionStatus::Requested, ExecutionStatus::Failed];
        let mut execution = self.execution(&steps);
        let result = json!({"error": reason, "traceback": ""});
        execution.result = to_raw_value(&result).ok().map(Arc::from);
        Admitted::ended(execution, &steps)
    }
}
