//! `/ruleenforcements`: what rules made of events; and their views, which hold the events and executions too.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List},
    },
    app::App,
    model::{Enforcement, EnforcementId, Execution},
    store::{
        self,
        executions::query,
        listing::{self, Direction},
    },
    wire::{event as wire, execution, snapshot, timestamp},
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::collections::HashMap;

const FILTERS: &[(&str, Filter)] = &[
    ("id", Filter::Ids("id")),
    ("rule_ref", Filter::Text("rule_ref")),
    ("rule_id", Filter::Id("rule_id")),
    ("execution", Filter::Id("execution_id")),
    ("trigger_instance", Filter::Id("trigger_instance_id")),
    ("enforced_at", Filter::Moment("enforced_at")),
    ("enforced_at_gt", Filter::Since("enforced_at")),
    ("enforced_at_lt", Filter::Until("enforced_at")),
];

pub(in crate::api) static LIST: List = List {
    table: "rule_enforcements",
    filters: FILTERS,
    // Numbered as they are made.
    order: &[("id", Direction::Descending)],
    default_limit: Some(50),
    any_offset: false,
    attributes: Attributes { fields: wire::ENFORCEMENT_FIELDS, always: &["id"], droppable: None },
};

/// `GET /ruleenforcements`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    respond(&app, &caller, &query, false).await
}

/// `GET /ruleenforcements/views`.
pub(in crate::api) async fn views(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    respond(&app, &caller, &query, true).await
}

async fn respond(app: &App, caller: &Caller, query: &QueryString, whole: bool) -> ApiResult<HttpResponse> {
    let request = LIST.read(query, caller, &app.config.api)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<EnforcementId> = page.ids.iter().copied().map(EnforcementId).collect();
    let found = store::enforcements::list_by_ids(&mut *conn, &ids).await?;
    drop(conn);
    let shown = if whole {
        with_objects(app, &found, caller.masking(false)).await?
    } else {
        found.iter().map(wire::enforcement).collect()
    };
    Ok(request.respond(&page, shown))
}

/// `GET /ruleenforcements/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let found = find(&app, &caller, &id).await?;
    Ok(json(StatusCode::OK, &wire::enforcement(&found)))
}

/// `GET /ruleenforcements/views/{id}`.
pub(in crate::api) async fn view(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let found = find(&app, &caller, &id).await?;
    let mut shown = with_objects(&app, &[found], caller.masking(false)).await?;
    Ok(json(StatusCode::OK, &shown.pop().unwrap_or_default()))
}

async fn find(app: &App, caller: &Caller, id: &str) -> ApiResult<Enforcement> {
    let found = match id.parse::<EnforcementId>() {
        Ok(id) => store::enforcements::list_by_ids(app.store.pool(), &[id]).await?.pop(),
        Err(_) => None,
    };
    let found =
        found.ok_or_else(|| Error::not_found(format!("Unable to identify resource with id \"{id}\".")))?;
    caller.permit(Permission::RuleEnforcementView, found.rule_uid().as_str())?;
    Ok(found)
}

/// Enforcements with what they are about, as far as it is still there.
async fn with_objects(app: &App, found: &[Enforcement], mask: bool) -> ApiResult<Vec<Map<String, Value>>> {
    let pool = app.store.pool();
    let mut ids: Vec<_> = found.iter().map(|it| it.trigger_instance).collect();
    ids.sort_unstable();
    ids.dedup();
    let instances = store::trigger_instances::list_by_ids(pool, &ids).await?;
    let instances: HashMap<_, _> = instances.iter().map(|it| (it.id, wire::trigger_instance(it))).collect();
    let ids: Vec<_> = found.iter().filter_map(|it| it.execution).collect();
    let executions = query::find_many(pool, &ids).await?;
    let executions: HashMap<_, _> = executions.iter().map(|it| (it.id, brief(it, mask))).collect();
    let shown = found.iter().map(|it| {
        let mut fields = wire::enforcement(it);
        let instance = instances.get(&it.trigger_instance).cloned().unwrap_or_default();
        let execution = it.execution.and_then(|id| executions.get(&id).cloned()).unwrap_or_default();
        fields.insert("trigger_instance".to_owned(), Value::Object(instance));
        fields.insert("execution".to_owned(), Value::Object(execution));
        fields
    });
    Ok(shown.collect())
}

/// What a view shows of an execution.
fn brief(it: &Execution, mask: bool) -> Map<String, Value> {
    let spec = &it.snapshot.action.spec;
    let runner = &it.snapshot.runner;
    let views = snapshot::views(&it.snapshot);
    let parameters = execution::parameters(it, views, mask);
    let mut fields = Map::new();
    let action = value!({"ref": spec.reference(), "parameters": spec.parameters});
    fields.insert("action".to_owned(), action);
    fields.insert(
        "runner".to_owned(),
        value!({"name": runner.name, "runner_parameters": runner.runner_parameters}),
    );
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), Value::Object(parameters.into_owned()));
    }
    fields.insert("status".to_owned(), value!(it.status.as_str()));
    fields.insert("start_timestamp".to_owned(), value!(timestamp::micros(it.start())));
    fields.insert("id".to_owned(), value!(it.id));
    fields
}
