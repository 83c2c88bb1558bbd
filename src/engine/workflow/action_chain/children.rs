//! The executions that nodes want, and by what they are recognised.

use crate::{
    engine::execution::{ChildRequest, Runnable, parameters::cast},
    model::{Execution, ExecutionRequest},
    workflow::action_chain::Node,
};
use serde_json::{Map, Value, json};

/// What all nodes of a chain are told about it.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// The context of the chain, with the id of its execution.
    pub(super) parent: Map<String, Value>,
    /// Its notification section.
    notify: Map<String, Value>,
    /// Stands in where nobody is named.
    system_user: String,
}

impl Family {
    /// The family of the chain that runs as `execution`.
    pub(super) fn of(execution: &Execution, system_user: &str) -> Self {
        let mut parent = Map::from_iter([("execution_id".to_owned(), json!(execution.id))]);
        parent.extend(execution.context.iter().map(|(name, value)| (name.clone(), value.clone())));
        // The variables of a chain that rested are its own.
        parent.remove("vars");
        let notify = execution.notify.as_ref().clone();
        Self { parent, notify, system_user: system_user.to_owned() }
    }

    /// The context of the chain is this now.
    pub(super) fn see(&mut self, execution: &Execution) {
        *self = Self::of(execution, &self.system_user);
    }

    /// A name in the chain's context.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.parent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The request of a node.
    pub(super) fn request(
        &self,
        node: &Node,
        parameters: Map<String, Value>,
        is_notified: bool,
    ) -> ChildRequest {
        let pack = node.reference.split_once('.').map_or(node.reference.as_str(), |(pack, _)| pack);
        let context = Map::from_iter([
            ("parent".to_owned(), Value::Object(self.parent.clone())),
            ("chain".to_owned(), Value::Object(node.shown())),
            ("user".to_owned(), json!(self.named("user").unwrap_or(&self.system_user))),
            ("pack".to_owned(), json!(pack)),
        ]);
        let own = node.notify();
        let notify = match (is_notified, own.is_empty()) {
            (false, _) => Map::new(),
            (true, false) => own,
            (true, true) => self.notify.clone(),
        };
        let action = node.reference.clone();
        let request = ExecutionRequest { action, parameters, context, notify, ..ExecutionRequest::default() };
        ChildRequest { request, origin: Map::new() }
    }
}

/// The node that an execution is of.
pub(super) fn node_of(child: &Execution) -> Option<&str> {
    child.context.get("chain")?.get("name")?.as_str()
}

/// Casts rendered parameters to what the action wants: templates make texts of everything.
pub(super) fn cast_all(
    runnable: &Runnable,
    parameters: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let snapshot = &runnable.snapshot;
    let (action, runner) = (&snapshot.action.spec.parameters, &snapshot.runner.runner_parameters);
    let kind = |name: &str| action.get(name).or_else(|| runner.get(name))?.get("type")?.as_str();
    let one = |(name, value): (String, Value)| {
        let cast = kind(&name).and_then(cast::to);
        let value = cast.map_or(Ok(value.clone()), |cast| cast(&value))?;
        Ok((name, value))
    };
    parameters.into_iter().map(one).collect()
}
