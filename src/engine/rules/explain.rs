//! Why a rule takes up an event, or does not: the same steps as for a real event, told instead of taken.

use super::{Ready, enforce, service};
use crate::{
    criteria::Comparison,
    engine::{Engine, execution},
    model::{Rule, TriggerInstance},
    store,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a rule would make of an event.
#[derive(Debug)]
pub struct Explanation {
    /// Whether it takes it up: all of the reasons are none.
    pub fits: bool,
    /// Why not, for people.
    pub reasons: Vec<String>,
    /// Whether the event is of the trigger the rule waits for.
    pub is_of_trigger: bool,
    /// Every criterion, in order.
    pub criteria: Vec<Comparison>,
    /// Parameters of the action as it would get them, or why there are none. Absent if the rule does not fit.
    pub parameters: Option<Result<Map<String, Value>, String>>,
}

/// Explains. `is_of_trigger` is for whoever knows better than the references of both.
///
/// # Errors
/// The database failed.
pub async fn explain(
    engine: &Engine,
    rule: Rule,
    instance: &TriggerInstance,
    is_of_trigger: bool,
) -> store::Result<Explanation> {
    let mut reasons = Vec::new();
    if !is_of_trigger {
        let (wanted, given) = (&rule.trigger, &instance.trigger);
        reasons.push(format!("the rule waits for the trigger {wanted}, the event is of {given}"));
    }
    if !rule.enabled {
        reasons.push("the rule is disabled".to_owned());
    }
    let ready = Arc::new(Ready::new(rule));
    let criteria = service::compared(engine, &ready, instance).await?.unwrap_or_else(|| {
        reasons.push("testing its criteria failed inside; the log of st2d says how".to_owned());
        Vec::new()
    });
    let brings_nothing = !criteria.is_empty() && !crate::pytext::truthy(&instance.payload);
    if brings_nothing {
        reasons.push("the event brings nothing: no criteria fit an empty payload".to_owned());
    }
    let missed: Vec<&str> = criteria.iter().filter(|it| !it.fits).map(|it| it.key.as_str()).collect();
    if !missed.is_empty() && !brings_nothing {
        reasons.push(format!("these criteria do not fit: {}", missed.join(", ")));
    }
    if ready.is_backstop() && is_of_trigger && reasons.is_empty() {
        let others = service::fitting(engine, instance).await?;
        let others = others.iter().filter(|other| !other.is_backstop());
        let others: Vec<String> = others.map(|other| other.rule.reference()).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            reasons.push(format!("it counts only when no other rule does, and these do: {others}"));
        }
    }
    let parameters = if reasons.is_empty() {
        let request = enforce::request(engine, instance, &ready);
        match execution::previewed(engine, request, &instance.payload).await {
            Ok(parameters) => Some(Ok(parameters)),
            Err(execution::Error::Store(error)) => return Err(error),
            Err(execution::Error::NoSuchAction(action)) => {
                Some(Err(format!("Action \"{action}\" doesn't exist")))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    } else {
        None
    };
    Ok(Explanation { fits: reasons.is_empty(), reasons, is_of_trigger, criteria, parameters })
}
