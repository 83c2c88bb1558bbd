//! What a command gives, made fit for the action: the alias' own parameters added, texts cast to the action's types.

use crate::{
    alias::{self, Unfit},
    api::{ApiResult, Error, handlers::aliases::apart},
    app::App,
    datastore::texts_of,
    engine::execution::parameters::cast,
    expr::jinja,
    model::Snapshot,
    pytext,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Adds the parameters that the alias insists on to each set.
pub(super) async fn fix(
    app: &App,
    immutable: &Map<String, Value>,
    sets: &mut Vec<Map<String, Value>>,
    context: &Map<String, Value>,
) -> ApiResult<()> {
    if immutable.is_empty() {
        return Ok(());
    }
    let templates = immutable.values().flat_map(texts_of).filter(|text| jinja::is_template(text));
    let user = context.get("user").and_then(Value::as_str);
    let lookups = app.engine.datastore().for_templates(user, templates).await?;
    let datastore: Arc<dyn jinja::Datastore> = lookups.clone();
    let (immutable, context, mut given) = (immutable.clone(), context.clone(), std::mem::take(sets));
    let fixed = apart(move || {
        let names = context.iter().map(|(name, value)| (name.as_str(), jinja::to_value(value)));
        let seen: jinja::Value = names.chain([("st2kv", jinja::st2kv(&datastore))]).collect();
        alias::fix(&immutable, &mut given, &seen)
            .map_err(|error: Unfit| Error::bad_request(error.to_string()))?;
        Ok(given)
    });
    *sets = lookups.checked(fixed.await)??;
    Ok(())
}

/// Casts texts to what the action takes. Lists are written with commas.
pub(super) fn cast(snapshot: &Snapshot, given: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let (action, runner) = (&snapshot.action.spec.parameters, &snapshot.runner.runner_parameters);
    let mut fitted = Map::with_capacity(given.len());
    for (name, value) in given {
        let kind = action.get(&name).or_else(|| runner.get(&name)).and_then(|schema| schema["type"].as_str());
        let cast = match kind {
            None => Ok(value.clone()),
            Some("array") => list(&value),
            Some(kind) => cast::to(kind).map_or_else(|| Ok(value.clone()), |cast| cast(&value)),
        };
        let cast = cast.map_err(|cause| {
            Error::bad_request(format!(
                "Failed to cast value \"{}\" (type: {}) for parameter \"{name}\" of type \"{}\": {cause}. Perhaps \
                 the value is of an invalid type?",
                pytext::str(&value),
                pytext::type_name(&value),
                kind.unwrap_or_default(),
            ))
        })?;
        fitted.insert(name, cast);
    }
    Ok(fitted)
}

fn list(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(_) => Ok(value.clone()),
        Value::String(text) => Ok(text.split(',').map(|item| item.trim_matches(pytext::is_space)).collect()),
        other => Err(format!("'{}' object has no attribute 'split'", pytext::type_name(other))),
    }
}
