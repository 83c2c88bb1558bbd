//! `/keys`: the datastore.
//!
//! Without RBAC everybody may do everything with the system's keys and his own, and nothing with other users'.

use crate::{
    access::{Caller, Permission, Permit},
    api::{
        ApiResult, Error, Object, Path, QueryString,
        attributes::Attributes,
        deleted, json,
        list::{Filter, List},
        validate,
    },
    app::App,
    clock,
    datastore::Protection,
    engine::trigger::keys,
    model::{ALLOWED_SCOPES, KeyName, KeyValue, KeyValueId, Scope},
    store::{
        self,
        listing::{self, Condition, Page},
    },
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// Longest name, in bytes, its user's included: what an index can hold.
const NAME_MAX_BYTES: usize = 1024;

/// Longest life: a hundred years, in seconds.
const TTL_MAX: i64 = 100 * 365 * 24 * 3600;

pub(in crate::api) static LIST: List = List {
    table: "key_values",
    filters: &[("id", Filter::Ids("id")), ("name", Filter::Text("name"))],
    order: &[],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes::NONE,
};

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "name": {"type": "string", "required": true},
            "value": {"type": "string", "required": true},
            "secret": {"type": "boolean"},
            "encrypted": {"type": "boolean"},
            "scope": {"type": "string"},
            "ttl": {"type": "integer"},
            "user": {"type": "string", "nullable": true},
            "id": {"type": "string"},
            "uid": {"type": "string"},
            "description": {"type": "string"},
            "expire_timestamp": {"type": "string"},
        },
    })
});

/// `GET /keys`: those of the system, then the user's own. Each kind has pages of its own.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let user = query.text("user");
    let scope = full(if user.is_some() { "user" } else { query.text("scope").unwrap_or("system") });
    let scopes: &[Scope] = match (scope.as_str(), Scope::parse(&scope)) {
        ("all", _) => &[Scope::System, Scope::User],
        (_, Some(Scope::System)) => &[Scope::System],
        (_, Some(Scope::User)) => &[Scope::User],
        (_, None) => return Err(Error::bad_request(format!("Invalid scope: {scope}"))),
    };
    let decrypt = query.boolean("decrypt")?.unwrap_or(false);
    if decrypt && scopes != [Scope::User] && !caller.is_admin() {
        return Err(Error::forbidden("Decrypt option requires administrator access"));
    }
    let user = on_behalf_of(&caller, user)?;
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let mut all = Page { ids: Vec::new(), total: 0 };
    for scope in scopes {
        let mut listing = request.listing.clone();
        let owner = if *scope == Scope::System { String::new() } else { user.to_owned() };
        listing.conditions.push(Condition::Text("owner", owner));
        listing.conditions.push(Condition::UnlessPast("expires_at", clock::now()));
        if let Some(prefix) = query.text("prefix") {
            listing.conditions.push(Condition::Prefix("name", plain(prefix)?.to_owned()));
        }
        let page = listing::page(&mut conn, &listing).await?;
        all.ids.extend(page.ids);
        all.total += page.total;
    }
    let ids: Vec<KeyValueId> = all.ids.iter().copied().map(KeyValueId).collect();
    let entries = store::keys::list_by_ids(&mut *conn, &ids).await?;
    let mut decrypted = Vec::new();
    let shown: Vec<Map<String, Value>> = entries
        .iter()
        .map(|entry| {
            let plain = (decrypt && entry.secret).then(|| app.engine.datastore().decrypt(entry));
            match plain {
                Some(Ok(plain)) => {
                    decrypted.push(entry.key.reference());
                    wire::key_value::value(entry, Some(&plain))
                }
                Some(Err(error)) => {
                    // One broken value must not hide the others; it stays what it is, and says so.
                    tracing::warn!("{error}");
                    wire::key_value::value(entry, None)
                }
                None => wire::key_value::value(entry, None),
            }
        })
        .collect();
    if !decrypted.is_empty() {
        audit(&caller, &decrypted.join(", "));
    }
    Ok(request.respond(&all, shown))
}

/// `GET /keys/{name}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let user = query.text("user");
    let scope = if user.is_some() { "user" } else { query.text("scope").unwrap_or("system") };
    let key = key_of(&caller, scope, &name, user)?;
    let decrypt = query.boolean("decrypt")?.unwrap_or(false);
    permit(&caller, Permission::KeyValuePairView, &key)?;
    let entry = app.engine.datastore().find(&key).await?.ok_or_else(|| missing(&key))?;
    let plain = if decrypt && entry.secret { Some(app.engine.datastore().decrypt(&entry)?) } else { None };
    if plain.is_some() {
        audit(&caller, &key.reference());
    }
    Ok(json(StatusCode::OK, &wire::key_value::value(&entry, plain.as_deref())))
}

/// `PUT /keys/{name}`: the name of the path counts, whatever the body says.
pub(in crate::api) async fn put(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let fields = validate::declared(&SCHEMA, body.0)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(false);
    let user = text("user").filter(|user| !user.is_empty());
    let key = key_of(&caller, text("scope").unwrap_or("system"), &name, user)?;
    permit(&caller, Permission::KeyValuePairSet, &key)?;
    let protection = match (flag("encrypted"), flag("secret")) {
        (true, _) if !caller.is_admin() => {
            return Err(Error::forbidden("Pre-encrypted option requires administrator access"));
        }
        (true, _) => Protection::Encrypted,
        (false, true) => Protection::Encrypt,
        (false, false) => Protection::None,
    };
    let entry = KeyValue {
        // The client sends the name as id; only a real one counts, and only for an entry that is new.
        id: text("id").and_then(|id| id.parse().ok()).unwrap_or_else(KeyValueId::generate),
        value: text("value").unwrap_or_default().to_owned(),
        description: text("description").map(|text| plain(text).map(str::to_owned)).transpose()?,
        secret: protection != Protection::None,
        expires_at: expiry(fields.get("ttl"))?,
        key,
    };
    let id = entry.id;
    let mut tx = app.store.begin().await?;
    let entry = match keys::put(&app.engine, &mut tx, entry, protection).await {
        Err(keys::Error::Store(store::Error::Duplicate(what))) => {
            return Err(Error::Conflict { what, id: id.to_string() });
        }
        done => done?,
    };
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::key_value::value(&entry, None)))
}

/// `DELETE /keys/{name}`.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let key = key_of(&caller, query.text("scope").unwrap_or("system"), &name, query.text("user"))?;
    permit(&caller, Permission::KeyValuePairDelete, &key)?;
    let mut tx = app.store.begin().await?;
    let was_there = keys::delete(&app.engine, &mut tx, &key).await?.is_some();
    tx.commit().await?;
    if was_there { Ok(deleted()) } else { Err(missing(&key)) }
}

/// A scope in its full form; what contains the prefix counts as full.
fn full(scope: &str) -> String {
    if scope == "all" || scope.contains("st2kv") { scope.to_owned() } else { format!("st2kv.{scope}") }
}

/// The key a request names. `all` stands for the system here.
fn key_of(caller: &Caller, scope: &str, name: &str, user: Option<&str>) -> ApiResult<KeyName> {
    let scope = full(if scope == "all" { "system" } else { scope });
    if Scope::parse(&scope).is_none() {
        return Err(Error::bad_request(format!(
            "Scope {scope} is not in allowed scopes list: {ALLOWED_SCOPES}."
        )));
    }
    let user = on_behalf_of(caller, user)?;
    let key = KeyName::of(&scope, plain(name)?, Some(user))
        .map_err(|error| Error::bad_request(error.to_string()))?;
    if key.owner.len() + key.name.len() > NAME_MAX_BYTES {
        return Err(Error::bad_request(format!(
            "The name of a key may have {NAME_MAX_BYTES} bytes at most, this one has {}.",
            key.owner.len() + key.name.len()
        )));
    }
    Ok(key)
}

/// Whose keys a request is about.
fn on_behalf_of<'a>(caller: &'a Caller, user: Option<&'a str>) -> ApiResult<&'a str> {
    match user {
        Some(user) if user != &**caller.user() => {
            Err(Error::forbidden("\"user\" attribute can only be provided by admins when RBAC is enabled"))
        }
        _ => Ok(caller.user()),
    }
}

/// Everybody may do what he likes with his own keys.
fn permit(caller: &Caller, permission: Permission, key: &KeyName) -> ApiResult<Option<Permit>> {
    if key.scope() == Scope::User && key.owner == **caller.user() {
        return Ok(None);
    }
    Ok(Some(caller.permit(permission, key)?))
}

/// The database keeps no text with a NUL character; values are kept as bytes.
fn plain(text: &str) -> ApiResult<&str> {
    if text.contains('\0') {
        return Err(Error::bad_request("Names and descriptions of keys cannot hold a NUL character."));
    }
    Ok(text)
}

/// When an entry with this `ttl` ends, in whole milliseconds as clients see it. Nothing and 0 are never.
fn expiry(ttl: Option<&Value>) -> ApiResult<Option<DateTime<Utc>>> {
    let Some(ttl) = ttl.filter(|ttl| !ttl.is_null()) else { return Ok(None) };
    match ttl.as_i64().filter(|ttl| (-TTL_MAX..=TTL_MAX).contains(ttl)) {
        Some(0) => Ok(None),
        Some(ttl) => Ok(Some((clock::now() + TimeDelta::seconds(ttl)).trunc_subsecs(3))),
        None => Err(Error::bad_request(format!("ttl may be {TTL_MAX} seconds at most, got {ttl}."))),
    }
}

fn missing(key: &KeyName) -> Error {
    Error::not_found(format!("The key \"{}\" does not exist in the StackStorm datastore.", key.reference()))
}

/// Who saw which secrets in clear.
fn audit(caller: &Caller, names: &str) {
    let user: &str = caller.user();
    tracing::info!(user, operation = "decrypt", "User {user} decrypted the value {names}");
}
