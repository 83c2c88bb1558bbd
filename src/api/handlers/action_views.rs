//! `/actions/views`: actions with the parameters of their runners, and their source.

use super::actions;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Path, QueryString, attributes::Attributes, json, list::List, text},
    app::App,
    content::PackDir,
    model::{Action, ActionId, BadObjectId, RunnerType},
    store::{self, listing},
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::{collections::HashMap, path};

/// Largest source shown, in bytes: what StackStorm serves of other pack files.
const LARGEST_SOURCE: u64 = 500_000;

/// `GET /actions/views/overview`: the list, with merged parameters.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    // Other than of the list itself, anything may be left out.
    let attributes = Attributes { droppable: None, ..actions::LIST.attributes };
    let request = List { attributes, ..actions::LIST }.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<ActionId> = page.ids.iter().copied().map(ActionId).collect();
    let found = store::actions::list_by_ids(&mut *conn, &ids).await?;
    let runners = store::runner_types::all(&mut *conn).await?;
    let runners: HashMap<&str, &RunnerType> = runners.iter().map(|it| (it.name.as_str(), it)).collect();
    let items =
        found.iter().map(|action| overview(action, runners.get(action.spec.runner_type.as_str()).copied()));
    let mut response = request.respond(&page, items);
    actions::warn(response.headers_mut(), found.iter().map(|action| &action.spec.parameters));
    Ok(response)
}

/// `GET /actions/views/overview/{ref_or_id}`: one action, with merged parameters.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let action = actions::find(&app, &name).await?;
    caller.permit(Permission::ActionView, &action)?;
    let runner = store::runner_types::find(app.store.pool(), &action.spec.runner_type).await?;
    Ok(actions::answer(StatusCode::OK, &action, &overview(&action, runner.as_ref())))
}

fn overview(action: &Action, runner: Option<&RunnerType>) -> Map<String, Value> {
    let mut fields = wire::action::value(action);
    fields.insert("parameters".to_owned(), Value::Object(wire::action::merged_parameters(action, runner)));
    fields
}

/// `GET /actions/views/parameters/{ref_or_id}`: the merged parameters alone.
pub(in crate::api) async fn parameters(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let action = actions::find(&app, &name).await.map_err(|error| match error {
        Error::Answer(StatusCode::NOT_FOUND, _) => Error::not_found(failed_lookup(&name)),
        other => other,
    })?;
    caller.permit(Permission::ActionView, &action)?;
    let runner = store::runner_types::find(app.store.pool(), &action.spec.runner_type).await?;
    let merged = wire::action::merged_parameters(&action, runner.as_ref());
    Ok(json(StatusCode::OK, &value!({"parameters": merged})))
}

/// This view looks actions up in its own way, and says so.
fn failed_lookup(name: &str) -> String {
    if name.contains('.') {
        return format!(
            "Database lookup for ref=\"{name}\" resulted in exception. Referenced action \"{name}\" doesnt exist"
        );
    }
    let why = match name.parse::<ActionId>() {
        Ok(_) => format!("Unable to find the ActionDB instance. {{'id': '{name}'}}"),
        Err(BadObjectId(text)) => BadObjectId(text).to_string(),
    };
    format!("Database lookup for id=\"{name}\" resulted in exception. {why}")
}

/// `GET /actions/views/entry_point/{ref_or_id}`: the source of an action.
pub(in crate::api) async fn entry_point(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let action = actions::find(&app, &name).await?;
    caller.permit(Permission::ActionView, &action)?;
    let entry_point = action.spec.entry_point;
    let none = || Error::not_found(format!("Action ref_or_id={name} has no entry_point to output"));
    if entry_point.is_empty() {
        return Err(none());
    }
    let pack = store::packs::find(app.store.pool(), &action.spec.pack).await?.ok_or_else(none)?;
    let kind = content_type(&entry_point);
    // One that leads out of the pack, by `..` or by a link, is not there.
    let read = tokio::task::spawn_blocking(move || {
        let source = path::Path::new("actions").join(entry_point);
        PackDir::at(path::Path::new(&pack.path)).ok()?.read_bytes(source, LARGEST_SOURCE).ok()
    });
    let bytes = read.await.map_err(|error| Error::Internal(error.into()))?;
    Ok(text(kind, bytes.ok_or_else(none)?))
}

/// What Python guesses of the ending.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("py") => "text/x-python",
        Some("yaml" | "yml") => "application/x-yaml",
        Some("sh") => "text/x-sh",
        _ => "text/plain",
    }
}
