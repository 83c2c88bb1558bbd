//! `/triggertypes` and `/triggers`: made, changed and deleted by clients.

use super::{action_edits::system_pack, content::missing};
use crate::{
    access::Caller,
    api::{ApiResult, Error, Object, Path, deleted, json},
    app::App,
    model::{Trigger, TriggerId, TriggerType, TriggerTypeId},
    store::{self, Tx},
    wire::content as wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// Its trigger types are the program's.
const SYSTEM_PACK: &str = "core";

pub(in crate::api) static TYPE: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "required": true},
            "pack": {"type": "string", "required": true},
            "description": {"type": "string"},
            "payload_schema": {"type": "object"},
            "parameters_schema": {"type": "object"},
            "tags": {"type": "array", "items": {"type": "object"}},
        }
    })
});

pub(in crate::api) static TRIGGER: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "required": true},
            "pack": {"type": "string", "required": true},
            "type": {"type": "string", "required": true},
            "parameters": {"type": "object"},
            "description": {"type": "string"},
        }
    })
});

/// `POST /triggertypes`; one without parameters gets its trigger at once.
pub(in crate::api) async fn create_type(
    app: Data<App>,
    _caller: Caller,
    body: Object,
) -> ApiResult<HttpResponse> {
    let kind = read_type(&body.0, None, TriggerTypeId::generate())?;
    let mut tx = app.store.begin().await?;
    match store::triggers::insert_type(&mut tx, &kind).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &kind).await?),
        done => done?,
    }
    store::triggers::make_shadows(&mut tx, std::slice::from_ref(&kind)).await?;
    tx.commit().await?;
    Ok(json(StatusCode::CREATED, &wire::trigger_type(&kind)))
}

/// `PUT /triggertypes/{ref_or_id}`.
pub(in crate::api) async fn replace_type(
    app: Data<App>,
    _caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let old = find_type(&app, &name).await?;
    refuse_system(&old.pack)?;
    let kind = read_type(&body.0, Some(&old), old.id)?;
    refuse_system(&kind.pack)?;
    let mut tx = app.store.begin().await?;
    match store::triggers::update_type(&mut tx, &kind).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &kind).await?),
        Ok(false) => return Err(missing(&name)),
        done => drop(done?),
    }
    if old.reference() != kind.reference() || !kind.parameters_schema.is_empty() {
        drop_shadow(&mut tx, &old.reference()).await?;
    }
    store::triggers::make_shadows(&mut tx, std::slice::from_ref(&kind)).await?;
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::trigger_type(&kind)))
}

/// `DELETE /triggertypes/{ref_or_id}`, with the trigger of its own.
pub(in crate::api) async fn delete_type(
    app: Data<App>,
    _caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let kind = find_type(&app, &name).await?;
    refuse_system(&kind.pack)?;
    let mut tx = app.store.begin().await?;
    store::triggers::delete_type(&mut tx, &[kind.id]).await?;
    drop_shadow(&mut tx, &kind.reference()).await?;
    tx.commit().await?;
    Ok(deleted())
}

/// `POST /triggers`; one of this name that is there already stays as it is.
pub(in crate::api) async fn create(app: Data<App>, _caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let trigger = read(&body.0, TriggerId::generate())?;
    if let Some(there) = store::triggers::find(app.store.pool(), &trigger.reference()).await? {
        return Ok(json(StatusCode::CREATED, &wire::trigger(&there)));
    }
    let mut tx = app.store.begin().await?;
    store::triggers::insert(&mut tx, &trigger).await?;
    tx.commit().await?;
    Ok(json(StatusCode::CREATED, &wire::trigger(&trigger)))
}

/// `PUT /triggers/{id}`.
pub(in crate::api) async fn replace(
    app: Data<App>,
    _caller: Caller,
    Path([id]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let old = find(&app, &id).await?;
    let trigger = Trigger { for_rules: old.for_rules, ..read(&body.0, old.id)? };
    let mut tx = app.store.begin().await?;
    if !store::triggers::update(&mut tx, &trigger).await? {
        return Err(gone(&id));
    }
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::trigger(&trigger)))
}

/// `DELETE /triggers/{id}`.
pub(in crate::api) async fn delete(
    app: Data<App>,
    _caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let trigger = find(&app, &id).await?;
    let mut tx = app.store.begin().await?;
    store::triggers::delete(&mut tx, &[trigger.id]).await?;
    tx.commit().await?;
    Ok(deleted())
}

async fn find_type(app: &App, name: &str) -> ApiResult<TriggerType> {
    let pool = app.store.pool();
    let found = match name.parse::<TriggerTypeId>() {
        _ if name.contains('.') => store::triggers::find_type(pool, name).await?,
        Ok(id) => store::triggers::find_type_by_id(pool, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| missing(name))
}

async fn find(app: &App, id: &str) -> ApiResult<Trigger> {
    let found = match id.parse::<TriggerId>() {
        Ok(id) => store::triggers::find_by_id(app.store.pool(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| gone(id))
}

/// StackStorm says nothing about what is no id.
pub(super) fn gone(id: &str) -> Error {
    match id.parse::<TriggerId>() {
        Ok(_) => Error::not_found(format!("Unable to find the TriggerDB instance. {{'id': '{id}'}}")),
        Err(_) => Error::not_found("Unhandled exception"),
    }
}

/// Removes the trigger that a type without parameters has of its own.
async fn drop_shadow(tx: &mut Tx, reference: &str) -> ApiResult<()> {
    if let Some(shadow) = store::triggers::find(tx.conn(), reference).await? {
        store::triggers::delete(tx, &[shadow.id]).await?;
    }
    Ok(())
}

fn refuse_system(pack: &str) -> ApiResult<()> {
    if pack == SYSTEM_PACK { Err(system_pack()) } else { Ok(()) }
}

/// A text that must be there; StackStorm fails inside where it is not.
fn needed<'a>(body: &'a Map<String, Value>, name: &str) -> ApiResult<&'a str> {
    match body.get(name) {
        Some(Value::String(text)) if text.contains('\0') => {
            Err(Error::bad_request(format!("{name} cannot hold a NUL character.")))
        }
        Some(Value::String(text)) if name == "pack" && text.contains('.') => {
            Err(Error::bad_request("pack cannot hold a dot: it ends where the name begins."))
        }
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        other if !other.is_some_and(crate::pytext::truthy) => {
            let part = |key: &str| body.get(key).map_or("None".to_owned(), crate::pytext::str);
            Err(Error::bad_request(format!(
                "Both pack and name needed for building ref. pack={}, name={}",
                part("pack"),
                part("name")
            )))
        }
        other => {
            let other = crate::pytext::repr(other.unwrap_or(&Value::Null));
            Err(Error::bad_request(format!("{other} is not of type 'string'")))
        }
    }
}

/// The trigger type a body describes. Fields nobody knows are left alone, as StackStorm does.
fn read_type(
    body: &Map<String, Value>,
    old: Option<&TriggerType>,
    id: TriggerTypeId,
) -> ApiResult<TriggerType> {
    let (pack, name) = (needed(body, "pack")?, needed(body, "name")?);
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    let mut faults = Vec::new();
    if given("description").is_some_and(|text| !text.is_string()) {
        faults.push("StringField only accepts string values: ['description']".to_owned());
    }
    let not_objects: Vec<&str> = ["payload_schema", "parameters_schema"]
        .into_iter()
        .filter(|key| given(key).is_some_and(|schema| !schema.is_object()))
        .collect();
    if !not_objects.is_empty() {
        let names = crate::pytext::repr(&value!(not_objects));
        faults.push(format!("Only dictionaries may be used in a DictField: {names}"));
    }
    if !faults.is_empty() {
        let id = old.map_or("None".to_owned(), |old| old.id.to_string());
        return Err(Error::bad_request(format!(
            "ValidationError (TriggerTypeDB:{id}) ({})",
            faults.join(" ")
        )));
    }
    let map = |key: &str| given(key).and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(TriggerType {
        id,
        pack: pack.to_owned(),
        name: name.to_owned(),
        description: given("description").and_then(Value::as_str).map(str::to_owned),
        payload_schema: map("payload_schema"),
        parameters_schema: map("parameters_schema"),
        tags: given("tags").and_then(Value::as_array).cloned().unwrap_or_default(),
        metadata_file: old.and_then(|old| old.metadata_file.clone()),
    })
}

/// The trigger a body describes.
fn read(body: &Map<String, Value>, id: TriggerId) -> ApiResult<Trigger> {
    let (pack, name) = (needed(body, "pack")?, needed(body, "name")?);
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(Trigger {
        id,
        pack: pack.to_owned(),
        name: name.to_owned(),
        trigger_type: text("type").unwrap_or_default(),
        parameters: body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default(),
        description: text("description"),
        for_rules: false,
    })
}

/// Names the trigger type that has the reference already.
async fn conflict(app: &App, failed: Tx, what: String, kind: &TriggerType) -> ApiResult<Error> {
    // The transaction is over with the failed statement; looking needs its connection back.
    drop(failed);
    let there = store::triggers::find_type(app.store.pool(), &kind.reference()).await?;
    Ok(Error::Conflict { what, id: there.map_or(kind.id, |there| there.id).to_string() })
}
