//! `/actionalias`: aliases made, changed and deleted; what a command means; what can be typed. Lists are with the other
//! content.

use crate::{
    access::{Caller, Permission},
    alias,
    api::{ApiResult, Error, Object, Path, QueryString, deleted, json, validate},
    app::App,
    content,
    model::{Alias, AliasId},
    store, wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// A command to find the alias of.
pub(in crate::api) static COMMAND: LazyLock<Value> = LazyLock::new(
    || value!({"type": "object", "properties": {"command": {"type": "string", "required": true}}}),
);

/// `POST /actionalias`.
pub(in crate::api) async fn create(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let made = read(body.0)?;
    caller.permit(Permission::ActionAliasCreate, made.uid().as_str())?;
    let mut tx = app.store.begin().await?;
    taken(store::aliases::insert(&mut tx, &made).await)?;
    tx.commit().await?;
    Ok(json(StatusCode::CREATED, &wire::content::alias(&made)))
}

/// `PUT /actionalias/{id}`; as in StackStorm an alias is not replaced by its reference.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let wanted = read(body.0)?;
    let stored = get(&app, &name).await?;
    caller.permit(Permission::ActionAliasModify, stored.uid().as_str())?;
    if name.contains('.') {
        // StackStorm takes the reference for the id it would store the alias under.
        return Err(Error::bad_request(format!(
            "ValidationError (ActionAliasDB:{name}) (Invalid ObjectID: ['id'])"
        )));
    }
    let wanted = Alias { id: stored.id, ..wanted };
    let mut tx = app.store.begin().await?;
    if !taken(store::aliases::update(&mut tx, &wanted).await)? {
        return Err(missing(&name));
    }
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::content::alias(&wanted)))
}

/// `DELETE /actionalias/{ref_or_id}`.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let stored = get(&app, &name).await?;
    caller.permit(Permission::ActionAliasDelete, stored.uid().as_str())?;
    let mut tx = app.store.begin().await?;
    if store::aliases::delete(&mut tx, &[stored.id]).await? == 0 {
        return Err(missing(&name));
    }
    tx.commit().await?;
    Ok(deleted())
}

/// `POST /actionalias/match`: the one alias that a command fits.
pub(in crate::api) async fn find(app: Data<App>, body: Object) -> ApiResult<HttpResponse> {
    validate::object(&COMMAND, &body.0)?;
    let command = body.0["command"].as_str().unwrap_or_default().to_owned();
    let found = find_one(&app, command).await?;
    let shown = value!({
        "actionalias": wire::content::alias(&found.alias),
        "display": found.display,
        "representation": found.representation,
    });
    Ok(json(StatusCode::OK, &shown))
}

/// `GET /actionalias/help`.
pub(in crate::api) async fn help(app: Data<App>, query: QueryString) -> ApiResult<HttpResponse> {
    let (limit, offset) = (query.integer("limit")?.unwrap_or(100), query.integer("offset")?.unwrap_or(0));
    let text = |name| query.get(name).unwrap_or_default().to_owned();
    let (filter, pack) = (text("filter"), text("pack"));
    let aliases = store::aliases::enabled(app.store.pool()).await?;
    let answer = apart(move || {
        let page = alias::Page { filter: &filter, pack: &pack, limit, offset };
        let (available, lines) = alias::help(&aliases, page)
            .map_err(|cause| Error::bad_request(format!("Invalid filter \"{filter}\": {cause}")))?;
        Ok(value!({"available": available, "helpstrings": lines}))
    });
    Ok(json(StatusCode::OK, &answer.await?))
}

/// An alias, and the part of it that a command fits.
pub(super) struct Match {
    pub(super) alias: Alias,
    pub(super) display: Option<String>,
    pub(super) representation: String,
    pub(super) several: bool,
}

/// The one alias that a command fits.
pub(super) async fn find_one(app: &App, command: String) -> ApiResult<Match> {
    let aliases = store::aliases::enabled(app.store.pool()).await?;
    apart(move || {
        let found = alias::find(&aliases, &command).map_err(|error| Error::bad_request(error.to_string()))?;
        Ok(Match {
            alias: found.alias.clone(),
            display: found.representation.display.map(str::to_owned),
            representation: found.representation.text.to_owned(),
            several: found.representation.match_multiple == Some(true),
        })
    })
    .await
}

/// Runs what may take long on a thread of its own: patterns are whatever people wrote.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))?
}

/// The alias that a body describes, with a new id.
fn read(body: Map<String, Value>) -> ApiResult<Alias> {
    let filled = content::alias::validate(&Value::Object(body))?;
    let fields = filled.as_object().ok_or_else(|| validate::not_an_object(&filled))?;
    let pack = fields.get("pack").and_then(Value::as_str).unwrap_or_default();
    let alias = content::alias::from_fields(fields, pack);
    validate::referable(&alias.pack, &alias.name)?;
    Ok(alias)
}

async fn get(app: &App, name: &str) -> ApiResult<Alias> {
    let pool = app.store.pool();
    let found = match name.parse::<AliasId>() {
        _ if name.contains('.') => store::aliases::find(pool, name).await?,
        Ok(id) => store::aliases::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| missing(name))
}

fn taken<T>(written: store::Result<T>) -> ApiResult<T> {
    match written {
        Err(store::Error::Duplicate(what)) => Err(Error::Taken(what)),
        other => Ok(other?),
    }
}

fn missing(name: &str) -> Error {
    Error::not_found(format!("Resource with a reference or id \"{name}\" not found"))
}
