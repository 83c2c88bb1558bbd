//! What is told of an ended execution: payloads of the two triggers.

use crate::{
    clock, datastore,
    engine::Engine,
    expr::jinja::{self, Missing},
    model::{Execution, ExecutionStatus, time},
    pytext,
    schema::secrets,
    store, wire,
};
use chrono::{DateTime, Timelike, Utc};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The payloads of all notifications that apply, one for each route.
///
/// # Errors
/// The database is away, and a template asks it.
pub(super) async fn notifications(engine: &Engine, ended: &Execution) -> store::Result<Vec<Value>> {
    let mut payloads = Vec::new();
    for (section, word) in
        [("on-complete", "completed"), ("on-success", "succeeded"), ("on-failure", "failed")]
    {
        let Some(Value::Object(section)) = ended.notify.get(section).filter(|_| applies(word, ended.status))
        else {
            continue;
        };
        let routes = routes(section);
        if routes.is_empty() {
            continue;
        }
        let (message, data) = render(engine, section, word, ended).await?;
        for route in routes {
            payloads.push(payload(ended, &message, &data, route));
        }
    }
    Ok(payloads)
}

/// Which section speaks of which ends.
fn applies(word: &str, status: ExecutionStatus) -> bool {
    use ExecutionStatus::{Abandoned, Failed, Succeeded, Timeout};
    match word {
        "succeeded" => status == Succeeded,
        "failed" => matches!(status, Failed | Timeout | Abandoned),
        _ => true,
    }
}

/// `routes`, or `channels`, its older name.
fn routes(section: &Map<String, Value>) -> Vec<&str> {
    let named = |key: &str| section.get(key).and_then(Value::as_array).filter(|routes| !routes.is_empty());
    let routes = named("routes").or_else(|| named("channels"));
    routes.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Message and data with their templates rendered; a template that fails stays as it was written.
async fn render(
    engine: &Engine,
    section: &Map<String, Value>,
    word: &str,
    ended: &Execution,
) -> store::Result<(String, Map<String, Value>)> {
    let given = section.get("message").and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = given.map_or_else(|| format!("Action {} {word}.", ended.action_ref()), str::to_owned);
    let data = section.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
    let result = result_of(ended);
    let message = Map::from_iter([("message".to_owned(), Value::String(message))]);
    let (mut message, mut data) = render_both(engine, message, data, ended, &result).await?;
    data.insert("result".to_owned(), Value::String(pytext::json_dumps(&result)));
    let message = match message.remove("message") {
        Some(Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    };
    Ok((message, data))
}

async fn render_both(
    engine: &Engine,
    message: Map<String, Value>,
    data: Map<String, Value>,
    ended: &Execution,
    result: &Value,
) -> store::Result<(Map<String, Value>, Map<String, Value>)> {
    let texts: Vec<&str> = message.values().chain(data.values()).flat_map(datastore::texts_of).collect();
    if !texts.iter().any(|text| jinja::is_template(text)) {
        return Ok((message, data));
    }
    let lookups = match engine.datastore().for_templates(None, texts).await {
        Ok(lookups) => lookups,
        Err(datastore::Error::Store(error)) if error.is_unavailable() => return Err(error),
        Err(error) => {
            tracing::warn!(execution.id = %ended.id, "A notification of {} is sent as written: {error}", ended.id);
            return Ok((message, data));
        }
    };
    let names = json!({
        "action_parameters": *ended.parameters, "action_context": *ended.context, "action_results": result,
    });
    let id = ended.id;
    let (plain_message, plain_data) = (message.clone(), data.clone());
    let datastore: Arc<dyn jinja::Datastore> = lookups.clone();
    // A hostile template is ended by its budget, but must not hold up others until then.
    let rendering = tokio::task::spawn_blocking(move || {
        let system = [("system", jinja::st2kv_system(&datastore))].into_iter().collect();
        let names = names.as_object().into_iter().flatten();
        let names = names.map(|(name, value)| (name.as_str(), jinja::to_value(value)));
        let context: jinja::Value = names.chain([("st2kv", system)]).collect();
        let rendered =
            |values: Map<String, Value>| match jinja::render_values(&values, &context, Missing::Refused) {
                Ok(rendered) => rendered,
                Err(error) => {
                    tracing::warn!(execution.id = %id, "A notification of {id} is sent as written: {error}");
                    values
                }
            };
        (rendered(message), rendered(data))
    });
    lookups.checked(rendering.await.unwrap_or((plain_message, plain_data)))
}

fn payload(ended: &Execution, message: &str, data: &Map<String, Value>, route: &str) -> Value {
    let stamp =
        |at: DateTime<Utc>| time::format(at.fixed_offset(), time::Form { fraction: true, offset: true });
    // The id comes first: traces look for it there.
    json!({
        "execution_id": ended.id,
        "message": message,
        "data": data,
        "status": ended.status,
        "start_timestamp": stamp(ended.start()),
        "end_timestamp": stamp(ended.end.unwrap_or_else(clock::now)),
        "action_ref": ended.action_ref(),
        "runner_ref": ended.snapshot.runner.name,
        "route": route,
        // Its older name.
        "channel": route,
    })
}

/// The payload of the event of an end.
pub(super) fn of_end(ended: &Execution) -> Value {
    let snapshot = &ended.snapshot;
    let hidden = secrets::of(&wire::action::merged_parameters(&snapshot.action, Some(&snapshot.runner)));
    let action_ref = ended.action_ref();
    json!({
        "execution_id": ended.id,
        "status": ended.status,
        "start_timestamp": python_text(ended.start()),
        "action_name": action_ref,
        "action_ref": action_ref,
        "runner_ref": snapshot.runner.name,
        "parameters": secrets::mask(&Value::Object(Map::clone(&ended.parameters)), &hidden),
        "result": result_of(ended),
    })
}

fn result_of(ended: &Execution) -> Value {
    let result = ended.result.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
    result.unwrap_or_else(|| json!({}))
}

/// A moment as Python's `str` writes it: without a fraction when there is none.
fn python_text(at: DateTime<Utc>) -> String {
    let form = if at.nanosecond() < 1000 { "%Y-%m-%d %H:%M:%S+00:00" } else { "%Y-%m-%d %H:%M:%S%.6f+00:00" };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn moments_are_written_as_python_does() {
        let at = Utc.with_ymd_and_hms(2024, 1, 1, 10, 0, 0).unwrap();
        assert_eq!(python_text(at), "2024-01-01 10:00:00+00:00");
        let at = at + chrono::TimeDelta::microseconds(123);
        assert_eq!(python_text(at), "2024-01-01 10:00:00.000123+00:00");
    }

    #[test]
    fn a_canceled_execution_is_complete_and_nothing_else() {
        use ExecutionStatus::{Canceled, Timeout};
        assert!(applies("completed", Canceled) && !applies("failed", Canceled) && applies("failed", Timeout));
    }

    #[test]
    fn channels_stand_in_for_routes() {
        let routes_in = |section: Value| routes(section.as_object().unwrap()).join(",");
        assert_eq!(routes_in(json!({"routes": [], "channels": ["a", "b"]})), "a,b");
        assert_eq!(routes_in(json!({"routes": ["c"], "channels": ["a"]})), "c");
        assert_eq!(routes_in(json!({"message": "x"})), "");
    }
}
