//! Requesting executions, and what can be asked of one that exists: cancel, pause, resume, run it again.

use super::view;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, Path, QueryString, json_bytes, validate},
    app::App,
    content,
    engine::execution::{self, Idempotency, control, rerun},
    model::{Execution, ExecutionId, ExecutionRequest, ExecutionStatus},
    wire,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The header with which a request may be repeated without running the action twice.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header that carries more context, laid over everything else.
const CONTEXT: &str = "st2-context";

pub(in crate::api) static REQUEST: LazyLock<Value> = LazyLock::new(|| {
    let part = content::action::notification_schema();
    json!({
        "type": "object",
        "properties": {
            "action": {"type": "string", "required": true},
            "parameters": {"type": "object"},
            "user": {"type": "string", "nullable": true},
            "context": {"type": "object"},
            "notify": {
                "type": "object",
                "properties": {
                    "on-complete": part, "on-success": part, "on-failure": part,
                },
                "additionalProperties": false,
            },
            "delay": {"type": "integer"},
            "callback": {"type": "object"},
        },
    })
});

pub(in crate::api) static CHANGE: LazyLock<Value> = LazyLock::new(|| {
    let statuses: Vec<&str> = ExecutionStatus::ALL.iter().map(|status| status.as_str()).collect();
    json!({
        "type": "object",
        "properties": {"status": {"type": "string", "enum": statuses}, "result": {"type": "object"}},
        "additionalProperties": false,
    })
});

pub(in crate::api) static RERUN: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "properties": {
            "parameters": {"type": "object"},
            "tasks": {"type": "array", "items": {"type": "string"}},
            "reset": {"type": "array", "items": {"type": "string"}},
            "user": {"type": "string"},
            "delay": {"type": "integer"},
        },
    })
});

/// `POST /executions`: request an execution of an action.
pub(in crate::api) async fn create(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut fields = body.0;
    validate::object(&REQUEST, &fields)?;
    let idempotency = idempotency(&request, &fields)?;
    let asked = ExecutionRequest {
        action: text(&mut fields, "action").unwrap_or_default(),
        parameters: map(&mut fields, "parameters"),
        user: text(&mut fields, "user"),
        context: map(&mut fields, "context"),
        context_override: context_override(&request)?,
        notify: content::action::notifications(map(&mut fields, "notify")),
        delay_ms: delay(&fields)?,
        callback: map(&mut fields, "callback"),
    };
    let permit =
        caller.permit(Permission::ActionExecute, wire::snapshot::action_uid(&asked.action).as_str())?;
    refuse_foreign_user(&caller, asked.user.as_deref())?;
    let execution = execution::request(&app.engine, permit.user(), asked, idempotency).await?;
    answer(&app, &caller, &query, StatusCode::CREATED, &execution)
}

/// `PUT /executions/{id}`: another status, mostly a request to pause or to go on; or a result.
pub(in crate::api) async fn change(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    validate::object(&CHANGE, &body.0)?;
    let id = read_id(&id)?;
    let execution = control::get(&app.engine, id).await?;
    let permit = caller.permit(Permission::ExecutionStop, &*execution)?;
    if execution.status.is_completed() {
        return Err(execution::Error::Completed.into());
    }
    let status = body.0.get("status").and_then(Value::as_str).and_then(|word| word.parse().ok());
    let result = body.0.get("result").and_then(Value::as_object);
    use ExecutionStatus::{Canceled, Canceling, Paused, Pausing, Resuming};
    let changed = match (execution.status, status) {
        // The end of a cancel or a pause under way, told by a runner's callback.
        (Canceling, Some(Canceled)) | (Pausing, Some(Paused)) => {
            control::set(&app.engine, id, status, result).await?
        }
        (_, Some(Canceling | Canceled)) => control::cancel(&app.engine, id, permit.user()).await?,
        (_, Some(Pausing | Paused)) => control::pause(&app.engine, id, permit.user()).await?,
        (_, Some(Resuming)) => control::resume(&app.engine, id, permit.user()).await?,
        _ => control::set(&app.engine, id, status, result).await?,
    };
    answer(&app, &caller, &query, StatusCode::OK, &changed)
}

/// `DELETE /executions/{id}`: cancel. What cannot be cancelled any more is no error: StackStorm's client prints the
/// text of the answer.
pub(in crate::api) async fn cancel(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let id = read_id(&id)?;
    let execution = control::get(&app.engine, id).await?;
    let permit = caller.permit(Permission::ExecutionStop, &*execution)?;
    match control::cancel(&app.engine, id, permit.user()).await {
        Ok(execution) => answer(&app, &caller, &query, StatusCode::OK, &execution),
        Err(refusal @ execution::Error::NotCancelable(_)) => {
            Ok(crate::api::json(StatusCode::OK, &json!({"faultstring": refusal.to_string()})))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /executions/{id}/re_run`: the same again, with other parameters or for some tasks only.
pub(in crate::api) async fn rerun(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    Path([id]): Path<1>,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut fields = body.0;
    validate::object(&RERUN, &fields)?;
    let idempotency = idempotency(&request, &fields)?;
    let again = rerun::Rerun {
        parameters: map(&mut fields, "parameters"),
        tasks: texts(&mut fields, "tasks"),
        reset: texts(&mut fields, "reset"),
        user: text(&mut fields, "user"),
        delay_ms: delay(&fields)?,
    };
    again.check()?;
    let id = read_id(&id)?;
    let old = control::get(&app.engine, id).await?;
    caller.permit(Permission::ExecutionView, &*old)?;
    let action = old.snapshot.action.spec.uid();
    let permit = caller.permit(Permission::ActionExecute, action.as_str())?;
    refuse_foreign_user(&caller, again.user.as_deref())?;
    let execution = rerun::rerun(&app.engine, permit.user(), id, again, idempotency).await?;
    answer(&app, &caller, &query, StatusCode::CREATED, &execution)
}

fn answer(
    app: &App,
    caller: &Caller,
    query: &QueryString,
    status: StatusCode,
    execution: &Execution,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    Ok(json_bytes(status, wire::execution::loaded(execution, &view(app, mask))))
}

fn read_id(text: &str) -> ApiResult<ExecutionId> {
    text.parse().map_err(|_| execution::Error::NoSuchExecution(text.to_owned()).into())
}

fn refuse_foreign_user(caller: &Caller, user: Option<&str>) -> ApiResult<()> {
    let foreign = user.is_some_and(|user| !user.is_empty() && *user != **caller.user());
    if foreign && !caller.is_admin() {
        return Err(Error::forbidden("\"user\" attribute can only be provided by admins"));
    }
    Ok(())
}

/// Key and hash of a request that may be repeated.
fn idempotency(request: &HttpRequest, fields: &Map<String, Value>) -> ApiResult<Option<Idempotency>> {
    let Some(header) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = header.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > 255 {
        return Err(Error::bad_request("Idempotency-Key must be a text of 1 to 255 printable characters."));
    }
    let body = serde_json::to_vec(fields).unwrap_or_default();
    let request_hash = Sha256::new()
        .chain_update(request.path())
        .chain_update([0])
        .chain_update(request.headers().get(CONTEXT).map_or(&[][..], |value| value.as_bytes()))
        .chain_update([0])
        .chain_update(body)
        .finalize();
    Ok(Some(Idempotency { key: key.to_owned(), request_hash: request_hash.into() }))
}

fn context_override(request: &HttpRequest) -> ApiResult<Map<String, Value>> {
    let Some(header) = request.headers().get(CONTEXT) else { return Ok(Map::new()) };
    // What is no JSON counts as the text it is.
    let kind = match serde_json::from_slice(header.as_bytes()) {
        Ok(Value::Object(context)) => return Ok(context),
        Ok(other) => crate::pytext::type_name(&other),
        Err(_) if header.is_empty() => return Ok(Map::new()),
        Err(_) => "str",
    };
    Err(Error::bad_request(format!(
        "Unable to convert st2-context from the headers into JSON (was <class '{kind}'>)."
    )))
}

fn delay(fields: &Map<String, Value>) -> ApiResult<Option<u64>> {
    match fields.get("delay") {
        None | Some(Value::Null) => Ok(None),
        Some(delay) => delay.as_u64().map(Some).ok_or_else(|| {
            Error::bad_request(format!(
                "\"delay\" must be a number of milliseconds, zero or more; got {delay}."
            ))
        }),
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn map(fields: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match fields.remove(name) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn texts(fields: &mut Map<String, Value>, name: &str) -> Vec<String> {
    let Some(Value::Array(items)) = fields.remove(name) else { return Vec::new() };
    items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
