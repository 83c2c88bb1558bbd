//! What the templates of a chain see, and their rendering.

use crate::{
    expr::jinja::{self, Missing},
    pytext,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What stays the same while a chain runs.
#[derive(Clone)]
pub struct Scope {
    /// The parameters of the chain's action.
    pub parameters: Map<String, Value>,
    /// The datastore, as the user of the chain sees it.
    pub datastore: Arc<dyn jinja::Datastore>,
    /// `action_context.parent`: the context of the chain, with the id of its execution.
    pub parent: Map<String, Value>,
    /// The configuration of the chain's pack.
    pub config: Value,
}

/// A value that could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unrendered {
    /// Under which key it stands.
    pub key: String,
    /// The template.
    pub template: String,
    /// Why.
    pub why: String,
}

/// Names for templates; later ones hide earlier ones.
struct Names(Vec<(String, jinja::Value)>);

impl Names {
    fn add(&mut self, values: &Map<String, Value>) {
        self.0.extend(values.iter().map(|(name, value)| (name.clone(), jinja::to_value(value))));
    }

    fn set(&mut self, name: &str, value: jinja::Value) {
        self.0.push((name.to_owned(), value));
    }

    fn render(self, mapping: &Map<String, Value>) -> Result<Map<String, Value>, Unrendered> {
        let context: jinja::Value = self.0.into_iter().collect();
        let mut rendered = Map::new();
        for (key, value) in mapping {
            let one = Map::from_iter([(key.clone(), value.clone())]);
            match jinja::render_values(&one, &context, Missing::Refused) {
                Ok(values) => rendered.extend(values),
                Err(error) => {
                    return Err(Unrendered {
                        key: key.clone(),
                        template: template(value),
                        why: error.to_string(),
                    });
                }
            }
        }
        Ok(rendered)
    }
}

/// The text that is rendered for a value.
fn template(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => pytext::json_compact(value),
        other => pytext::str(other),
    }
}

impl Scope {
    /// Renders the chain's variables: they see the datastore and the parameters.
    pub(super) fn vars(&self, vars: &Map<String, Value>) -> Result<Map<String, Value>, Unrendered> {
        let mut names = Names(Vec::new());
        names.set("st2kv", jinja::st2kv(&self.datastore));
        names.add(&self.parameters);
        names.render(vars)
    }

    /// Renders the parameters of a node.
    pub(super) fn node_parameters(
        &self,
        mapping: &Map<String, Value>,
        results: &Map<String, Value>,
        vars: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Unrendered> {
        let mut names = self.names(results, vars);
        let context = Map::from_iter([("parent".to_owned(), Value::Object(self.parent.clone()))]);
        names.set("action_context", jinja::to_value(&Value::Object(context)));
        names.set("config_context", jinja::to_value(&self.config));
        names.render(mapping)
    }

    /// Renders what a node publishes; its result is among `results`.
    pub(super) fn published(
        &self,
        mapping: &Map<String, Value>,
        results: &Map<String, Value>,
        vars: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Unrendered> {
        self.names(results, vars).render(mapping)
    }

    fn names(&self, results: &Map<String, Value>, vars: &Map<String, Value>) -> Names {
        let mut names = Names(Vec::new());
        names.add(&self.parameters);
        names.add(results);
        names.add(vars);
        names.set("__results", jinja::to_value(&Value::Object(results.clone())));
        let system = jinja::st2kv_system(&self.datastore);
        names.set("system", system.clone());
        names.set("st2kv", [("system", system)].into_iter().collect());
        names
    }
}
