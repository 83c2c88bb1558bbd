//! `/inquiries`: questions that wait for somebody's answer. Behind each is an execution of the `inquirer`.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Object, Path, QueryString, attributes::Attributes, json, list::Paging,
        list::listed, validate,
    },
    app::App,
    engine::inquiry::{self, Inquiry, Responder},
    model::ExecutionId,
    store::executions::query::{self, Column, Condition, Query, Sort, SortKey},
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// Inquiries of a page unless the client says.
const DEFAULT_LIMIT: i64 = 20;

/// Any name is taken: StackStorm does not look at them here.
const ATTRIBUTES: Attributes = Attributes { fields: &[], always: &["id"], droppable: None };

pub(in crate::api) static RESPONSE: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "required": true},
            "response": {"type": "object", "required": true},
        },
    })
});

/// `GET /inquiries`: those that are open, the oldest first.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    if query.text("include_attributes").is_some() && query.text("exclude_attributes").is_some() {
        return Err(Error::bad_request(
            "exclude_attributes and include_attributes arguments are mutually exclusive. You need to provide either \
             one or another, but not both.",
        ));
    }
    let choice = ATTRIBUTES.choose(&query)?;
    // StackStorm knows no offset here: one that cannot be followed is no fault.
    let offset = query.integer("offset").ok().flatten();
    let followed = offset.is_some_and(|offset| (0..=i64::from(i32::MAX)).contains(&offset));
    let query = if followed { query } else { query.without("offset") };
    let paging = Paging::read(&query, &caller, &app.config.api, Some(DEFAULT_LIMIT))?;
    let open = Query {
        filter: vec![
            Condition::Is(Column::Status, "pending".to_owned()),
            Condition::Is(Column::Runner, inquiry::RUNNER.to_owned()),
        ],
        order: vec![Sort { key: SortKey::Id, descending: false }],
        offset: paging.offset.max(0) as u64,
        limit: paging.limit.map(|limit| limit.max(0) as u64),
    };
    let page = query::list(app.store.pool(), app.store.history(), &open).await?;
    let rows = query::find_many(app.store.pool(), &page.ids).await?;
    // One that was answered since the page was read is passed over.
    let items: Vec<Map<String, Value>> = rows
        .into_iter()
        .filter_map(|execution| Inquiry::of(execution).ok())
        .map(|inquiry| choice.narrow(show(&inquiry)))
        .collect();
    let bytes = serde_json::to_vec(&items).unwrap_or_default();
    Ok(listed(bytes, Some(page.total as i64), paging.limit))
}

/// `GET /inquiries/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let execution = find(&app, &id).await?;
    caller.permit_any(Permission::InquiryView)?;
    let inquiry = Inquiry::of(execution)?;
    Ok(json(StatusCode::OK, &show(&inquiry)))
}

/// `PUT /inquiries/{id}`: an answer. What was asked goes on with it at once.
pub(in crate::api) async fn respond(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut fields = body.0;
    validate::object(&RESPONSE, &fields)?;
    let execution = find(&app, &id).await?;
    let permit = caller.permit_any(Permission::InquiryRespond)?;
    let Some(Value::Object(response)) = fields.remove("response") else {
        return Err(Error::bad_request("'response' is a required property"));
    };
    let has_role = |role: &str| caller.has_role(role);
    let responder = Responder { user: permit.user(), has_role: &has_role };
    inquiry::respond(&app.engine, &responder, execution.id, &response).await?;
    Ok(json(StatusCode::OK, &value!({"id": execution.id, "response": response})))
}

async fn find(app: &App, id: &str) -> ApiResult<std::sync::Arc<crate::model::Execution>> {
    let id: ExecutionId = id.parse().map_err(|_| Error::nothing_here())?;
    let found = query::find(app.store.pool(), id).await?;
    Ok(found.ok_or_else(Error::nothing_here)?.execution)
}

fn show(inquiry: &Inquiry) -> Map<String, Value> {
    wire::inquiry::value(inquiry.id(), |name| inquiry.part(name))
}
