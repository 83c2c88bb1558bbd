//! `/packs`: what is installed.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
    },
    app::App,
    model::{Pack, PackId},
    store::{
        self,
        listing::{self, Direction},
    },
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};

pub(in crate::api) static LIST: List = List {
    table: "packs",
    filters: &[("id", Filter::Ids("id")), ("name", Filter::Text("name")), ("ref", Filter::Text("ref"))],
    order: &[("ref", Direction::Ascending)],
    default_limit: Some(100),
    any_offset: false,
    // Packs are the one list that takes names of no field.
    attributes: Attributes { fields: &[], always: &["id"], droppable: None },
};

/// `GET /packs`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<PackId> = page.ids.iter().copied().map(PackId).collect();
    let packs = store::packs::list_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, packs.iter().map(wire::pack::value)))
}

/// `GET /packs/{ref_or_id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pack = find(&app, &name).await?;
    caller.permit(Permission::PackView, &pack)?;
    Ok(json(StatusCode::OK, &wire::pack::value(&pack)))
}

/// A pack by id, then by reference.
pub(super) async fn find(app: &App, name: &str) -> ApiResult<Pack> {
    let pool = app.store.pool();
    let by_id = match name.parse() {
        Ok(id) => store::packs::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(pack) => Some(pack),
        None => store::packs::find(pool, name).await?,
    };
    found.ok_or_else(|| Error::not_found(format!("Resource with a ref or id \"{name}\" not found")))
}
