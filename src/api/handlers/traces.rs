//! `/traces`: what belongs together because one thing led to the other.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
    },
    app::App,
    model::{ExecutionId, ObjectId, RuleId, TraceId, TriggerInstanceId},
    store::{
        listing::{self, Condition, Direction},
        traces,
    },
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};

/// Ids sort by time, so what begins a trace tells when.
const BEGINNING: &str = "begun_by";

pub(in crate::api) static LIST: List = List {
    table: "traces",
    filters: &[
        ("id", Filter::Ids("id")),
        ("trace_tag", Filter::Text("trace_tag")),
        ("execution", Filter::Text("execution")),
        ("rule", Filter::Text("rule")),
        ("trigger_instance", Filter::Text("trigger_instance")),
    ],
    order: &[(BEGINNING, Direction::Descending)],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::trace::FIELDS, always: &["id"], droppable: None },
};

/// `GET /traces`, the newest first.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let mut request = LIST.read(&query, &caller, &app.config.api)?;
    if query.text("sort").is_none()
        && query.text("sort_asc") == Some("True")
        && query.text("sort_desc") != Some("True")
    {
        request.listing.order = vec![(BEGINNING, Direction::Ascending)];
    }
    for condition in &mut request.listing.conditions {
        if let Some(beginnings) = beginnings(&app, condition).await? {
            *condition = Condition::IdIn(BEGINNING, beginnings);
        }
    }
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    drop(conn);
    let ids: Vec<TraceId> = page.ids.iter().copied().map(TraceId).collect();
    let found = traces::find_many(app.store.pool(), &ids).await?;
    Ok(request.respond(&page, found.iter().map(wire::trace::fields)))
}

/// `GET /traces/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pool = app.store.pool();
    let found = match name.parse::<TraceId>() {
        Ok(id) if traces::exists(pool, id).await? => traces::find_many(pool, &[id]).await?.pop(),
        _ => None,
    };
    let trace =
        found.ok_or_else(|| Error::not_found(format!("Unable to identify resource with id \"{name}\".")))?;
    caller.permit(Permission::TraceView, wire::trace::uid(&trace).as_str())?;
    Ok(json(StatusCode::OK, &wire::trace::fields(&trace)))
}

/// What begins the traces that a condition lets through, where they are found by something else than their rows.
async fn beginnings(app: &App, condition: &Condition) -> ApiResult<Option<Vec<ObjectId>>> {
    let pool = app.store.pool();
    let traces: Vec<TraceId> = match condition {
        Condition::IdIn("id", ids) => ids.iter().copied().map(TraceId).collect(),
        Condition::Text("trace_tag", tag) => return Ok(Some(traces::begun_by_tagged(pool, tag).await?)),
        Condition::Text("execution", id) => match id.parse::<ExecutionId>() {
            Ok(id) => traces::of_executions(pool, &[id]).await?.into_iter().map(|it| it.trace).collect(),
            Err(_) => Vec::new(),
        },
        Condition::Text("trigger_instance", id) => match id.parse::<TriggerInstanceId>() {
            Ok(id) => traces::of_trigger_instance(pool, id).await?.into_iter().collect(),
            Err(_) => Vec::new(),
        },
        Condition::Text("rule", id) => match id.parse::<RuleId>() {
            Ok(id) => traces::of_rule(pool, id).await?,
            Err(_) => Vec::new(),
        },
        _ => return Ok(None),
    };
    Ok(Some(traces.into_iter().map(TraceId::beginning).collect()))
}
