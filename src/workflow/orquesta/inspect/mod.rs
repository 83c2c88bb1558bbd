//! What is wrong with a definition, told before it runs.
//!
//! Five kinds of findings, in StackStorm's words and at its paths: the shape of the document, what its tasks
//! mean together, expressions that cannot be read, variables nobody sets, and actions that are not there or
//! are called wrongly. Where in the YAML a finding stands is added ([`Finding::to_json`]).
//!
//! Left out: values. Whether a delay is a number is known when it is evaluated.

mod content;
mod context;
mod expressions;
mod finding;
mod places;
mod reach;
mod refusal;
mod semantics;
mod syntax;
mod view;

use super::{Definition, shape::Shape};

pub use content::{Actions, Parameters};
pub use finding::{Finding, Kind};
pub use places::Places;

/// Where tasks stand in the schema.
const TASK: &str = r"properties.tasks.patternProperties.^\w+$";

impl Definition {
    /// What is wrong with the definition, by kind and path.
    ///
    /// `known` are the variables a run begins with (`st2`, `parent`); `actions` answers what there is to call.
    pub fn inspect(&self, known: &[&str], actions: Option<&dyn Actions>) -> Vec<Finding> {
        let shape = Shape::of(&self.document);
        let views = view::of(&self.document);
        let sorted = |mut findings: Vec<Finding>| {
            findings.sort_by(|a, b| (&a.schema_path, &a.spec_path).cmp(&(&b.schema_path, &b.spec_path)));
            findings
        };
        let mut findings = sorted(syntax::inspect(&self.document));
        findings.extend(sorted(semantics::inspect(&shape, &views)));
        findings.extend(sorted(expressions::inspect(&self.document, &views)));
        findings.extend(sorted(context::inspect(&self.document, &shape, &views, known)));
        if let Some(actions) = actions {
            findings.extend(content::inspect(&views, actions));
        }
        findings.sort_by(|a, b| (a.kind.name(), &a.schema_path).cmp(&(b.kind.name(), &b.schema_path)));
        findings
    }

    /// What is wrong with the actions alone: those that are not registered, or are called with what they do not take.
    ///
    /// The rest of an inspection does not change while the definition does not; this may.
    pub fn inspect_actions(&self, actions: &dyn Actions) -> Vec<Finding> {
        content::inspect(&view::of(&self.document), actions)
    }

    /// The actions the definition names plainly, each once: what [`Actions`] will be asked for.
    pub fn action_refs(&self) -> Vec<String> {
        content::refs(&view::of(&self.document))
    }

    /// Why StackStorm would not even begin to inspect the definition.
    pub fn refusal(&self) -> Option<&'static str> {
        refusal::of(&self.document)
    }
}
