//! The schema that a call of an action must fit: the runner's parameters, overridden by the action's.

use super::{Compiled, Error, Options, truthy};
use crate::pytext;
use serde_json::{Map, Value, json};

/// Attributes of a runner's parameter that an action may change.
const OVERRIDABLE: [&str; 5] = ["default", "description", "enum", "immutable", "required"];

/// The schema of a call. Without any parameter it is empty, and then everything fits.
///
/// # Errors
/// The action overrides what it may not.
pub fn for_call(
    runner: &Map<String, Value>,
    action: &Map<String, Value>,
    reference: &str,
) -> Result<Value, Error> {
    check_overrides(runner, action, reference)?;
    Ok(for_parameters(&merged(runner, action), false))
}

/// The schema of an object with these parameters.
pub fn for_parameters(parameters: &Map<String, Value>, additional: bool) -> Value {
    if parameters.is_empty() {
        return json!({});
    }
    let properties: Map<_, _> = parameters
        .iter()
        .map(|(name, schema)| (name.clone(), if truthy(schema) { schema.clone() } else { any_type() }))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": additional})
}

/// The schema of a call, ready to be used many times. Build it once per action and keep it.
#[derive(Debug)]
pub struct CallSchema {
    /// The error that every call meets where the schema itself is broken.
    compiled: Result<Compiled, Error>,
    immutable: Vec<String>,
}

impl CallSchema {
    /// # Errors
    /// The action overrides what it may not; StackStorm says so at every call too.
    pub fn new(
        runner: &Map<String, Value>,
        action: &Map<String, Value>,
        reference: &str,
    ) -> Result<Self, Error> {
        check_overrides(runner, action, reference)?;
        let merged = merged(runner, action);
        let is_immutable = |schema: &Value| schema.get("immutable").is_some_and(truthy);
        let immutable =
            merged.iter().filter(|(_, schema)| is_immutable(schema)).map(|(name, _)| name.clone()).collect();
        Ok(Self { compiled: Compiled::new(for_parameters(&merged, false), Self::OPTIONS), immutable })
    }

    const OPTIONS: Options = Options { use_default: true, allow_default_none: true, explain: false };

    /// Checks the parameters of a call.
    pub fn check(&self, parameters: &Map<String, Value>) -> Result<(), Error> {
        self.ready()?.validate(Value::Object(parameters.clone()), Self::OPTIONS).map(drop)
    }

    /// The long text, with schema and instance, of why parameters do not fit; `None` if they do.
    pub fn explain(&self, parameters: &Map<String, Value>) -> Option<String> {
        let options = Options { explain: true, ..Self::OPTIONS };
        let checked =
            self.ready().and_then(|schema| schema.check(&Value::Object(parameters.clone()), options));
        checked.err().map(|error| error.text().to_owned())
    }

    /// Checks the parameters of a call and returns them with the defaults filled in.
    pub fn validate(&self, parameters: &Value) -> Result<Value, Error> {
        self.ready()?.validate(parameters.clone(), Self::OPTIONS)
    }

    fn ready(&self) -> Result<&Compiled, Error> {
        self.compiled.as_ref().map_err(Clone::clone)
    }

    /// Parameters that a caller may not give at all, in the order of the schema.
    pub fn immutable(&self) -> &[String] {
        &self.immutable
    }
}

fn check_overrides(
    runner: &Map<String, Value>,
    action: &Map<String, Value>,
    reference: &str,
) -> Result<(), Error> {
    for (name, schema) in action {
        let (Some(own), Some(attributes)) = (runner.get(name), schema.as_object()) else { continue };
        for (attribute, value) in attributes {
            let is_same = pytext::py_eq(value, own.get(attribute).unwrap_or(&Value::Null));
            if !OVERRIDABLE.contains(&attribute.as_str()) && !is_same {
                return Err(Error::refused_override(attribute, name, reference));
            }
        }
    }
    Ok(())
}

fn merged(runner: &Map<String, Value>, action: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = runner.clone();
    update(&mut merged, action);
    merged
}

/// Deep merge: objects into objects, everything else over what was there.
fn update(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => update(into, from),
            _ => _ = into.insert(key.clone(), value.clone()),
        }
    }
}

/// What stands for a parameter without any schema; null only passes where the parameter is optional.
fn any_type() -> Value {
    let types = ["array", "boolean", "integer", "number", "object", "string"];
    json!({"anyOf": types.map(|name| json!({"type": name}))})
}
