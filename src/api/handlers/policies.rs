//! `/policies`: made, changed and deleted by clients. Looking at them is in `content`.

use super::action_edits::system_pack;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, Path, deleted, json, validate},
    app::App,
    content::{self, policy as metadata},
    model::{Policy, PolicyId, PolicyType},
    store, wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// For the description of the interface; bodies are checked as files are.
pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "required": true},
            "pack": {"type": "string"},
            "description": {"type": "string"},
            "enabled": {"type": "boolean"},
            "resource_ref": {"type": "string", "required": true},
            "policy_type": {"type": "string", "required": true},
            "parameters": {"type": "object"},
        },
    })
});

/// `POST /policies`.
pub(in crate::api) async fn create(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    caller.permit_any(Permission::PolicyCreate)?;
    let policy = read(&app, body.0, content::pack::DEFAULT_PACK).await?;
    let mut tx = app.store.begin().await?;
    match store::policies::insert(&mut tx, &policy).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &policy).await?),
        done => done?,
    }
    tx.commit().await?;
    Ok(json(StatusCode::CREATED, &wire::content::policy(&policy)))
}

/// `PUT /policies/{ref_or_id}`.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let stored = find(&app, &name, &body.0).await?;
    caller.permit(Permission::PolicyModify, stored.uid().as_str())?;
    if stored.pack == "core" {
        return Err(system_pack());
    }
    let policy = Policy { id: stored.id, ..read(&app, body.0, &stored.pack).await? };
    let mut tx = app.store.begin().await?;
    match store::policies::update(&mut tx, &policy).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &policy).await?),
        Ok(false) => return Err(gone(&name)),
        done => drop(done?),
    }
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::content::policy(&policy)))
}

/// `DELETE /policies/{ref_or_id}`. Executions that wait because of it go on.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let policy = look_up(&app, &name).await?.ok_or_else(|| gone(&name))?;
    caller.permit(Permission::PolicyDelete, policy.uid().as_str())?;
    if policy.pack == "core" {
        return Err(system_pack());
    }
    let mut tx = app.store.begin().await?;
    if store::policies::delete(&mut tx, &[policy.id]).await? == 0 {
        return Err(gone(&name));
    }
    tx.commit().await?;
    Ok(deleted())
}

/// The policy that is to be replaced. What is no policy at all is told before that there is none to replace.
async fn find(app: &App, name: &str, body: &Map<String, Value>) -> ApiResult<Policy> {
    let found = look_up(app, name).await?;
    if found.is_none() {
        let types = store::policies::all_types(app.store.pool()).await?;
        checked(&Value::Object(body.clone()), &types)?;
    }
    found.ok_or_else(|| gone(name))
}

async fn look_up(app: &App, name: &str) -> ApiResult<Option<Policy>> {
    let pool = app.store.pool();
    Ok(match name.parse::<PolicyId>() {
        _ if name.contains('.') => store::policies::find(pool, name).await?,
        Ok(id) => store::policies::find_by_id(pool, id).await?,
        Err(_) => None,
    })
}

/// The policy a body describes.
async fn read(app: &App, mut body: Map<String, Value>, default_pack: &str) -> ApiResult<Policy> {
    let given = body.get("pack").filter(|pack| !pack.is_null());
    // What is no text is left for the form to tell.
    let pack = given.map_or(default_pack, |pack| pack.as_str().unwrap_or_default()).to_owned();
    if given.is_none() {
        body.insert("pack".to_owned(), Value::String(pack.clone()));
    }
    let types = store::policies::all_types(app.store.pool()).await?;
    let filled = checked(&Value::Object(body), &types)?;
    let fields = filled.as_object().ok_or_else(|| validate::not_an_object(&filled))?;
    let policy = metadata::from_fields(fields, &pack);
    validate::referable(&policy.pack, &policy.name)?;
    Ok(policy)
}

/// As files are checked, but for a type that is no reference: of bodies that is said first.
fn checked(body: &Value, types: &[PolicyType]) -> ApiResult<Value> {
    let filled = metadata::validate_form(body)?;
    match filled["policy_type"].as_str() {
        Some(named) if !named.is_empty() && !named.contains('.') => {
            Err(Error::bad_request(format!("Invalid reference: {named}")))
        }
        _ => Ok(metadata::fill(filled, types)?),
    }
}

/// Another policy has its name, or its place: then nobody's id is told, as in StackStorm.
async fn conflict(app: &App, tx: store::Tx, what: String, policy: &Policy) -> ApiResult<Error> {
    // The failed statement ended the transaction; the look at what is there needs another connection.
    drop(tx);
    let there = store::policies::find(app.store.pool(), &policy.reference()).await?;
    Ok(match there.filter(|there| there.id != policy.id) {
        Some(there) => Error::Conflict { what, id: there.id.to_string() },
        None => Error::Taken(what),
    })
}

fn gone(name: &str) -> Error {
    Error::not_found(format!("Resource with a reference or id \"{name}\" not found"))
}
