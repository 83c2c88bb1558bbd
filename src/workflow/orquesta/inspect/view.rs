//! Tasks as orquesta's models hold them: parameters in line taken apart, defaults filled in.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::{pytext::truthy, workflow::orquesta::params};

/// A task.
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    pub(super) fields: &'a Map<String, Value>,
    /// Without its parameters in line.
    pub(super) action: Option<Cow<'a, Value>>,
    /// Those parameters, or those given by themselves.
    pub(super) input: Option<Cow<'a, Value>>,
    pub(super) next: Vec<Next<'a>>,
}

/// A transition of it.
pub(super) struct Next<'a> {
    pub(super) when: Option<&'a Value>,
    /// A text is taken apart into a list of pairs.
    pub(super) publish: Option<Cow<'a, Value>>,
    pub(super) to: Cow<'a, Value>,
}

/// The tasks of a document; what is no task is left out.
pub(super) fn of(document: &Value) -> Vec<View<'_>> {
    let tasks = document.get("tasks").and_then(Value::as_object).into_iter().flatten();
    tasks.filter_map(|(name, task)| Some(view(name, task.as_object()?))).collect()
}

fn view<'a>(name: &'a str, fields: &'a Map<String, Value>) -> View<'a> {
    let mut action = fields.get("action").map(Cow::Borrowed);
    let mut input = fields.get("input").map(Cow::Borrowed);
    if let Some(text) = fields.get("action").and_then(Value::as_str) {
        let inline = params::parse(text);
        if !inline.is_empty() {
            action = Some(Cow::Owned(json!(text.split_once(' ').map_or(text, |(action, _)| action))));
            input = Some(Cow::Owned(Value::Object(inline.into_iter().collect())));
        }
    }
    let next = fields.get("next").and_then(Value::as_array).into_iter().flatten();
    let next = next.filter_map(Value::as_object).map(|fields| Next {
        when: fields.get("when"),
        publish: fields.get("publish").map(|publish| {
            match publish.as_str().filter(|text| !text.is_empty()) {
                Some(text) => Cow::Owned(pairs(text)),
                None => Cow::Borrowed(publish),
            }
        }),
        to: match fields.get("do").filter(|to| truthy(to)) {
            Some(to) => Cow::Borrowed(to),
            None => Cow::Owned(json!("continue")),
        },
    });
    View { name, fields, action, input, next: next.collect() }
}

/// Parameters in line as a list of objects with one key each.
pub(super) fn pairs(text: &str) -> Value {
    params::parse(text).into_iter().map(|(name, value)| json!({ name: value })).collect()
}

impl Next<'_> {
    /// The names of the destinations.
    pub(super) fn names(&self) -> Vec<&str> {
        match &*self.to {
            Value::String(text) => text.split(',').map(str::trim).collect(),
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            // Refused as what it is, and still looked through.
            Value::Object(names) => names.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
