//! Compiled definitions, by their text: a definition is compiled once, however many workflows use it.

use crate::workflow::{
    ir::Graph,
    orquesta::{Definition, Error},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Definitions kept. Past this the ones that are kept are dropped together: their workflows keep their own.
const MOST: usize = 1000;

/// The variables every run begins with.
pub(super) const KNOWN: [&str; 2] = ["st2", "parent"];

/// An orquesta definition that can be read.
#[derive(Debug)]
pub(super) struct Compiled {
    /// As it was written.
    pub(super) definition: Definition,
    /// What the conductor runs; the fault if there is no telling what is meant.
    pub(super) graph: Result<Arc<Graph>, Error>,
    /// Whether an inspection finds fault with it, whatever actions there are.
    pub(super) is_faulty: bool,
    /// Whether an expression asks for what tasks answered earlier.
    pub(super) asks_for_tasks: bool,
}

/// Those that were used lately.
#[derive(Default)]
pub(super) struct Definitions {
    orquesta: Mutex<HashMap<Arc<str>, Arc<Compiled>>>,
}

impl Definitions {
    /// The definition of this text.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub(super) fn orquesta(&self, source: &Arc<str>) -> Result<Arc<Compiled>, Error> {
        if let Some(known) = self.orquesta.lock().get(source) {
            return Ok(known.clone());
        }
        let definition = Definition::parse(source)?;
        let graph = definition.compile().map(Arc::new);
        let asks_for_tasks = source.contains("task(");
        let is_faulty = !definition.inspect(&KNOWN, None).is_empty();
        let compiled = Arc::new(Compiled { definition, graph, is_faulty, asks_for_tasks });
        let mut kept = self.orquesta.lock();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(source.clone(), compiled.clone());
        Ok(compiled)
    }
}
