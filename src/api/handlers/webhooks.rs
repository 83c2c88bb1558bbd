//! `/webhooks`: whoever posts to the address that a rule waits for makes an event.
//!
//! Headers and body are the event's payload. What proves who sent it (tokens, keys, cookies) is left out, and a trace
//! tag is taken out and used. `st2` is the address of any event: its body names the trigger and holds the payload.

use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Body, Error, Path, json},
    app::App,
    engine::trigger::{self, Occurrence, Target},
    model::TraceContext,
    pytext,
    wire::content as wire,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};

/// The trigger type of webhooks.
const KIND: &str = "core.st2.webhook";

/// The address of any event.
const ANY: &str = "st2";

/// Names a trace; taken out of the payload.
const TRACE_TAG: &str = "St2-Trace-Tag";

/// What proves who sent it is nobody else's business.
const SECRETS: [&str; 3] = ["St2-Api-Key", "X-Auth-Token", "Cookie"];

/// `GET /webhooks`: the triggers behind all addresses.
pub(in crate::api) async fn list(app: Data<App>) -> ApiResult<HttpResponse> {
    let all = app.engine.triggers().triggers_of(KIND).await?;
    Ok(super::content::whole(all.iter().map(|trigger| wire::trigger(trigger))))
}

/// `GET /webhooks/{url}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([address]): Path<1>,
) -> ApiResult<HttpResponse> {
    let found = app.engine.triggers().hook(&address).await?;
    let found = found.first().ok_or_else(|| Error::not_found("Unhandled exception"))?;
    caller.permit(Permission::WebhookView, format!("webhook:{address}").as_str())?;
    Ok(json(StatusCode::OK, &wire::trigger(found)))
}

/// `POST /webhooks/{any/depth}`.
pub(in crate::api) async fn post(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    Path([address]): Path<1>,
    Body(body): Body,
) -> ApiResult<HttpResponse> {
    let address = address.trim_matches('/');
    caller.permit(Permission::WebhookSend, format!("webhook:{address}").as_str())?;
    let (headers, tag) = headers(&request);
    let tag = tag.unwrap_or_else(|| format!("webhook-{address}-{}", uuid::Uuid::new_v4().simple()));
    let trace = TraceContext::tagged(tag);
    if address == ANY {
        any(&app, trace, &body).await?;
    } else {
        let triggers = app.engine.triggers().hook(address).await?;
        if triggers.is_empty() {
            return Err(Error::not_found(format!("Webhook {address} not registered with st2")));
        }
        let lower: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        let payload = value!({"headers": headers, "headers_lower": lower, "body": body});
        for trigger in triggers {
            let target = Target::Ref(trigger.reference());
            let event = Occurrence::checked(target, payload.clone()).traced(trace.clone());
            trigger::dispatch(&app.engine, event).await?;
        }
    }
    Ok(json(StatusCode::ACCEPTED, &body))
}

/// An event of any trigger.
async fn any(app: &App, trace: TraceContext, body: &Value) -> ApiResult<()> {
    let Value::Object(fields) = body else {
        let kind = pytext::json_type(body);
        return Err(Error::bad_request(format!("Webhook body needs to be an object, got: {kind}")));
    };
    let payload = fields.get("payload").cloned().unwrap_or_default();
    let target = match fields.get("trigger").filter(|trigger| pytext::truthy(trigger)) {
        None => return Err(Error::bad_request("Trigger not specified.")),
        Some(Value::String(reference)) => Target::Ref(reference.clone()),
        Some(Value::Object(named)) if named.get("type").is_some_and(Value::is_string) => Target::Typed {
            kind: pytext::str(&named["type"]),
            parameters: named.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default(),
        },
        Some(other) => {
            return Err(trigger::Error::Payload {
                trigger: pytext::str(other),
                payload: pytext::str(&payload),
                reason: format!("'{}' object has no attribute 'split'", pytext::type_name(other)),
            }
            .into());
        }
    };
    let event = Occurrence::checked(target, payload).traced(trace);
    match trigger::dispatch(&app.engine, event).await {
        // The type is there and its trigger is not: StackStorm takes the event, and nothing comes of it.
        Err(trigger::Error::NoSuchTrigger(reference)) => {
            tracing::warn!(
                "An event names the trigger {reference}, which does not exist: nothing follows from it"
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// The headers as events have them, and the trace tag.
fn headers(request: &HttpRequest) -> (Map<String, Value>, Option<String>) {
    let mut headers = Map::new();
    let mut tag = None;
    for (name, value) in request.headers() {
        let name = title(name.as_str());
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == TRACE_TAG {
            tag = Some(value);
        } else if !SECRETS.contains(&name.as_str()) {
            headers.insert(name, Value::String(value));
        }
    }
    // The API gives every request an id, and StackStorm's events have it.
    let id = crate::api::keep_request_id(request);
    headers.entry("X-Request-Id").or_insert_with(|| Value::String(id));
    (headers, tag.filter(|tag| !tag.is_empty()))
}

/// `x-github-event` as `X-Github-Event`.
fn title(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|c| {
            let c = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            start = !c.is_ascii_alphanumeric();
            c
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_written_as_events_have_them() {
        for (name, written) in
            [("x-github-event", "X-Github-Event"), ("ETAG", "Etag"), ("x-2fa_code", "X-2fa_Code"), ("", "")]
        {
            assert_eq!(title(name), written);
        }
    }
}
