//! `/runnertypes`: the runners there are, and whether they may be used.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Object, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
        validate,
    },
    app::App,
    model::{RunnerType, RunnerTypeId},
    store::{
        self,
        listing::{self, Direction},
    },
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Value, json as value};
use std::sync::LazyLock;

pub(in crate::api) static LIST: List = List {
    table: "runner_types",
    filters: &[("id", Filter::Ids("id")), ("name", Filter::Texts("name"))],
    order: &[("name", Direction::Ascending)],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::runner_type::FIELDS, always: &["id"], droppable: None },
};

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "id": {"type": ["string", "null"]},
            "uid": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "enabled": {"type": "boolean", "default": true},
            "runner_package": {"type": "string"},
            "runner_module": {"type": "string"},
            "query_module": {"type": "string"},
            "runner_parameters": {"type": "object"},
            "output_key": {"type": ["string", "null"]},
            "output_schema": {"type": "object"},
        },
        "additionalProperties": false,
    })
});

/// `GET /runnertypes`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<RunnerTypeId> = page.ids.iter().copied().map(RunnerTypeId).collect();
    let runners = store::runner_types::list_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, runners.iter().map(wire::runner_type::value)))
}

/// `GET /runnertypes/{name_or_id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let runner = find(&app, &name).await?;
    caller.permit(Permission::RunnerTypeView, &runner)?;
    Ok(json(StatusCode::OK, &wire::runner_type::value(&runner)))
}

/// `PUT /runnertypes/{name_or_id}`: enables or disables it; nothing else of it can be changed.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut runner = find(&app, &name).await?;
    caller.permit(Permission::RunnerTypeModify, &runner)?;
    let fields = validate::declared(&SCHEMA, body.0)?;
    runner.enabled = fields.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let mut tx = app.store.begin().await?;
    store::runner_types::set_enabled(&mut tx, runner.id, runner.enabled).await?;
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::runner_type::value(&runner)))
}

async fn find(app: &App, name: &str) -> ApiResult<RunnerType> {
    let pool = app.store.pool();
    let by_id = match name.parse() {
        Ok(id) => store::runner_types::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(runner) => Some(runner),
        None => store::runner_types::find(pool, name).await?,
    };
    found.ok_or_else(|| Error::not_found(format!("Resource with a name or id \"{name}\" not found")))
}
