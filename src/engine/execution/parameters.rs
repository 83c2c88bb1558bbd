//! The parameters of an execution: templates rendered, defaults filled in, values cast to their types.
//!
//! Twice in an execution's life. [`render_live`] is for a request: what was given is rendered, and that is what gets
//! stored. [`render_final`] is for the run: stored values count as they are, and what was not given takes its
//! default. Templates may name other parameters in any order, so they are rendered in the order of their needs.
//!
//! Most calls hold no template at all; these touch neither Jinja nor any graph, and ask for no context
//! ([`Parameters::needs_context`]).

pub mod cast;
mod graph;
mod template;

use crate::expr::jinja;
use graph::Graph;
use serde_json::{Map, Value};
use std::sync::Arc;
use template::Template;

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
    /// `st2kv`, as [`user_of`] the context sees it.
    pub datastore: &'a Arc<dyn jinja::Datastore>,
}

/// Parameters as runners get them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Final {
    /// Those of the runner.
    pub runner: Map<String, Value>,
    /// Those of the action that are not the runner's.
    pub action: Map<String, Value>,
}

/// Whose part of the datastore templates see; `None` is the system user.
pub fn user_of(action_context: &Map<String, Value>) -> Option<&str> {
    let user = action_context.get("api_user").or_else(|| action_context.get("user"));
    user.and_then(Value::as_str).filter(|user| !user.is_empty())
}

/// Renders what was given, for storing. Defaults come in only where they are templates or stand for a given null.
///
/// # Errors
/// [`Error`].
pub fn render_live(parameters: Parameters<'_>, context: &Context<'_>) -> Result<Map<String, Value>, Error> {
    let rendered = if parameters.needs_context(Phase::Live) {
        parameters.render(Phase::Live, context)?
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
        parameters.render(Phase::Final, context)?
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

    /// Renders everything, in the order of needs.
    fn render(&self, phase: Phase, context: &Context<'_>) -> Result<Map<String, Value>, Error> {
        let mut graph = Graph::new();
        graph.set(DATASTORE, Content::Datastore);
        graph.set("action_context", Content::Plain(Value::Object(context.action_context.clone())));
        graph.set("config_context", Content::Plain(context.config_context.clone()));
        for (name, value) in context.additional {
            graph.set(name, Content::Plain(value.clone()));
        }
        for (name, value) in self.given {
            match phase {
                Phase::Live => add(&mut graph, name, value),
                Phase::Final => graph.set(name, Content::Plain(value.clone())),
            }
        }
        for (name, schema) in self.defaults() {
            let is_set = graph.get(name).is_some_and(|content| match content {
                Content::Plain(value) => !value.is_null(),
                Content::Datastore => true,
                // As upstream, a template that was given does not count as a value: the default is added, and
                // wins over it where it is a template too.
                Content::Template { has_value, .. } => *has_value,
            });
            if !is_set || is_immutable(schema) {
                add(&mut graph, name, schema.get("default").unwrap_or(&Value::Null));
            }
        }
        resolve(graph, context)
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
            if !jinja::is_template(default) || is_immutable(schema) || self.given.contains_key(name) {
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

/// What a name in the graph stands for.
enum Content {
    Plain(Value),
    /// `has_value`: a plain default was added, which only keeps further defaults away.
    Template {
        template: Template,
        has_value: bool,
    },
    Datastore,
}

fn add(graph: &mut Graph<Content>, name: &str, value: &Value) {
    if let Some(template) = Template::of(value) {
        for needed in template.needs() {
            graph.add_need(name, &needed);
        }
        graph.set(name, Content::Template { template, has_value: false });
    } else if let Some(Content::Template { has_value, .. }) = graph.get_mut(name) {
        *has_value = !value.is_null();
    } else {
        graph.set(name, Content::Plain(value.clone()));
    }
}

fn resolve(mut graph: Graph<Content>, context: &Context<'_>) -> Result<Map<String, Value>, Error> {
    let mut values = Map::new();
    let mut seen: Vec<(String, jinja::Value)> = vec![];
    for name in graph.order()? {
        let value = match graph.take(&name) {
            Some(Content::Plain(value)) => value,
            Some(Content::Template { template, .. }) => template.render(&seen).map_err(|error| {
                Error::Template(format!("Failed to render parameter \"{name}\": {error}"))
            })?,
            Some(Content::Datastore) | None => {
                seen.push((name.clone(), jinja::st2kv(context.datastore)));
                // Stands in where a parameter has the datastore's name; no JSON can show the real thing.
                values.insert(name, Value::Object(Map::new()));
                continue;
            }
        };
        seen.push((name.clone(), jinja::to_value(&value)));
        values.insert(name, value);
    }
    Ok(values)
}

fn is_immutable(schema: &Value) -> bool {
    schema.get("immutable").is_some_and(|flag| *flag == Value::Bool(true))
}
