//! Actions that are not there, or are called with what they do not take.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Finding, Kind, TASK, view::View};
use crate::{expr::orquesta::Language, pytext::truthy};

/// The parameters of an action, those of its runner among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// All of them.
    pub names: BTreeSet<String>,
    /// Those that must be given, for they have no default.
    pub required: BTreeSet<String>,
}

/// Answers what actions there are.
pub trait Actions {
    /// The parameters of an action; nothing if it is not registered.
    fn find(&self, reference: &str) -> Option<Parameters>;
}

/// What is wrong with the actions.
pub(super) fn inspect(views: &[View<'_>], actions: &dyn Actions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for view in views {
        let Some(reference) = plain(view) else { continue };
        let mut tell = |message: String, spec: String, schema: &str| {
            let spec = format!("tasks.{}.{spec}", view.name);
            findings.push(Finding::new(Kind::Content, message, spec, format!("{TASK}.{schema}")));
        };
        if !is_reference(reference) {
            let message = format!("The action reference \"{reference}\" is not formatted correctly.");
            tell(message, "action".to_owned(), "properties.action");
            continue;
        }
        let Some(parameters) = actions.find(reference) else {
            let message = format!("The action \"{reference}\" is not registered in the database.");
            tell(message, "action".to_owned(), "properties.action");
            continue;
        };
        let given: BTreeSet<&str> = match view.input.as_deref().filter(|input| truthy(input)) {
            None => BTreeSet::new(),
            Some(Value::Object(fields)) => fields.keys().map(String::as_str).collect(),
            Some(_) => continue,
        };
        for name in parameters.required.iter().filter(|name| !given.contains(name.as_str())) {
            let message = format!("Action \"{reference}\" is missing required input \"{name}\".");
            tell(message, "input".to_owned(), "properties.input");
        }
        for name in given.into_iter().filter(|name| !parameters.names.contains(*name)) {
            let message = format!("Action \"{reference}\" has unexpected input \"{name}\".");
            tell(message, format!("input.{name}"), r"properties.input.patternProperties.^\w+$");
        }
    }
    findings
}

/// The references among the actions, each once.
pub(super) fn refs(views: &[View<'_>]) -> Vec<String> {
    let all: BTreeSet<&str> = views.iter().filter_map(plain).filter(|text| is_reference(text)).collect();
    all.into_iter().map(str::to_owned).collect()
}

/// The action of a task, if it is written out.
fn plain<'a>(view: &'a View<'_>) -> Option<&'a str> {
    let text = view.action.as_deref()?.as_str().filter(|text| !text.is_empty())?;
    Language::of(text).next().is_none().then_some(text)
}

/// A pack and a name, with a period between them.
fn is_reference(text: &str) -> bool {
    text.split_once('.').is_some_and(|(pack, name)| !pack.is_empty() && !name.is_empty())
}
