//! `/configs` and `/config_schemas`: what packs are configured with, and what they can be.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Object, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
    },
    app::App,
    model::{ConfigId, ConfigSchemaId, Pack, PackConfig, is_pack_ref},
    pack_config, schema,
    store::{self, listing},
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::{collections::HashMap, sync::LazyLock};

pub(in crate::api) static LIST: List = BY_PACK;

pub(in crate::api) static SCHEMAS: List = List { table: "config_schemas", ..BY_PACK };

const BY_PACK: List = List {
    table: "configs",
    filters: &[("id", Filter::Ids("id")), ("name", Filter::Text("pack"))],
    order: &[],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes::NONE,
};

pub(in crate::api) static VALUES: LazyLock<Value> = LazyLock::new(|| value!({"type": "object"}));

/// `GET /configs`. A configuration of a pack without a schema has no secrets.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<ConfigId> = page.ids.iter().copied().map(ConfigId).collect();
    let configs = store::configs::list_by_ids(&mut *conn, &ids).await?;
    let packs: Vec<&str> = configs.iter().map(|config| config.pack.as_str()).collect();
    let schemas: HashMap<String, Map<String, Value>> = if mask {
        let schemas = store::configs::schemas_of(&mut *conn, &packs).await?;
        schemas.into_iter().map(|schema| (schema.pack, schema.attributes)).collect()
    } else {
        HashMap::new()
    };
    Ok(request.respond(&page, configs.iter().map(|it| wire::config::value(it, schemas.get(&it.pack)))))
}

/// `GET /configs/{pack_ref}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([reference]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let pool = app.store.pool();
    let pack: Pack = store::packs::find(pool, &reference).await?.ok_or_else(|| missing(&reference))?;
    caller.permit(Permission::PackView, &pack)?;
    let config = store::configs::find(pool, &reference).await?.ok_or_else(|| missing(&reference))?;
    shown(&app, &config, mask).await
}

/// `PUT /configs/{pack_ref}`: the body is the values. They are written to the file of the pack's configuration too.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([reference]): Path<1>,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    if !is_pack_ref(&reference) {
        return Err(Error::bad_request(format!("\"{reference}\" cannot be the name of a pack.")));
    }
    let file = pack_config::file(&app.config, &reference);
    let values = Value::Object(body.0);
    let pool = app.store.pool();
    if let Some(schema) = store::configs::find_schema(pool, &reference).await? {
        schema::pack_config::validate(&schema.attributes, &values, &file.display().to_string(), &reference)?;
    }
    let Value::Object(values) = values else { return Err(Error::nothing_here()) };
    let config = PackConfig { id: ConfigId::generate(), pack: reference.clone(), values };
    pack_config::replace(&app.store, &file, &config).await.map_err(|error| match error {
        pack_config::WriteError::Store(error) => Error::Store(error),
        error @ pack_config::WriteError::File { .. } => {
            Error::Answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
    })?;
    let config = store::configs::find(pool, &reference).await?.ok_or_else(|| missing(&reference))?;
    shown(&app, &config, mask).await
}

/// `GET /config_schemas`.
pub(in crate::api) async fn list_schemas(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = SCHEMAS.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<ConfigSchemaId> = page.ids.iter().copied().map(ConfigSchemaId).collect();
    let schemas = store::configs::list_schema_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, schemas.iter().map(wire::config::schema)))
}

/// `GET /config_schemas/{pack_ref}`.
pub(in crate::api) async fn get_schema(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pack = super::packs::find(&app, &name).await?;
    caller.permit(Permission::PackView, &pack)?;
    let schema = store::configs::find_schema(app.store.pool(), &pack.reference).await?;
    let schema = schema.ok_or_else(|| missing(&name))?;
    Ok(json(StatusCode::OK, &wire::config::schema(&schema)))
}

async fn shown(app: &App, config: &PackConfig, mask: bool) -> ApiResult<HttpResponse> {
    let schema = if mask { store::configs::find_schema(app.store.pool(), &config.pack).await? } else { None };
    let schema = schema.map(|schema| schema.attributes);
    Ok(json(StatusCode::OK, &wire::config::value(config, schema.as_ref())))
}

fn missing(reference: &str) -> Error {
    Error::not_found(format!("Unable to identify resource with pack_ref \"{reference}\"."))
}
