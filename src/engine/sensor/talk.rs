//! The conversation with one sensor while its process lives: triggers for it, events and log records from it.

use super::{
    channel::{Broken, Heard, Reader, Said, Start, Trace, Writer},
    launch::Plan,
    status::Status,
};
use crate::{
    clock,
    engine::{
        Engine,
        trigger::{self, Error, Occurrence, Target},
    },
    model::{TraceContext, Trigger, TriggerId},
    store::sensors::SensorState,
    wire,
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    net::UnixStream,
    sync::{Notify, watch},
};

/// Events of one sensor that may be on their way at a time; each of its threads waits for its own.
const MOST: usize = 64;

/// Pause before an event is stored again that the database had no place for.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// What sensors reach the datastore as.
const USER: &str = "sensor_service";

/// The triggers of a sensor's types as they stand.
pub(super) type Triggers = watch::Receiver<Arc<Vec<Trigger>>>;

/// How a sensor is doing, and whoever wants to know when that changes.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) status: Arc<Mutex<Status>>,
    pub(super) changed: Arc<Notify>,
}

impl Board {
    /// Logs a line, and keeps it.
    pub(super) fn line(&self, reference: &str, level: &str, logger: &str, line: &str) {
        let shown = if logger.is_empty() { line.to_owned() } else { format!("{level} {logger}: {line}") };
        match level {
            "ERROR" | "CRITICAL" => tracing::error!(sensor = reference, logger, "{line}"),
            "WARNING" => tracing::warn!(sensor = reference, logger, "{line}"),
            "DEBUG" => tracing::debug!(sensor = reference, logger, "{line}"),
            _ => tracing::info!(sensor = reference, logger, "{line}"),
        }
        self.status.lock().line(&shown);
        self.changed.notify_one();
    }

    /// Counts an event and what became of it.
    fn count(&self, refused: bool) {
        let mut status = self.status.lock();
        if refused {
            status.refused();
        } else {
            status.sent(clock::now());
        }
        drop(status);
        self.changed.notify_one();
    }

    fn becomes(&self, state: SensorState) {
        self.status.lock().becomes(state, clock::now());
        self.changed.notify_one();
    }
}

/// Talks until the channel breaks.
pub(super) async fn talk(
    engine: Engine,
    plan: Arc<Plan>,
    socket: UnixStream,
    mut triggers: Triggers,
    board: Board,
) -> Broken {
    let (reader, writer) = socket.into_split();
    let (mut reader, mut writer) = (Reader::new(reader), Writer::new(writer));
    let sensor = &plan.sensor;
    let none = Map::new();
    let start = Said::Start(Start {
        r#type: "start",
        protocol: 1,
        pack: &sensor.pack,
        class_name: &sensor.name,
        file_path: plan.file(),
        config: plan.config.as_ref().unwrap_or(&none),
        poll_interval: sensor.poll_interval,
        log_level: &engine.config().sensorcontainer.log_level,
    });
    if writer.say(&[start]).await.is_err() {
        return Broken::Closed;
    }
    let reference: Arc<str> = sensor.reference().into();
    let mut known: HashMap<TriggerId, Trigger> = HashMap::new();
    let mut on_their_way: FuturesUnordered<BoxFuture<'static, Said<'static>>> = FuturesUnordered::new();
    triggers.mark_changed();
    loop {
        let mut to_say = Vec::new();
        tokio::select! {
            heard = reader.next(), if on_their_way.len() < MOST => match heard {
                Ok(Heard::Dispatch { id, trigger, payload, trace_context }) => {
                    let (engine, reference, board) = (engine.clone(), reference.clone(), board.clone());
                    on_their_way.push(async move {
                        let refused = dispatch(&engine, &reference, trigger, payload, trace_context).await;
                        board.count(refused.is_some());
                        Said::Dispatched { id, refused }
                    }.boxed());
                }
                Ok(Heard::Token { id }) => {
                    to_say.push(Said::Token { id, token: engine.shared.access.service_token(USER, None) });
                }
                Ok(Heard::Log { level, name, message }) => board.line(&reference, &level, &name, &message),
                Ok(Heard::State { state, error }) => match state.as_str() {
                    "running" => board.becomes(SensorState::Running),
                    "failed" => board.status.lock().last_error = error,
                    _ => {}
                },
                Err(broken) => return broken,
            },
            Some(answer) = on_their_way.next() => {
                to_say.push(answer);
                // Events that were stored together are answered together.
                while let Some(Some(answer)) = on_their_way.next().now_or_never() {
                    to_say.push(answer);
                }
            }
            Ok(()) = triggers.changed() => {
                let now = triggers.borrow_and_update().clone();
                to_say.extend(news(&mut known, &now));
            }
        }
        if !to_say.is_empty() && writer.say(&to_say).await.is_err() {
            return Broken::Closed;
        }
    }
}

/// What to tell a sensor that knew of some triggers, now that there are these.
fn news(known: &mut HashMap<TriggerId, Trigger>, now: &[Trigger]) -> Vec<Said<'static>> {
    let say = |event, trigger: &Trigger| Said::Trigger {
        r#type: "trigger",
        event,
        trigger: seen_by_sensors(trigger),
    };
    let mut news = Vec::new();
    let gone: Vec<TriggerId> =
        known.keys().filter(|id| !now.iter().any(|trigger| trigger.id == **id)).copied().collect();
    for id in gone {
        news.extend(known.remove(&id).map(|trigger| say("delete", &trigger)));
    }
    for trigger in now {
        match known.insert(trigger.id, trigger.clone()) {
            None => news.push(say("create", trigger)),
            Some(old) if old != *trigger => news.push(say("update", trigger)),
            Some(_) => {}
        }
    }
    news
}

/// A trigger with all its fields, also those that are null.
fn seen_by_sensors(trigger: &Trigger) -> Map<String, Value> {
    let mut fields = wire::content::trigger(trigger);
    fields.entry("description").or_insert(Value::Null);
    fields
}

/// Stores an event, however long the database is away. Answers why it was refused.
async fn dispatch(
    engine: &Engine,
    sensor: &str,
    trigger: Value,
    payload: Value,
    trace: Option<Trace>,
) -> Option<String> {
    let target = match target(trigger) {
        Ok(target) => target,
        Err(refused) => return Some(refused),
    };
    let payload = if payload.is_null() { Value::Object(Map::new()) } else { payload };
    let trace = trace.unwrap_or_default();
    let trace = TraceContext { id: trace.id_.and_then(|id| id.parse().ok()), tag: trace.trace_tag };
    let mut is_told = false;
    loop {
        let occurrence = Occurrence::checked(target.clone(), payload.clone()).traced(trace.clone());
        match trigger::dispatch(engine, occurrence).await {
            Ok(id) => {
                tracing::debug!(sensor, "Sensor {sensor} sent trigger instance {id}");
                return None;
            }
            Err(Error::Store(error)) if error.is_unavailable() => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(
                        sensor,
                        "Sensor {sensor} waits for the database to send an event: {error}"
                    );
                }
                clock::sleep(RETRY).await;
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// What a sensor names: a reference, or a type and parameters.
fn target(trigger: Value) -> Result<Target, String> {
    match trigger {
        Value::String(reference) => Ok(Target::Ref(reference)),
        Value::Object(mut fields) => match (fields.remove("type"), fields.remove("parameters")) {
            (Some(Value::String(kind)), Some(Value::Object(parameters))) => {
                Ok(Target::Typed { kind, parameters })
            }
            (Some(Value::String(kind)), None) => Ok(Target::Typed { kind, parameters: Map::new() }),
            _ => Err("A trigger that is a dictionary needs `type` and `parameters`".to_owned()),
        },
        other => Err(format!("A trigger is named by its reference, which {other} is not")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trigger(name: &str) -> Trigger {
        Trigger {
            id: TriggerId::generate(),
            pack: "p".into(),
            name: name.into(),
            trigger_type: "p.t".into(),
            parameters: Map::new(),
            description: None,
            for_rules: true,
        }
    }

    #[test]
    fn a_sensor_hears_of_what_came_changed_and_went() {
        let mut known = HashMap::new();
        let events = |said: Vec<Said<'_>>| -> Vec<String> {
            said.iter()
                .map(|said| serde_json::to_value(said).unwrap()["event"].as_str().unwrap().to_owned())
                .collect()
        };
        let (a, b) = (trigger("a"), trigger("b"));
        assert_eq!(events(news(&mut known, &[a.clone(), b.clone()])), ["create", "create"]);
        assert!(news(&mut known, &[b.clone(), a.clone()]).is_empty());
        let changed = Trigger { description: Some("new".into()), ..b };
        assert_eq!(events(news(&mut known, &[changed])), ["delete", "update"]);
    }

    #[test]
    fn a_trigger_is_a_reference_or_a_type_with_parameters() {
        assert_eq!(target(json!("p.t")).unwrap(), Target::Ref("p.t".into()));
        let parameters = json!({"a": 1});
        assert_eq!(
            target(json!({"type": "p.t", "parameters": parameters})).unwrap(),
            Target::Typed { kind: "p.t".into(), parameters: parameters.as_object().unwrap().clone() }
        );
        assert!(target(json!(5)).is_err() && target(json!({"name": "x"})).is_err());
    }
}
