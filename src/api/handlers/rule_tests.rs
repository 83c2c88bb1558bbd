//! Why a rule takes up an event or does not: `/rules/{ref_or_id}/why/{trigger_instance}` for what happened, and
//! `/rules/test` for what would. StackStorm has a tool for the second, and nothing for the first.

use super::{content::masks, rules, trigger_instances};
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, Path, QueryString, json},
    app::App,
    clock,
    criteria::Comparison,
    engine::rules::{Explanation, explain},
    model::{ObjectId, Rule, TraceContext, TriggerInstance, TriggerInstanceId, TriggerInstanceStatus},
    schema::secrets,
    store,
    wire::{event as wire, snapshot},
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "rule": {"type": "object"},
            "rule_ref": {"type": "string"},
            "trigger_instance": {"type": "object"},
            "trigger_instance_id": {"type": "string"},
        }
    })
});

/// `GET /rules/{ref_or_id}/why/{trigger_instance}`: with the rule as it is now, and what it made of the event then.
pub(in crate::api) async fn why(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    Path([name, instance]): Path<2>,
) -> ApiResult<HttpResponse> {
    let rule = rules::find(&app, &name).await?;
    caller.permit(Permission::RuleView, rule.uid().as_str())?;
    let instance = trigger_instances::find(&app, &instance).await?;
    let mask = masks(&caller, &query)?;
    let made = store::enforcements::list_of(app.store.pool(), rule.id, instance.id).await?;
    let is_of_trigger = rule.trigger == instance.trigger;
    let mut shown = told(&app, rule, &instance, is_of_trigger, mask).await?;
    shown.insert("trigger_instance_id".to_owned(), value!(instance.id));
    shown.insert("trigger_instance_status".to_owned(), value!(instance.status.as_str()));
    let made: Vec<_> = made.iter().map(wire::enforcement).collect();
    shown.insert("enforcements".to_owned(), value!(made));
    Ok(json(StatusCode::OK, &shown))
}

/// `POST /rules/test`: a rule as a document or by reference, an event as a document or by id. Nothing is stored.
pub(in crate::api) async fn test(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut body = body.0;
    let mut kind = None;
    let mut rule = match (body.shift_remove("rule"), body.get("rule_ref").and_then(Value::as_str)) {
        (Some(Value::Object(fields)), None) => {
            let draft = rules::read_for_test(&app, &caller, fields).await?;
            rules::permit(&caller, Permission::RuleCreate, &draft)?;
            let triggers = app.engine.triggers();
            let trigger = triggers.trigger_of(&draft.trigger_type, &draft.trigger_parameters).await?;
            let trigger = trigger.map_or_else(|| draft.trigger_type.clone(), |trigger| trigger.reference());
            kind = Some(draft.trigger_type);
            Rule { trigger, ..draft.rule }
        }
        (None, Some(name)) => {
            let rule = rules::find(&app, name).await?;
            caller.permit(Permission::RuleView, rule.uid().as_str())?;
            rule
        }
        _ => return Err(Error::bad_request("Exactly one of \"rule\" and \"rule_ref\" is needed.")),
    };
    // Whether it is switched on is not the question.
    rule.enabled = true;
    let id = body.get("trigger_instance_id").and_then(Value::as_str);
    let instance = match (body.get("trigger_instance"), id) {
        (Some(Value::Object(fields)), None) => made_up(fields)?,
        (None, Some(id)) => trigger_instances::find(&app, id).await?,
        _ => {
            return Err(Error::bad_request(
                "Exactly one of \"trigger_instance\" and \"trigger_instance_id\" is needed.",
            ));
        }
    };
    let mut is_of_trigger = instance.trigger == rule.trigger;
    if !is_of_trigger {
        // A made-up event may name the type, whatever its parameters.
        let known = match kind {
            Some(kind) => Some(kind),
            None => app.engine.triggers().trigger(&rule.trigger).await?.map(|it| it.trigger_type.clone()),
        };
        is_of_trigger =
            body.contains_key("trigger_instance") && known.is_some_and(|it| it == instance.trigger);
    }
    let shown = told(&app, rule, &instance, is_of_trigger, masks(&caller, &query)?).await?;
    Ok(json(StatusCode::OK, &shown))
}

/// An event that did not happen.
fn made_up(fields: &Map<String, Value>) -> ApiResult<TriggerInstance> {
    let trigger = fields.get("trigger").and_then(Value::as_str).filter(|text| !text.is_empty());
    let trigger =
        trigger.ok_or_else(|| Error::bad_request("A trigger instance needs a \"trigger\": pack.name."))?;
    let payload = fields.get("payload").cloned();
    let payload = payload.ok_or_else(|| Error::bad_request("A trigger instance needs a \"payload\"."))?;
    let now = clock::now();
    Ok(TriggerInstance {
        id: TriggerInstanceId(ObjectId::at(now)),
        trigger: trigger.to_owned(),
        payload,
        occurred_at: now,
        status: TriggerInstanceStatus::Pending,
        trace: TraceContext::default(),
    })
}

async fn told(
    app: &App,
    rule: Rule,
    instance: &TriggerInstance,
    is_of_trigger: bool,
    mask: bool,
) -> ApiResult<Map<String, Value>> {
    let (reference, rule_trigger, action) = (rule.reference(), rule.trigger.clone(), rule.action.clone());
    let Explanation { fits, reasons, is_of_trigger, criteria, parameters } =
        explain(&app.engine, rule, instance, is_of_trigger).await?;
    let mut does = value!({"ref": action});
    match parameters {
        Some(Ok(parameters)) => {
            let mut parameters = Value::Object(parameters);
            if mask
                && let Some(found) = app.engine.catalog().find(&action).await?
                && let Some(secret) = &snapshot::views(&found.snapshot).secret_parameters
            {
                parameters = secrets::mask(&parameters, secret);
            }
            does["parameters"] = parameters;
        }
        Some(Err(why)) => does["failure"] = value!(why),
        None => {}
    }
    let criteria: Vec<Value> = criteria.iter().map(|it| comparison(&reference, it)).collect();
    let shown = value!({
        "rule": reference,
        "matches": fits,
        "reasons": reasons,
        "trigger": {"rule": rule_trigger, "event": instance.trigger, "fits": is_of_trigger},
        "criteria": criteria,
        "action": does,
    });
    Ok(shown.as_object().cloned().unwrap_or_default())
}

fn comparison(rule: &str, it: &Comparison) -> Value {
    let mut shown = value!({
        "key": it.key,
        "type": it.operator,
        "value": it.value,
        "pattern": it.pattern,
        "fits": it.fits,
    });
    if let Some(fault) = &it.fault {
        shown["failure"] = value!(fault.message(rule));
    }
    shown
}
