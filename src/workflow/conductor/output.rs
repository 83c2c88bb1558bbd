//! What the workflow gives: its output, rendered over what its last tasks saw.

use serde_json::{Map, Value};

use super::{Conductor, rolling};
use crate::workflow::{Evaluate, Scope, Status, evaluate, log};

impl Conductor {
    /// Renders the output of a workflow that has ended; does nothing before, or when it is there already.
    ///
    /// What cannot be rendered is logged and left out, and fails a workflow that had succeeded.
    pub fn render_output(&mut self, evaluate: &dyn Evaluate) {
        if !self.status().is_completed() || self.state.output.is_some() {
            return;
        }
        let graph = self.graph.clone();
        let mut faults = Vec::new();
        let context = self.terminal_context();
        let list = graph.output.iter().map(|(name, value)| (name, value));
        let named = self.named();
        let output =
            rolling(list, &Scope { tasks: Some(&named), ..Scope::of(&[&context]) }, evaluate, &mut faults);
        if !output.is_empty() {
            self.state.output = Some(output);
            self.state.changes.output = true;
        }
        if faults.is_empty() {
            return;
        }
        for fault in faults {
            self.state.log(log::Entry { message: fault.0, ..log::Entry::default() });
        }
        if self.status() == Status::Succeeded {
            self.fail();
        }
    }

    /// What the workflow gives, once it was rendered; `None` if that is nothing.
    pub fn output(&self) -> Option<&Map<String, Value>> {
        self.state.output.as_ref()
    }

    /// The contexts of the last tasks laid over each other, the start of all once.
    fn terminal_context(&self) -> Map<String, Value> {
        let mut whole: Option<Map<String, Value>> = None;
        for entry in self.state.entries.iter().filter(|entry| entry.terminal) {
            match &mut whole {
                None => whole = Some(evaluate::merged(self.state.layers(entry.ins))),
                Some(whole) => {
                    let own = self.state.layers(entry.ins).without_start();
                    evaluate::merge(whole, &evaluate::merged(own));
                }
            }
        }
        whole.unwrap_or_default()
    }
}
