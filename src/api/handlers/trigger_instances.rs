//! `/triggerinstances`: what happened, and once more.

use crate::{
    access::Caller,
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List, listed},
    },
    app::App,
    engine::trigger::{self, Occurrence},
    model::{TriggerInstance, TriggerInstanceId, TriggerInstanceStatus},
    store::{
        self,
        listing::{self, Condition, Direction},
    },
    wire::event as wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};

pub(in crate::api) static LIST: List = List {
    table: "trigger_instances",
    filters: &[
        ("id", Filter::Ids("id")),
        ("trigger", Filter::Text("trigger")),
        ("status", Filter::Text(store::trigger_instances::STATUS)),
        ("timestamp_gt", Filter::Since("occurred_at")),
        ("timestamp_lt", Filter::Until("occurred_at")),
    ],
    // Instances are numbered as they happen.
    order: &[("id", Direction::Descending)],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::TRIGGER_INSTANCE_FIELDS, always: &["id"], droppable: None },
};

/// `GET /triggerinstances`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let mut request = LIST.read(&query, &caller, &app.config.api)?;
    if let Some(kind) = query.text("trigger_type") {
        let triggers = app.engine.triggers().triggers_of(kind).await?;
        if triggers.is_empty() {
            return Ok(listed(b"[]".to_vec(), None, None));
        }
        let references = triggers.iter().map(|trigger| trigger.reference()).collect();
        request.listing.conditions.push(Condition::TextIn("trigger", references));
    }
    if query.text("status") == Some(TriggerInstanceStatus::Pending.as_str()) {
        request.listing.table = store::trigger_instances::WAITING;
    }
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<TriggerInstanceId> = page.ids.iter().copied().map(TriggerInstanceId).collect();
    let found = store::trigger_instances::list_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, found.iter().map(wire::trigger_instance)))
}

/// `GET /triggerinstances/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    _caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    Ok(json(StatusCode::OK, &wire::trigger_instance(&find(&app, &id).await?)))
}

/// `POST /triggerinstances/{id}/re_emit`: the same happens again, and says where it comes from.
pub(in crate::api) async fn re_emit(
    app: Data<App>,
    _caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let instance = find(&app, &id).await?;
    let mut payload = match instance.payload {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    payload.insert("__context".to_owned(), value!({"original_id": instance.id}));
    let payload = Value::Object(payload);
    trigger::dispatch(&app.engine, Occurrence::of(instance.trigger, payload.clone())).await?;
    let message = format!("Trigger instance {id} succesfully re-sent.");
    Ok(json(StatusCode::OK, &value!({"message": message, "payload": payload})))
}

/// The instance of this id.
pub(super) async fn find(app: &App, id: &str) -> ApiResult<TriggerInstance> {
    let found = match id.parse::<TriggerInstanceId>() {
        Ok(id) => store::trigger_instances::find_by_id(app.store.pool(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Error::not_found(format!("Unable to identify resource with id \"{id}\".")))
}
