//! `/apikeys`: keys for programs. A key can be named by its id or by its own text.

use crate::{
    access::{self, Caller, Permission},
    api::{
        ApiResult, Error, Object, Path, QueryString, attributes::Attributes, deleted, json, list::List,
        validate,
    },
    app::App,
    clock,
    model::{ApiKey, ApiKeyId},
    schema::secrets::MASK,
    store::{self, listing},
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

pub(in crate::api) static LIST: List = List {
    table: "api_keys",
    filters: &[("user", crate::api::list::Filter::Text("user_name"))],
    order: &[],
    default_limit: Some(50),
    any_offset: true,
    attributes: Attributes::NONE,
};

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "id": {"type": ["string", "null"]},
            "uid": {"type": "string"},
            "user": {"type": "string"},
            "key_hash": {"type": ["string", "null"]},
            "metadata": {"type": "object"},
            "created_at": {"type": "string"},
            "enabled": {"type": "boolean"},
        },
        "additionalProperties": false,
    })
});

/// The fields of a body: each as it is declared, then the whole as the model of keys is.
fn checked(body: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let fields = validate::declared(&SCHEMA, body)?;
    wire::forms::api_key(&Value::Object(fields.clone()))?;
    Ok(fields)
}

/// `GET /apikeys`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<ApiKeyId> = page.ids.iter().copied().map(ApiKeyId).collect();
    let keys = store::api_keys::list_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, keys.iter().map(|key| wire::api_key::value(key, mask))))
}

/// `GET /apikeys/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let key = find(&app, &name)
        .await?
        .ok_or_else(|| Error::not_found(format!("ApiKey matching {name} for reference and id not found.")))?;
    caller.permit(Permission::ApiKeyView, &key)?;
    Ok(json(StatusCode::OK, &wire::api_key::value(&key, mask)))
}

/// `POST /apikeys`: a new key, shown this once, or one known by its hash from elsewhere.
pub(in crate::api) async fn create(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let fields = checked(body.0)?;
    let known_hash = text(&fields, "key_hash").map(str::to_owned);
    let fresh = if known_hash.is_none() { Some(access::generate_api_key()?) } else { None };
    let key_hash = known_hash.unwrap_or_else(|| access::hash_api_key(fresh.as_deref().unwrap_or_default()));
    let key = ApiKey {
        id: text(&fields, "id").map(str::parse).transpose()?.unwrap_or_else(ApiKeyId::generate),
        user: text(&fields, "user").unwrap_or(caller.user()).to_owned(),
        key_hash,
        metadata: metadata(&fields),
        created_at: clock::now(),
        enabled: fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
    };
    let mut tx = app.store.begin().await?;
    store::users::ensure(&mut tx, &key.user).await?;
    match store::api_keys::insert(&mut tx, &key).await {
        Err(store::Error::Duplicate(what)) => {
            // The failed statement ended the transaction; the look at what is there needs another connection.
            drop(tx);
            let there = store::api_keys::find_by_hash(app.store.pool(), &key.key_hash).await?;
            return Err(Error::Conflict { what, id: there.map_or(key.id, |key| key.id).to_string() });
        }
        done => done?,
    }
    tx.commit().await?;
    Ok(json(StatusCode::CREATED, &wire::api_key::created(&key, fresh.as_deref())))
}

/// `PUT /apikeys/{id}`: another user, other metadata, on or off. The key itself stays.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let fields = checked(body.0)?;
    let key = find(&app, &name).await?.ok_or_else(|| gone(&name))?;
    caller.permit(Permission::ApiKeyModify, &key)?;
    if text(&fields, "key_hash").is_some_and(|hash| hash != MASK && hash != key.key_hash) {
        return Err(Error::bad_request("Update of key_hash is not allowed."));
    }
    let Some(user) = text(&fields, "user") else {
        return Err(Error::bad_request(format!(
            "ValidationError (ApiKeyDB:{}) (Field is required: ['user'])",
            key.id
        )));
    };
    let key = ApiKey {
        user: user.to_owned(),
        metadata: metadata(&fields),
        enabled: fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        ..key
    };
    let mut tx = app.store.begin().await?;
    store::users::ensure(&mut tx, &key.user).await?;
    store::api_keys::update(&mut tx, &key).await?;
    tx.commit().await?;
    app.access.forget_verified();
    let mut shown = wire::api_key::value(&key, false);
    // StackStorm makes the uid of what was sent; clients that compare answers expect it so.
    let sent = text(&fields, "key_hash").unwrap_or_default();
    shown.insert("uid".to_owned(), value!(format!("api_key:{sent}")));
    Ok(json(StatusCode::OK, &shown))
}

/// `DELETE /apikeys/{id}`.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let key = find(&app, &name).await?.ok_or_else(|| gone(&name))?;
    caller.permit(Permission::ApiKeyDelete, &key)?;
    let mut tx = app.store.begin().await?;
    store::api_keys::delete(&mut tx, key.id).await?;
    tx.commit().await?;
    app.access.forget_verified();
    Ok(deleted())
}

/// A key by its own text, then by its id.
async fn find(app: &App, name: &str) -> ApiResult<Option<ApiKey>> {
    let pool = app.store.pool();
    if let Some(key) = store::api_keys::find_by_hash(pool, &access::hash_api_key(name)).await? {
        return Ok(Some(key));
    }
    match name.parse() {
        Ok(id) => Ok(store::api_keys::find(pool, id).await?),
        Err(_) => Ok(None),
    }
}

fn gone(name: &str) -> Error {
    Error::not_found(format!("ApiKey with key or id={name} not found."))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn metadata(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default()
}
