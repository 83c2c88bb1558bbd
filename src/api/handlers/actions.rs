//! `/actions`: what can be run.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
    },
    app::App,
    model::{Action, ActionId},
    store::{
        self,
        listing::{self, Direction},
    },
    wire,
};
use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderValue, WARNING},
    },
    web::Data,
};
use serde_json::{Map, Value};

/// The list, and the overview with it.
pub(in crate::api) static LIST: List = List {
    table: "actions",
    filters: &[
        ("id", Filter::Ids("id")),
        ("name", Filter::Text("name")),
        ("pack", Filter::Text("pack")),
        ("tags", Filter::Member("ARRAY(SELECT tag ->> 'name' FROM json_array_elements(tags) AS tag)")),
    ],
    order: &[("pack", Direction::Ascending), ("name", Direction::Ascending)],
    default_limit: None,
    any_offset: false,
    attributes: Attributes {
        fields: wire::action::FIELDS,
        always: &["id", "ref"],
        droppable: Some(&["parameters", "notify"]),
    },
};

/// `GET /actions`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = LIST.read(&query, &caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<ActionId> = page.ids.iter().copied().map(ActionId).collect();
    let actions = store::actions::list_by_ids(&mut *conn, &ids).await?;
    let mut response = request.respond(&page, actions.iter().map(wire::action::value));
    warn(response.headers_mut(), actions.iter().map(|action| &action.spec.parameters));
    Ok(response)
}

/// `GET /actions/{ref_or_id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let action = find(&app, &name).await?;
    caller.permit(Permission::ActionView, &action)?;
    Ok(shown_as(StatusCode::OK, &action))
}

/// One action as an answer.
pub(super) fn shown_as(status: StatusCode, action: &Action) -> HttpResponse {
    answer(status, action, &wire::action::value(action))
}

/// One action as an answer, some fields of it changed.
pub(super) fn answer(status: StatusCode, action: &Action, fields: &Map<String, Value>) -> HttpResponse {
    let mut response = json(status, fields);
    warn(response.headers_mut(), [&action.spec.parameters]);
    response
}

/// Says what StackStorm says of answers that do not fit its own OpenAPI document.
pub(super) fn warn<'a>(
    headers: &mut HeaderMap,
    parameters: impl IntoIterator<Item = &'a Map<String, Value>>,
) {
    if parameters.into_iter().any(wire::action::departs_from_openapi) {
        headers.insert(WARNING, HeaderValue::from_static("199 OpenAPI \"Response validation failed\""));
    }
}

/// An action by reference (with a dot) or id.
pub(super) async fn find(app: &App, name: &str) -> ApiResult<Action> {
    let pool = app.store.pool();
    let found = if name.contains('.') {
        store::actions::find(pool, name).await?
    } else {
        match name.parse() {
            Ok(id) => store::actions::find_by_id(pool, id).await?,
            Err(_) => None,
        }
    };
    found.ok_or_else(|| Error::not_found(format!("Resource with a reference or id \"{name}\" not found")))
}
