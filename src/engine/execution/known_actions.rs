//! The actions a workflow definition names, looked up before it is inspected.

use super::Catalog;
use crate::{
    pytext::truthy,
    workflow::orquesta::{Actions, Definition, Parameters},
};
use std::collections::HashMap;

/// What inspection may ask about actions, answered from memory.
#[derive(Debug, Default)]
pub struct KnownActions(HashMap<String, Parameters>);

impl KnownActions {
    /// Looks up every action a definition names plainly.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of(definition: &Definition, catalog: &Catalog) -> crate::store::Result<Self> {
        let mut known = HashMap::new();
        for reference in definition.action_refs() {
            let Some(runnable) = catalog.find(&reference).await? else { continue };
            let snapshot = &runnable.snapshot;
            // The action's own word on a parameter of its runner counts.
            let own = &snapshot.action.spec.parameters;
            let inherited =
                snapshot.runner.runner_parameters.iter().filter(|(name, _)| !own.contains_key(*name));
            let mut parameters = Parameters::default();
            for (name, meta) in own.iter().chain(inherited) {
                parameters.names.insert(name.clone());
                if meta.get("required").is_some_and(truthy) && meta.get("default").is_none() {
                    parameters.required.insert(name.clone());
                }
            }
            known.insert(reference, parameters);
        }
        Ok(Self(known))
    }
}

impl Actions for KnownActions {
    fn find(&self, reference: &str) -> Option<Parameters> {
        self.0.get(reference).cloned()
    }
}
