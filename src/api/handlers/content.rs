//! What packs bring besides actions, to look at: `/triggertypes`, `/triggers`, `/sensortypes`, `/rules`,
//! `/ruletypes`, `/actionalias`, `/policies` and `/policytypes`. Changing them is not here.

use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Path, QueryString,
        attributes::Attributes,
        json,
        list::{Filter, List, Request, listed},
    },
    app::App,
    model::{
        AliasId, PolicyId, PolicyTypeId, Rule, RuleId, RuleTypeId, SensorId, Trigger, TriggerId,
        TriggerTypeId,
    },
    schema::secrets,
    store::{
        self,
        listing::{self, Direction},
    },
    wire::content as wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value};
use std::collections::HashMap;

const BY_PACK_AND_NAME: &[(&str, Direction)] =
    &[("pack", Direction::Ascending), ("name", Direction::Ascending)];

pub(in crate::api) static TRIGGER_TYPES: List = List {
    table: "trigger_types",
    filters: &[("id", Filter::Ids("id")), ("name", Filter::Texts("name")), ("pack", Filter::Text("pack"))],
    order: &[("ref", Direction::Ascending)],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::TRIGGER_TYPE_FIELDS, always: &["id", "ref"], droppable: None },
};

pub(in crate::api) static SENSORS: List = List {
    table: "sensors",
    filters: &[
        ("id", Filter::Ids("id")),
        ("name", Filter::Text("name")),
        ("pack", Filter::Text("pack")),
        ("enabled", Filter::Flag("enabled")),
        ("trigger", Filter::Member("trigger_types")),
    ],
    order: BY_PACK_AND_NAME,
    default_limit: None,
    any_offset: false,
    attributes: Attributes { fields: wire::SENSOR_FIELDS, always: &["id", "ref"], droppable: None },
};

pub(in crate::api) static RULES: List = List {
    table: "rules",
    filters: &[
        ("id", Filter::Ids("id")),
        ("name", Filter::Text("name")),
        ("pack", Filter::Text("pack")),
        ("action", Filter::Text("action")),
        ("trigger", Filter::Text("trigger")),
        ("enabled", Filter::Flag("enabled")),
    ],
    order: BY_PACK_AND_NAME,
    default_limit: None,
    any_offset: false,
    attributes: Attributes { fields: wire::RULE_FIELDS, always: &["id", "ref"], droppable: None },
};

pub(in crate::api) static ALIASES: List = List {
    table: "aliases",
    filters: &[("name", Filter::Text("name")), ("pack", Filter::Text("pack"))],
    order: BY_PACK_AND_NAME,
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::ALIAS_FIELDS, always: &["id", "ref"], droppable: None },
};

pub(in crate::api) static POLICIES: List = List {
    table: "policies",
    filters: &[("pack", Filter::Text("pack")), ("name", Filter::Text("name"))],
    order: BY_PACK_AND_NAME,
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::POLICY_FIELDS, always: &["id", "ref"], droppable: None },
};

pub(in crate::api) static POLICY_TYPES: List = List {
    table: "policy_types",
    filters: &[
        ("id", Filter::Ids("id")),
        ("name", Filter::Texts("name")),
        ("resource_type", Filter::Text("resource_type")),
    ],
    order: &[("resource_type", Direction::Ascending), ("name", Direction::Ascending)],
    default_limit: Some(100),
    any_offset: false,
    attributes: Attributes { fields: wire::POLICY_TYPE_FIELDS, always: &["id"], droppable: None },
};

/// Reads what a client asks for. Lists that show everything unless told otherwise know no offset, and skip one.
pub(super) fn read(list: &List, query: &QueryString, caller: &Caller, app: &App) -> ApiResult<Request> {
    match list.default_limit {
        Some(_) => list.read(query, caller, &app.config.api),
        None => list.read(&query.without("offset"), caller, &app.config.api),
    }
}

/// Everything there is, on one page.
pub(super) fn whole(items: impl Iterator<Item = Map<String, Value>>) -> HttpResponse {
    let items: Vec<_> = items.collect();
    let bytes = serde_json::to_vec(&items).unwrap_or_default();
    listed(bytes, Some(items.len() as i64), None)
}

pub(super) fn missing(name: &str) -> Error {
    Error::not_found(format!("Resource with a reference or id \"{name}\" not found"))
}

fn missing_policy_type(name: &str) -> Error {
    Error::not_found(format!("PolicyType with a reference of id \"{name}\" not found."))
}

/// The handlers of a list and of one of its members, by reference (with a dot) or id.
macro_rules! resource {
    ($list_doc:literal $list:ident $get_doc:literal $get:ident $LIST:ident $Id:ident $view:expr,
     $find:path, $find_by_id:path, $list_by_ids:path, $shown:path, $missing:path) => {
        #[doc = $list_doc]
        pub(in crate::api) async fn $list(
            app: Data<App>,
            caller: Caller,
            query: QueryString,
        ) -> ApiResult<HttpResponse> {
            let request = read(&$LIST, &query, &caller, &app)?;
            let mut conn = app.store.pool().acquire().await?;
            let page = listing::page(&mut conn, &request.listing).await?;
            let ids: Vec<$Id> = page.ids.iter().copied().map($Id).collect();
            let found = $list_by_ids(&mut *conn, &ids).await?;
            Ok(request.respond(&page, found.iter().map($shown)))
        }

        #[doc = $get_doc]
        pub(in crate::api) async fn $get(
            app: Data<App>,
            caller: Caller,
            Path([name]): Path<1>,
        ) -> ApiResult<HttpResponse> {
            let pool = app.store.pool();
            let found = match name.parse::<$Id>() {
                _ if name.contains('.') => $find(pool, &name).await?,
                Ok(id) => $find_by_id(pool, id).await?,
                Err(_) => None,
            };
            let found = found.ok_or_else(|| $missing(&name))?;
            let view: Option<Permission> = $view;
            if let Some(permission) = view {
                caller.permit(permission, found.uid().as_str())?;
            }
            Ok(json(StatusCode::OK, &$shown(&found)))
        }
    };
}

resource!("`GET /triggertypes`." list_trigger_types "`GET /triggertypes/{ref_or_id}`." get_trigger_type
    TRIGGER_TYPES TriggerTypeId None, store::triggers::find_type, store::triggers::find_type_by_id,
    store::triggers::list_type_by_ids, wire::trigger_type, missing);
/// `GET /sensortypes`.
pub(in crate::api) async fn list_sensors(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = read(&SENSORS, &query, &caller, &app)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<SensorId> = page.ids.iter().copied().map(SensorId).collect();
    let found = store::sensors::list_by_ids(&mut *conn, &ids).await?;
    Ok(request.respond(&page, found.iter().map(wire::sensor)))
}

resource!("`GET /actionalias`." list_aliases "`GET /actionalias/{ref_or_id}`." get_alias ALIASES AliasId
    Some(Permission::ActionAliasView), store::aliases::find, store::aliases::find_by_id,
    store::aliases::list_by_ids, wire::alias, missing);
resource!("`GET /policies`." list_policies "`GET /policies/{ref_or_id}`." get_policy POLICIES PolicyId
    Some(Permission::PolicyView), store::policies::find, store::policies::find_by_id,
    store::policies::list_by_ids, wire::policy, missing);
resource!("`GET /policytypes`." list_policy_types "`GET /policytypes/{ref_or_id}`." get_policy_type
    POLICY_TYPES PolicyTypeId Some(Permission::PolicyTypeView), store::policies::find_type,
    store::policies::find_type_by_id, store::policies::list_type_by_ids, wire::policy_type, missing_policy_type);

/// `GET /triggers`: all of them.
pub(in crate::api) async fn list_triggers(app: Data<App>) -> ApiResult<HttpResponse> {
    let all = store::triggers::all(app.store.pool()).await?;
    Ok(whole(all.iter().map(wire::trigger)))
}

/// `GET /triggers/{id}`.
pub(in crate::api) async fn get_trigger(app: Data<App>, Path([id]): Path<1>) -> ApiResult<HttpResponse> {
    let found = match id.parse::<TriggerId>() {
        Ok(id) => store::triggers::find_by_id(app.store.pool(), id).await?,
        Err(_) => None,
    };
    let found = found.ok_or_else(|| super::triggers::gone(&id))?;
    Ok(json(StatusCode::OK, &wire::trigger(&found)))
}

/// `GET /ruletypes`: both of them.
pub(in crate::api) async fn list_rule_types(app: Data<App>) -> ApiResult<HttpResponse> {
    let all = store::rules::all_types(app.store.pool()).await?;
    Ok(whole(all.iter().map(wire::rule_type)))
}

/// `GET /ruletypes/{id}`.
pub(in crate::api) async fn get_rule_type(app: Data<App>, Path([id]): Path<1>) -> ApiResult<HttpResponse> {
    let parsed = id.parse::<RuleTypeId>().map_err(|error| {
        Error::not_found(format!("Database lookup for id=\"{id}\" resulted in exception. {error}"))
    })?;
    let found = store::rules::find_type_by_id(app.store.pool(), parsed).await?;
    let found = found.ok_or_else(|| {
        Error::not_found(format!("Unable to find the RuleTypeDB instance. {{'id': '{id}'}}"))
    })?;
    Ok(json(StatusCode::OK, &wire::rule_type(&found)))
}

/// `GET /rules`.
pub(in crate::api) async fn list_rules(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = read(&RULES, &query, &caller, &app)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<RuleId> = page.ids.iter().copied().map(RuleId).collect();
    let rules = store::rules::list_by_ids(&mut *conn, &ids).await?;
    drop(conn);
    let shown = show(&app, &rules, masks(&caller, &query)?).await?;
    Ok(request.respond(&page, shown))
}

/// `GET /rules/{ref_or_id}`.
pub(in crate::api) async fn get_rule(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pool = app.store.pool();
    let found = match name.parse::<RuleId>() {
        _ if name.contains('.') => store::rules::find(pool, &name).await?,
        Ok(id) => store::rules::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    let rule = found.ok_or_else(|| missing(&name))?;
    caller.permit(Permission::RuleView, rule.uid().as_str())?;
    let mut shown = show(&app, std::slice::from_ref(&rule), masks(&caller, &query)?).await?;
    Ok(json(StatusCode::OK, &shown.pop().unwrap_or_default()))
}

pub(super) fn masks(caller: &Caller, query: &QueryString) -> ApiResult<bool> {
    Ok(caller.masking(query.boolean("show_secrets")?.unwrap_or(false)))
}

/// Rules with their triggers, and with the secrets hidden that they give to their actions.
pub(super) async fn show(app: &App, rules: &[Rule], mask: bool) -> ApiResult<Vec<Map<String, Value>>> {
    let pool = app.store.pool();
    let references: Vec<String> = rules.iter().map(|rule| rule.trigger.clone()).collect();
    let triggers = store::triggers::list_by_refs(pool, &references).await?;
    let triggers: HashMap<String, &Trigger> = triggers.iter().map(|it| (it.reference(), it)).collect();
    let mut secrets_of: HashMap<&str, Value> = HashMap::new();
    let mut shown = Vec::with_capacity(rules.len());
    for rule in rules {
        let mut fields = wire::rule(rule, triggers.get(&rule.trigger).copied());
        if mask && !rule.action_parameters.is_empty() {
            if !secrets_of.contains_key(rule.action.as_str()) {
                let secrets = match store::actions::find_runnable(pool, &rule.action).await? {
                    Some((action, runner)) => {
                        secrets::of(&crate::wire::action::merged_parameters(&action, Some(&runner)))
                    }
                    None => Value::Object(Map::new()),
                };
                secrets_of.insert(&rule.action, secrets);
            }
            if let Some(parameters) = fields.get_mut("action").and_then(|action| action.get_mut("parameters"))
            {
                *parameters = secrets::mask(parameters, &secrets_of[rule.action.as_str()]);
            }
        }
        shown.push(fields);
    }
    Ok(shown)
}
