//! `/webhooks`: whoever posts to the address that a rule waits for makes an event.
//!
//! Headers and body are the event's payload. What proves who sent it (tokens, keys, cookies) is left out, and a trace
//! tag is taken out and used. `st2` is the address of any event: its body names the trigger and holds the payload.
//!
//! A trigger may want deliveries signed ([`signature`](crate::signature)). Then a good signature stands in for a token,
//! and a delivery that is sent again is no new event. The body of a request that shows neither a token nor what may be a
//! good signature is not read.

use crate::{
    access::{self, Caller, Permission},
    api::{ApiResult, Error, Path, QueryString, Unread, Whole, json, json_bytes},
    app::App,
    clock,
    content::trigger::{SIGNATURE, WEBHOOK as KIND},
    engine::trigger::{self, Delivery, Occurrence, Target, Verdict},
    model::{KeyName, TraceContext, Trigger, TriggerInstanceId},
    pytext,
    signature::{Claim, Scheme, Settings},
    wire::{content as wire, timestamp},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderValue},
    web::Data,
};
use serde_json::{Map, Value, json as value};
use std::{sync::Arc, time::Duration};

/// The address of any event.
const ANY: &str = "st2";

/// How long a body may take to come whose sender has shown no token. Senders of webhooks wait no longer for an answer.
const STRANGERS_TIME: Duration = Duration::from_secs(30);

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

/// `GET /webhookdeliveries`: the last ones, the newest first.
pub(in crate::api) async fn deliveries(app: Data<App>, query: QueryString) -> ApiResult<HttpResponse> {
    let address = query.text("url").map(|url| url.trim_matches('/').to_owned());
    let all = app.engine.deliveries().last(address.as_deref());
    let most = query.integer("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    Ok(super::content::whole(all.iter().take(most).map(shown)))
}

fn shown(it: &Delivery) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("at", value!(timestamp::micros(it.at)));
    put("url", value!(it.address));
    put("sender", value!(it.sender));
    put("delivery", value!(it.id));
    put("bytes", value!(it.bytes));
    put("verdict", value!(it.verdict.as_str()));
    put("reason", value!(it.reason));
    put("trigger_instances", value!(it.instances));
    fields
}

/// `POST /webhooks/{any/depth}`.
pub(in crate::api) async fn post(
    app: Data<App>,
    caller: Option<Caller>,
    request: HttpRequest,
    Path([address]): Path<1>,
    body: Unread,
) -> ApiResult<HttpResponse> {
    let address = address.trim_matches('/');
    let mut delivery = Delivery {
        at: clock::now(),
        address: address.to_owned(),
        sender: request.connection_info().peer_addr().map(str::to_owned),
        id: None,
        bytes: body.announced(),
        verdict: Verdict::Accepted,
        reason: None,
        instances: Vec::new(),
    };
    let delivered = deliver(&app, caller.as_ref(), &request, body, &mut delivery).await;
    if let Err(error) = &delivered {
        // What is wrong with a signature is said here, and not to whoever made it.
        delivery.reason.get_or_insert_with(|| error.to_string());
        if delivery.verdict == Verdict::Accepted {
            delivery.verdict = Verdict::Refused;
        }
    }
    app.engine.deliveries().note(delivery);
    delivered
}

async fn deliver(
    app: &App,
    caller: Option<&Caller>,
    request: &HttpRequest,
    body: Unread,
    delivery: &mut Delivery,
) -> ApiResult<HttpResponse> {
    let address = delivery.address.clone();
    let triggers = if address == ANY { Vec::new() } else { app.engine.triggers().hook(&address).await? };
    match caller {
        Some(caller) => {
            caller.permit(Permission::WebhookSend, format!("webhook:{address}").as_str())?;
        }
        // Strangers hear nothing of who waits where.
        None if !triggers.iter().any(|trigger| trigger.parameters.contains_key(SIGNATURE)) => {
            delivery.verdict = Verdict::NoCredentials;
            return Err(access::Error::NoCredentials.into());
        }
        None => {}
    }
    let (mut headers, tag) = headers(request);
    let tag = tag.unwrap_or_else(|| format!("webhook-{address}-{}", uuid::Uuid::new_v4().simple()));
    let trace = TraceContext::tagged(tag);
    if address == ANY {
        let body = structured(body.read().await?.value)?;
        delivery.instances.extend(any(app, trace, &body).await?);
        return Ok(json(StatusCode::ACCEPTED, &body));
    }
    if triggers.is_empty() {
        delivery.verdict = Verdict::UnknownAddress;
        return Err(Error::not_found(format!("Webhook {address} not registered with st2")));
    }
    // Who signs is looked at before what he says, and what cannot be signed is not listened to.
    let mut reached = reached(app, &triggers, caller.is_some(), request).await?;
    if let Some(secret) = reached.secret_header {
        headers.shift_remove(secret);
    }
    let body = if reached.triggers.is_empty() {
        None
    } else {
        let body = if caller.is_some() { body.read().await? } else { of_stranger(body).await? };
        delivery.bytes = body.bytes.len();
        reached.check(&body.bytes);
        Some(body)
    };
    delivery.reason = reached.reason;
    let Some(body) = body.filter(|_| !reached.triggers.is_empty()) else {
        delivery.verdict = Verdict::BadSignature;
        return Err(Error::Answer(
            StatusCode::UNAUTHORIZED,
            "Unauthorized - The signature of this webhook is missing or wrong.".to_owned(),
        ));
    };
    let body = structured(body.value)?;
    let echo = serde_json::to_vec(&body).map_err(|error| Error::Internal(error.into()))?;
    let lower: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    let parts = [("headers", headers.into()), ("headers_lower", lower.into()), ("body", body)];
    let mut payload = Value::Object(parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect());
    let last = reached.triggers.len() - 1;
    for (number, Reached { trigger, id, .. }) in reached.triggers.into_iter().enumerate() {
        let payload = if number == last { payload.take() } else { payload.clone() };
        let reference = trigger.reference();
        let key = id.as_ref().map(|id| format!("webhook {reference} {id}"));
        let event = Occurrence::checked(Target::Ref(reference), payload).traced(trace.clone());
        delivery.instances.extend(trigger::dispatch_keyed(&app.engine, event, key).await?);
        delivery.id = delivery.id.take().or(id);
    }
    if delivery.instances.is_empty() {
        delivery.verdict = Verdict::Duplicate;
    }
    Ok(json_bytes(StatusCode::ACCEPTED, echo))
}

/// The body of somebody who has shown no token: it must come without delay.
async fn of_stranger(body: Unread) -> ApiResult<Whole> {
    tokio::select! {
        body = body.read() => body,
        () = clock::sleep(STRANGERS_TIME) => {
            let text = format!("The body did not come within {} seconds.", STRANGERS_TIME.as_secs());
            Err(Error::Answer(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

/// A body that is an object or a list, as every delivery must be.
fn structured(read: Result<Value, String>) -> ApiResult<Value> {
    match read.map_err(Error::bad_request)? {
        body @ (Value::Object(_) | Value::Array(_)) => Ok(body),
        other => {
            let other = pytext::repr(&other);
            Err(Error::bad_request(format!("{other} is not of type 'object', 'array'")))
        }
    }
}

/// A trigger that a request may reach.
struct Reached {
    trigger: Arc<Trigger>,
    /// What the sender names this delivery by.
    id: Option<String>,
    /// What the body must bear out.
    claim: Option<Claim>,
}

/// The triggers of an address that a request may reach.
#[derive(Default)]
struct AllReached {
    triggers: Vec<Reached>,
    /// Why another one is out of reach.
    reason: Option<String>,
    /// The header that is itself the secret.
    secret_header: Option<&'static str>,
}

impl AllReached {
    /// Leaves those that the body may reach too.
    fn check(&mut self, bytes: &[u8]) {
        let reason = &mut self.reason;
        self.triggers.retain_mut(|reached| {
            let checked = reached.claim.take().map_or(Ok(()), |claim| claim.check(bytes));
            checked.map_err(|fault| *reason = Some(fault.to_string())).is_ok()
        });
    }
}

/// The triggers that a request may reach, as far as its headers tell.
async fn reached(
    app: &App,
    triggers: &[Arc<Trigger>],
    has_token: bool,
    request: &HttpRequest,
) -> ApiResult<AllReached> {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let mut all = AllReached::default();
    for trigger in triggers {
        let Some(settings) = trigger.parameters.get(SIGNATURE) else {
            if has_token {
                all.triggers.push(Reached { trigger: trigger.clone(), id: None, claim: None });
            }
            continue;
        };
        let claimed = match Settings::read(settings) {
            Ok(settings) => {
                if settings.scheme == Scheme::GitLab {
                    all.secret_header = Some("X-Gitlab-Token");
                }
                if settings.needs_token && !has_token {
                    Err("it needs a token or an API key as well".to_owned())
                } else {
                    let secret = secret(app, &settings.secret_key).await?;
                    let claim = secret.and_then(|secret| {
                        let claim = settings.claim(secret.as_bytes(), header, clock::now());
                        claim.map_err(|fault| fault.to_string())
                    });
                    claim.map(|claim| (claim, settings.delivery(header)))
                }
            }
            Err(wrong) => Err(wrong),
        };
        match claimed {
            Ok((claim, id)) => {
                all.triggers.push(Reached { trigger: trigger.clone(), id, claim: Some(claim) });
            }
            Err(why) => all.reason = Some(why),
        }
    }
    Ok(all)
}

/// The secret that a key of the system holds, or why there is none.
async fn secret(app: &App, name: &str) -> ApiResult<Result<String, String>> {
    let datastore = app.engine.datastore();
    let Ok(key) = KeyName::of("st2kv.system", name, None) else {
        return Ok(Err(format!("{name:?} is no name of a key")));
    };
    let Some(entry) = datastore.find(&key).await? else {
        return Ok(Err(format!("the datastore has no key {name:?}, which holds the secret")));
    };
    Ok(match datastore.decrypt(&entry) {
        // HMAC takes an empty key, and so would anybody.
        Ok(secret) if secret.is_empty() => Err(format!("the key {name:?} of the datastore is empty")),
        Ok(secret) => Ok(secret),
        Err(error) => Err(error.to_string()),
    })
}

/// An event of any trigger.
async fn any(app: &App, trace: TraceContext, body: &Value) -> ApiResult<Option<TriggerInstanceId>> {
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
            Ok(None)
        }
        Err(error) => Err(error.into()),
        Ok(id) => Ok(Some(id)),
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
