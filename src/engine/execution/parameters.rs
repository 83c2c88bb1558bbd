//! The parameters of an execution: templates rendered, defaults filled in, values cast to their types.
//!
//! Twice in an execution's life. [`render_live`] is for a request: what was given is rendered, and that is what gets
//! stored. [`render_final`] is for the run: stored values count as they are, and what was not given takes its
//! default. Templates may name other parameters in any order, so they are rendered in the order of their needs.
//!
//! Most calls hold no template at all; these touch neither Jinja nor any graph, and ask for no context
//! ([`Parameters::needs_context`]).

pub mod cast;
mod template;

use crate::expr::datastore::Datastore;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What templates call the datastore.
const DATASTORE: &str = "st2kv";

/// Why parameters could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A template fails, or needs something that is not there. StackStorm keeps a failed execution then.
    #[error("{0}")]
    Template(String),
    /// A value cannot be cast to its type. StackStorm refuses the request then.
    #[error("{0}")]
    Value(String),
}

/// The parameters of one call, and their schemas.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// Schemas of the runner's parameters.
    pub runner: &'a Map<String, Value>,
    /// Schemas of the action's parameters.
    pub action: &'a Map<String, Value>,
    /// What was given.
    pub given: &'a Map<String, Value>,
}

/// What templates see besides the parameters.
pub struct Context<'a> {
    /// `action_context`: the context of the execution.
    pub action_context: &'a Map<String, Value>,
    /// `config_context`: the resolved configuration of the pack.
    pub config_context: &'a Value,
    /// Further names, as `trigger` for rules.
    pub additional: &'a Map<String, Value>,
    /// `st2kv`.
    pub datastore: &'a Arc<dyn Datastore>,
    /// Whose part of the datastore is seen when the context names no user.
    pub system_user: &'a str,
}

/// Parameters as runners get them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Final {
    /// Those of the runner.
    pub runner: Map<String, Value>,
    /// Those of the action that are not the runner's.
    pub action: Map<String, Value>,
}

/// Renders what was given, for storing. Defaults come in only where they are templates or stand for a given null.
///
/// # Errors
/// [`Error`].
pub fn render_live(parameters: Parameters<'_>, context: &Context<'_>) -> Result<Map<String, Value>, Error> {
    let rendered = if parameters.needs_context(Phase::Live) {
        return Err(not_yet(context));
    } else {
        parameters.plain()
    };
    let mut live = parameters.cast(parameters.given.keys(), &rendered)?;
    parameters.add_rendered_defaults(&rendered, &mut live)?;
    Ok(live)
}

/// Completes stored parameters for the run, and parts them into the runner's and the action's.
///
/// # Errors
/// [`Error`].
pub fn render_final(parameters: Parameters<'_>, context: &Context<'_>) -> Result<Final, Error> {
    let rendered = if parameters.needs_context(Phase::Final) {
        return Err(not_yet(context));
    } else {
        parameters.plain()
    };
    let mut complete = parameters.cast(rendered.keys(), &rendered)?;
    let mut parted = Final::default();
    for (name, value) in &mut complete {
        if parameters.runner.contains_key(name) {
            parted.runner.insert(name.clone(), value.take());
        } else if parameters.action.contains_key(name) {
            parted.action.insert(name.clone(), value.take());
        }
    }
    Ok(parted)
}

/// Which of the two renderings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What was given may hold templates.
    Live,
    /// What was given counts as it is.
    Final,
}

impl<'a> Parameters<'a> {
    /// Is there any template to render? Otherwise no context needs to be gathered.
    pub fn needs_context(&self, phase: Phase) -> bool {
        let in_given = phase == Phase::Live && self.given.values().any(template::is_template);
        // A parameter with a name of the context takes part in its own way, too rare to do it twice.
        let is_special = |name: &str| ["action_context", "config_context", DATASTORE].contains(&name);
        let is_shadowing = self.defaults().any(|(name, _)| is_special(name))
            || self.given.keys().any(|name| is_special(name));
        in_given
            || is_shadowing
            || self.defaults().any(|(name, schema)| {
                let is_wanted = self.given.get(name).is_none_or(Value::is_null) || is_immutable(schema);
                is_wanted && schema.get("default").is_some_and(template::is_template)
            })
    }

    /// Schemas in the order in which their defaults count.
    fn defaults(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.action.iter().chain(self.runner)
    }

    /// Given values and defaults where nothing is a template.
    fn plain(&self) -> Map<String, Value> {
        let mut values = self.given.clone();
        for (name, schema) in self.defaults() {
            if values.get(name).is_none_or(Value::is_null) || is_immutable(schema) {
                values.insert(name.clone(), schema.get("default").cloned().unwrap_or_default());
            }
        }
        values
    }

    /// Casts the named values.
    fn cast<'n>(
        &self,
        names: impl Iterator<Item = &'n String>,
        rendered: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        let mut result = Map::new();
        for name in names {
            let schema = self.runner.get(name).or_else(|| self.action.get(name));
            let value = rendered.get(name).unwrap_or(&Value::Null);
            result.insert(name.clone(), cast::by_schema(value, schema).map_err(Error::Value)?);
        }
        Ok(result)
    }

    /// Adds the defaults that were templates, so that the schema sees them rendered.
    fn add_rendered_defaults(
        &self,
        rendered: &Map<String, Value>,
        live: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        for (name, schema) in self.defaults() {
            let Some(Value::String(default)) = schema.get("default") else { continue };
            if !template::is_marked(default) || is_immutable(schema) || self.given.contains_key(name) {
                continue;
            }
            let value = rendered.get(name).unwrap_or(&Value::Null);
            if value.as_str() != Some(default) {
                live.insert(name.clone(), cast::by_schema(value, Some(schema)).map_err(Error::Value)?);
            }
        }
        Ok(())
    }
}

fn is_immutable(schema: &Value) -> bool {
    schema.get("immutable").is_some_and(|flag| *flag == Value::Bool(true))
}

/// The template engine is not part of the tree yet; a call that needs it fails instead of running with raw text.
fn not_yet(_: &Context<'_>) -> Error {
    Error::Template("Templates in parameters cannot be rendered yet.".to_owned())
}
