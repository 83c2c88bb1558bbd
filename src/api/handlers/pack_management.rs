//! `/packs/install`, `/packs/uninstall` and `/packs/index`: packs come and go, and what there is to come.

use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, json, validate},
    app::App,
    engine::execution,
    model::ExecutionRequest,
    packs::{
        Settings, Source,
        index::{self, Index},
    },
    store,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

pub(in crate::api) static INSTALL: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "packs": {"type": "array", "items": {"type": "string"}, "required": true},
            "force": {"type": "boolean", "default": false},
            "skip_dependencies": {"type": "boolean", "default": false},
        },
    })
});

pub(in crate::api) static UNINSTALL: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {"packs": {"type": "array", "items": {"type": "string"}, "required": true}},
    })
});

pub(in crate::api) static SEARCH: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {"query": {"type": "string"}, "pack": {"type": "string"}},
    })
});

/// `POST /packs/install`: an execution that installs packs.
pub(in crate::api) async fn install(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let wanted = validate::declared(&INSTALL, body.0)?;
    for pack in wanted["packs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (source, _) = Source::parse(pack).map_err(|refused| Error::bad_request(refused.to_string()))?;
        if source.is_local() && !caller.is_admin() {
            return Err(Error::forbidden(format!(
                "\"{pack}\" cannot be installed: only administrators may install packs from directories of the server."
            )));
        }
    }
    let mut parameters = Map::new();
    for key in ["packs", "force", "skip_dependencies"] {
        if let Some(value) = wanted.get(key) {
            parameters.insert(key.to_owned(), value.clone());
        }
    }
    run(&app, &caller, "packs.install", parameters).await
}

/// `POST /packs/uninstall`: an execution that removes packs.
pub(in crate::api) async fn uninstall(
    app: Data<App>,
    caller: Caller,
    body: Object,
) -> ApiResult<HttpResponse> {
    let wanted = validate::declared(&UNINSTALL, body.0)?;
    let mut parameters = Map::new();
    parameters.insert("packs".to_owned(), wanted["packs"].clone());
    run(&app, &caller, "packs.uninstall", parameters).await
}

async fn run(
    app: &App,
    caller: &Caller,
    action: &str,
    parameters: Map<String, Value>,
) -> ApiResult<HttpResponse> {
    let permit =
        caller.permit(Permission::ActionExecute, crate::wire::snapshot::action_uid(action).as_str())?;
    let request = ExecutionRequest { action: action.to_owned(), parameters, ..ExecutionRequest::default() };
    let execution = execution::request(&app.engine, permit.user(), request, None).await?;
    Ok(json(StatusCode::ACCEPTED, &value!({"execution_id": execution.id})))
}

/// `GET /packs/index`: every pack that the index knows.
pub(in crate::api) async fn list(app: Data<App>) -> ApiResult<HttpResponse> {
    let index = fetch(&app).await?;
    let status: Vec<Value> = index.status.iter().map(index::Status::value).collect();
    Ok(json(StatusCode::OK, &value!({"status": status, "index": index.packs})))
}

/// `GET /packs/index/health`: how the addresses of the index do.
pub(in crate::api) async fn health(app: Data<App>) -> ApiResult<HttpResponse> {
    Ok(json(StatusCode::OK, &fetch(&app).await?.health()))
}

/// `POST /packs/index/search`: one pack, or those with a text in them.
pub(in crate::api) async fn search(app: Data<App>, body: Object) -> ApiResult<HttpResponse> {
    let wanted = validate::declared(&SEARCH, body.0)?;
    let text = |key: &str| wanted.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let refuse = |text: &str| Err(Error::bad_request(text));
    let (query, pack) = (text("query"), text("pack"));
    if query.is_none() && pack.is_none() {
        return if wanted.contains_key("pack") {
            refuse("Pack name must be specified.")
        } else {
            refuse("Query must be specified.")
        };
    }
    let index = index::fetch_some(&settings(&app).await?).await;
    let index = index.map_err(|error| Error::bad_request(error.to_string()))?;
    let found = match (query, pack) {
        (Some(query), _) => Value::Array(index.search(query, false)),
        (None, Some(pack)) => index.packs.get(pack).cloned().unwrap_or_else(|| value!([])),
        (None, None) => value!([]),
    };
    Ok(json(StatusCode::OK, &found))
}

async fn fetch(app: &App) -> ApiResult<Index> {
    index::fetch(&settings(app).await?).await.map_err(|error| Error::bad_request(error.to_string()))
}

/// The settings, with what the configuration of the pack `packs` says.
async fn settings(app: &App) -> ApiResult<Settings> {
    let config = store::configs::find(app.store.pool(), "packs").await?;
    Ok(Settings::of(&app.config).with_pack_config(&config.map(|config| config.values).unwrap_or_default()))
}
