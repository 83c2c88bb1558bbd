//! `/rules`: made, changed and deleted by clients; and `/rules/views`, which say what things are for.

use super::content::{self, masks, missing, show};
use crate::{
    access::{Caller, Permission},
    api::{
        ApiResult, Error, Object, Path, QueryString, attributes::Attributes, deleted, json, list::List,
        validate,
    },
    app::App,
    content::{pack::DEFAULT_PACK, rule as metadata, trigger},
    model::{Rule, RuleId},
    store::{self, Tx, listing},
    wire::content as wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// The pack of the program's own trigger types, whose parameters are always checked.
const SYSTEM_PACK: &str = "core.";

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "required": true},
            "pack": {"type": "string"},
            "description": {"type": "string"},
            "type": {"type": "object"},
            "trigger": {"type": "object", "required": true},
            "criteria": {"type": "object"},
            "action": {"type": "object", "required": true},
            "enabled": {"type": "boolean"},
            "context": {"type": "object"},
            "tags": {"type": "array", "items": {"type": "object"}},
        }
    })
});

pub(in crate::api) static VIEWS: List = List {
    attributes: Attributes { fields: wire::RULE_FIELDS, always: &["id", "ref"], droppable: None },
    ..content::RULES
};

/// `POST /rules`.
pub(in crate::api) async fn create(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let draft = read(&app, &caller, body.0).await?;
    permit(&caller, Permission::RuleCreate, &draft)?;
    let mut rule = Rule { id: RuleId::generate(), ..draft.rule };
    let mut tx = app.store.begin().await?;
    rule.trigger = wait_for(&mut tx, draft.trigger_type, draft.trigger_parameters).await?;
    match store::rules::insert(&mut tx, &rule).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &rule).await?),
        done => done?,
    }
    tx.commit().await?;
    shown_as(&app, StatusCode::CREATED, &rule).await
}

/// `PUT /rules/{ref_or_id}`.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let old = match find(&app, &name).await {
        Ok(old) => old,
        Err(missing) => {
            // What is no rule at all is told before that there is none to replace.
            metadata::validate(&Value::Object(body.0))?;
            return Err(missing);
        }
    };
    caller.permit(Permission::RuleModify, old.uid().as_str())?;
    let draft = read(&app, &caller, body.0).await?;
    permit(&caller, Permission::RuleModify, &draft)?;
    let mut rule = Rule { id: old.id, ..draft.rule };
    let mut tx = app.store.begin().await?;
    rule.trigger = wait_for(&mut tx, draft.trigger_type, draft.trigger_parameters).await?;
    match store::rules::update(&mut tx, &rule).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &rule).await?),
        Ok(false) => return Err(missing(&name)),
        done => drop(done?),
    }
    store::triggers::drop_unused(&mut tx, &[old.trigger]).await?;
    tx.commit().await?;
    shown_as(&app, StatusCode::OK, &rule).await
}

/// `DELETE /rules/{ref_or_id}`.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let rule = find(&app, &name).await?;
    caller.permit(Permission::RuleDelete, rule.uid().as_str())?;
    let mut tx = app.store.begin().await?;
    if store::rules::delete(&mut tx, &[rule.id]).await? == 0 {
        return Err(missing(&name));
    }
    store::triggers::drop_unused(&mut tx, &[rule.trigger]).await?;
    tx.commit().await?;
    Ok(deleted())
}

/// `GET /rules/views`.
pub(in crate::api) async fn views(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let request = content::read(&VIEWS, &query, &caller, &app)?;
    let mut conn = app.store.pool().acquire().await?;
    let page = listing::page(&mut conn, &request.listing).await?;
    let ids: Vec<RuleId> = page.ids.iter().copied().map(RuleId).collect();
    let rules = store::rules::list_by_ids(&mut *conn, &ids).await?;
    drop(conn);
    let shown = described(&app, &rules, masks(&caller, &query)?).await?;
    Ok(request.respond(&page, shown))
}

/// `GET /rules/views/{ref_or_id}`.
pub(in crate::api) async fn view(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let rule = find(&app, &name).await?;
    caller.permit(Permission::RuleView, rule.uid().as_str())?;
    let mut shown = described(&app, std::slice::from_ref(&rule), masks(&caller, &query)?).await?;
    Ok(json(StatusCode::OK, &shown.pop().unwrap_or_default()))
}

/// Rules with what their actions and triggers are for.
async fn described(app: &App, rules: &[Rule], mask: bool) -> ApiResult<Vec<Map<String, Value>>> {
    let mut shown = show(app, rules, mask).await?;
    let catalog = app.engine.triggers();
    for (fields, rule) in shown.iter_mut().zip(rules) {
        let action = app.engine.catalog().find(&rule.action).await?;
        let action = action.and_then(|found| found.snapshot.action.spec.description.clone());
        if let Some(Value::Object(shown)) = fields.get_mut("action") {
            shown.insert("description".to_owned(), value!(action.unwrap_or_default()));
        }
        if let Some(Value::Object(shown)) = fields.get_mut("trigger")
            && let Some(trigger) = catalog.trigger(&rule.trigger).await?
        {
            let kind = catalog.kind(&trigger.trigger_type).await?;
            let own = trigger.description.clone().filter(|text| !text.is_empty());
            let text = own.or_else(|| kind.and_then(|kind| kind.kind.description.clone()));
            shown.insert("description".to_owned(), value!(text.unwrap_or_default()));
        }
    }
    Ok(shown)
}

/// A rule by reference (with a dot) or id.
pub(super) async fn find(app: &App, name: &str) -> ApiResult<Rule> {
    let pool = app.store.pool();
    let found = match name.parse::<RuleId>() {
        _ if name.contains('.') => store::rules::find(pool, name).await?,
        Ok(id) => store::rules::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| missing(name))
}

/// The rule a body describes, checked in StackStorm's order.
pub(super) async fn read(app: &App, caller: &Caller, body: Map<String, Value>) -> ApiResult<metadata::Draft> {
    let draft = parse(caller, body)?;
    check_trigger(app, &draft).await?;
    check_rest(&draft)?;
    Ok(draft)
}

/// A rule that is only tested: its trigger may be of a type that nobody has registered yet.
pub(super) async fn read_for_test(
    app: &App,
    caller: &Caller,
    body: Map<String, Value>,
) -> ApiResult<metadata::Draft> {
    let draft = parse(caller, body)?;
    if app.engine.triggers().kind(&draft.trigger_type).await?.is_some() {
        check_trigger(app, &draft).await?;
    }
    check_rest(&draft)?;
    Ok(draft)
}

fn parse(caller: &Caller, body: Map<String, Value>) -> ApiResult<metadata::Draft> {
    let filled = metadata::validate(&Value::Object(body))?;
    let fields = filled.as_object().ok_or_else(|| validate::not_an_object(&filled))?;
    let pack = fields.get("pack").and_then(Value::as_str).unwrap_or(DEFAULT_PACK);
    let mut draft = metadata::from_fields(fields, pack);
    check_texts(&draft)?;
    draft.rule.context.insert("user".to_owned(), value!(&**caller.user()));
    Ok(draft)
}

fn check_rest(draft: &metadata::Draft) -> ApiResult<()> {
    metadata::check_criteria(&Value::Object(draft.rule.criteria.clone()))?;
    validate::referable(&draft.rule.pack, &draft.rule.name)
}

/// References are cut at their first dot, and the database keeps no text with a NUL character.
fn check_texts(draft: &metadata::Draft) -> ApiResult<()> {
    let metadata::Draft { rule, trigger_type, .. } = draft;
    let texts = [
        ("name", Some(&rule.name)),
        ("pack", Some(&rule.pack)),
        ("description", rule.description.as_ref()),
        ("type.ref", Some(&rule.rule_type)),
        ("trigger.type", Some(trigger_type)),
        ("action.ref", Some(&rule.action)),
        ("action.description", rule.action_description.as_ref()),
        ("metadata_file", Some(&rule.metadata_file)),
    ];
    if rule.pack.contains('.') {
        return Err(Error::bad_request("pack cannot hold a dot: it ends where the name begins."));
    }
    let wrong = texts.iter().find(|(_, text)| text.is_some_and(|text| text.contains('\0')));
    wrong
        .map_or(Ok(()), |(field, _)| Err(Error::bad_request(format!("{field} cannot hold a NUL character."))))
}

async fn check_trigger(app: &App, draft: &metadata::Draft) -> ApiResult<()> {
    let (reference, parameters) = (&draft.trigger_type, &draft.trigger_parameters);
    if !reference.contains('.') {
        return Err(Error::bad_request(format!("Invalid resource reference: {reference}")));
    }
    let Some(kind) = app.engine.triggers().kind(reference).await? else {
        // With parameters it can wait for a type that is still to come, as in StackStorm.
        return if parameters.is_empty() { Err(metadata::unknown_trigger(reference).into()) } else { Ok(()) };
    };
    let schema = &kind.kind.parameters_schema;
    if reference.starts_with(SYSTEM_PACK) || app.config.system.validate_trigger_parameters {
        trigger::check_parameters(reference, schema, parameters)?;
    }
    if parameters.is_empty() && !schema.is_empty() {
        return Err(metadata::unknown_trigger(reference).into());
    }
    Ok(())
}

/// The reference of the trigger of this type and these parameters, made if need be.
async fn wait_for(tx: &mut Tx, kind: String, parameters: Map<String, Value>) -> ApiResult<String> {
    let made = store::triggers::for_rules(tx, &[(kind, parameters)]).await?;
    Ok(made.into_iter().next().unwrap_or_default())
}

/// Whoever writes a rule must also be allowed what it does.
pub(super) fn permit(caller: &Caller, permission: Permission, draft: &metadata::Draft) -> ApiResult<()> {
    caller.permit(permission, draft.rule.uid().as_str())?;
    if draft.trigger_type == trigger::WEBHOOK {
        let address = draft.trigger_parameters.get("url").and_then(Value::as_str).unwrap_or_default();
        let address = format!("webhook:{}", address.trim_matches('/'));
        caller.permit(Permission::WebhookCreate, address.as_str())?;
    }
    let action = format!("action:{}", draft.rule.action.replacen('.', ":", 1));
    caller.permit(Permission::ActionExecute, action.as_str())?;
    Ok(())
}

async fn shown_as(app: &App, status: StatusCode, rule: &Rule) -> ApiResult<HttpResponse> {
    // As it was sent: whoever wrote it knows its secrets.
    let mut shown = show(app, std::slice::from_ref(rule), false).await?;
    Ok(json(status, &shown.pop().unwrap_or_default()))
}

/// Names the rule that has the reference already.
async fn conflict(app: &App, failed: Tx, what: String, rule: &Rule) -> ApiResult<Error> {
    // The transaction is over with the failed statement; looking needs its connection back.
    drop(failed);
    let there = store::rules::find(app.store.pool(), &rule.reference()).await?;
    Ok(Error::Conflict { what, id: there.map_or(rule.id, |there| there.id).to_string() })
}
