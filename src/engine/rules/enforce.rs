//! From a rule that an event fits to an execution that is ready to be stored, and the record of it.

use super::{Matched, Ready};
use crate::{
    clock,
    engine::{
        Engine,
        execution::{self, Admitted, Asked},
        trigger::Taken,
    },
    model::{
        Enforcement, EnforcementId, EventFact, ExecutionId, ExecutionRequest, Fact, Origin, TraceContext,
        TraceId, TriggerInstance,
    },
    store::{self, origins},
    wire::{content, event::ShownInstance},
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::to_raw_value};
use std::borrow::Cow;

/// What follows from one event.
#[derive(Default)]
pub(super) struct Consequences {
    /// Records, of what was asked for and of what could not be.
    pub(super) enforcements: Vec<Enforcement>,
    /// Executions to be stored with them.
    pub(super) executions: Vec<Admitted>,
}

/// Makes ready what follows from an event.
///
/// # Errors
/// The database cannot be asked; nothing follows yet.
pub(super) async fn consequences(
    engine: &Engine,
    taken: &Taken,
    matched: Matched,
) -> store::Result<Consequences> {
    let instance = &*taken.instance;
    let mut all = Consequences::default();
    for (ready, faults) in &matched.faults {
        let rule_ref = ready.rule.reference();
        for (number, fault) in (1..).zip(faults) {
            let message = fault.message(&rule_ref);
            let id = instance.id;
            let reason =
                format!("Failed to match rule \"{rule_ref}\" against trigger instance \"{id}\": {message}");
            all.enforcements.push(record(instance, ready, number, Err(reason)));
        }
    }
    if matched.fits.is_empty() {
        return Ok(all);
    }
    for ready in &matched.fits {
        let origin = origin(engine, taken, ready).await?;
        let asked = execution::asked(engine, request(engine, instance, ready), &instance.payload, origin);
        let outcome = match asked.await {
            Ok(Asked::Sound(execution)) => {
                let id = execution.execution().id;
                all.executions.push(execution);
                Ok(id)
            }
            // StackStorm keeps such a request as a failed execution; people look for it in the history.
            Ok(Asked::Broken(execution, reason)) => {
                all.executions.push(execution);
                Err(reason)
            }
            Err(execution::Error::Store(error)) => {
                all.forget(engine);
                return Err(error);
            }
            Err(execution::Error::NoSuchAction(action)) => Err(format!("Action \"{action}\" doesn't exist")),
            Err(error) => Err(error.to_string()),
        };
        all.enforcements.push(record(instance, ready, 0, outcome));
    }
    Ok(all)
}

impl Consequences {
    /// Nothing of it was stored: gives back what executions held.
    pub(super) fn forget(self, engine: &Engine) {
        for execution in self.executions {
            execution.forget(engine);
        }
    }
}

/// What a rule asks for. It acts for the system, whoever wrote it.
pub(super) fn request(engine: &Engine, instance: &TriggerInstance, ready: &Ready) -> ExecutionRequest {
    let rule = &ready.rule;
    let pack = rule.action.split('.').next().unwrap_or_default();
    let context = Map::from_iter([
        ("trigger_instance".to_owned(), json!({"id": instance.id, "name": null})),
        ("rule".to_owned(), json!({"id": rule.id, "name": rule.name})),
        ("user".to_owned(), json!(engine.config().system_user.name())),
        ("pack".to_owned(), json!(pack)),
        ("trace_context".to_owned(), Value::Object(trace(instance).to_fields())),
    ]);
    ExecutionRequest {
        action: rule.action.clone(),
        parameters: rule.action_parameters.clone(),
        context,
        ..ExecutionRequest::default()
    }
}

/// The trace of an event: the one it was put into, or the one it begins.
fn trace(instance: &TriggerInstance) -> TraceContext {
    let TraceContext { id, tag } = instance.trace.clone();
    TraceContext {
        id: Some(id.unwrap_or_else(|| TraceId::begun_by(instance.id.0))),
        tag: tag.or_else(|| Some(format!("trigger_instance-{}", instance.id))),
    }
}

/// The event and the rule as they are.
async fn origin(engine: &Engine, taken: &Taken, ready: &Ready) -> store::Result<Origin> {
    let instance = &*taken.instance;
    let facts = if let Some(facts) = ready.facts.get() {
        facts
    } else {
        let made = origins::intern(engine.store().pool(), facts(engine, instance, ready).await?).await?;
        ready.facts.get_or_init(|| made)
    };
    let event = ShownInstance::taken_up(instance.id, &instance.trigger, instance.occurred_at, &taken.payload);
    let shown = to_raw_value(&event).expect("whatever we show is JSON").into();
    Ok(Origin::default().with_shared(facts.clone()).with_event(EventFact { id: instance.id, shown }))
}

/// The trigger, its type and the rule, as far as they are there.
async fn facts(engine: &Engine, instance: &TriggerInstance, ready: &Ready) -> store::Result<Vec<Fact>> {
    let catalog = engine.triggers();
    let trigger = catalog.trigger(&instance.trigger).await?;
    let kind = match &trigger {
        Some(trigger) => catalog.kind(&trigger.trigger_type).await?,
        None => None,
    };
    let shown = trigger.as_ref().and_then(|trigger| fact("trigger", &content::trigger(trigger)));
    let kind = kind.and_then(|kind| fact("trigger_type", &content::trigger_type(&kind.kind)));
    let rule = fact("rule", &content::rule(&ready.rule, trigger.as_deref()));
    Ok(shown.into_iter().chain(kind).chain(rule).collect())
}

/// Whatever we show is JSON.
fn fact(name: &'static str, shown: &impl Serialize) -> Option<Fact> {
    Some((Cow::Borrowed(name), to_raw_value(shown).ok()?.into()))
}

fn record(
    instance: &TriggerInstance,
    ready: &Ready,
    number: i32,
    outcome: Result<ExecutionId, String>,
) -> Enforcement {
    let (execution, failure_reason) = match outcome {
        Ok(id) => (Some(id), None),
        Err(reason) => (None, Some(reason)),
    };
    Enforcement {
        id: EnforcementId::generate(),
        trigger_instance: instance.id,
        rule: ready.rule.id,
        rule_ref: ready.rule.reference(),
        number,
        execution,
        failure_reason,
        enforced_at: clock::now(),
    }
}
