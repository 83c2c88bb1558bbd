//! Executions: the REST view, and the live action that the stream shows beside it.
//!
//! Written straight to bytes, because one is made for every answer and every event: what the snapshot fixes is
//! copied, the result's text is spliced in as it is stored. Every falsy value is left out, as StackStorm does.

mod fields;
mod liveaction;
mod narrow;

pub use fields::{BadField, Field, Fields, Part};
pub use liveaction::liveaction;

use super::{
    snapshot,
    timestamp::{write_micros, write_millis},
};
use crate::{
    model::{Execution, ExecutionStatus, SnapshotViews},
    schema::{output, secrets},
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, sync::Arc};

/// How executions are shown to one caller.
#[derive(Clone, Debug)]
pub struct View {
    /// Base of links to the web page, without a trailing slash.
    pub web_base: Arc<str>,
    /// Replace secrets by asterisks.
    pub mask: bool,
    /// What to show.
    pub fields: Fields,
    /// Leave out results above this many bytes.
    pub max_result_size: Option<usize>,
}

impl View {
    /// Everything, secrets masked or not.
    pub fn new(web_base: Arc<str>, mask: bool) -> Self {
        Self { web_base, mask, fields: Fields::All, max_result_size: None }
    }
}

/// An execution as JSON text. `result_bytes` is the size of its result, which need not be loaded.
pub fn execution(execution: &Execution, result_bytes: usize, view: &View) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    write(&mut out, execution, result_bytes, view);
    out
}

/// An execution whose result, if it has one, is loaded.
pub fn loaded(it: &Execution, view: &View) -> Vec<u8> {
    execution(it, it.result.as_ref().map_or(0, |result| result.get().len()), view)
}

/// Appends an execution to JSON.
pub fn write(out: &mut Vec<u8>, it: &Execution, result_bytes: usize, view: &View) {
    let views = snapshot::views(&it.snapshot);
    let parameters = parameters(it, views, view.mask);
    let mut object = Object::open(out);
    let shown = |field| view.fields.part(field);

    // What started it, as it was then.
    for (name, value) in it.origin.iter() {
        match Field::named(name).map_or(Part::Whole, shown) {
            Part::Hidden => {}
            _ if is_falsy_text(value.get()) => {}
            Part::Whole => object.text(name, value.get()),
            Part::Narrow(paths) => object.text(name, &narrow::text(value.get(), paths, &[])),
        }
    }
    match shown(Field::Action) {
        Part::Hidden => {}
        Part::Whole => object.text("action", &views.action),
        Part::Narrow(paths) => {
            object.text("action", &narrow::text(&views.action, paths, &narrow::ACTION_ALWAYS));
        }
    }
    match shown(Field::Runner) {
        Part::Hidden => {}
        Part::Whole => object.text("runner", &views.runner),
        Part::Narrow(paths) => {
            object.text("runner", &narrow::text(&views.runner, paths, &narrow::RUNNER_ALWAYS));
        }
    }
    match shown(Field::Liveaction) {
        Part::Hidden => {}
        Part::Whole => write_embedded_liveaction(object.key("liveaction"), it, &parameters),
        Part::Narrow(paths) => {
            let mut whole = Vec::new();
            write_embedded_liveaction(&mut whole, it, &parameters);
            object.text("liveaction", &narrow::text(&String::from_utf8_lossy(&whole), paths, &[]));
        }
    }
    let whole = |field| !matches!(shown(field), Part::Hidden);
    if whole(Field::Status) {
        object.value("status", it.status.as_str());
    }
    if whole(Field::StartTimestamp) {
        write_micros(object.key("start_timestamp"), it.start());
    }
    if let Some(end) = it.end.filter(|_| whole(Field::EndTimestamp)) {
        write_micros(object.key("end_timestamp"), end);
    }
    if whole(Field::Parameters) && !parameters.is_empty() {
        object.value("parameters", &*parameters);
    }
    if whole(Field::ResultSize) && result_bytes > 0 {
        object.value("result_size", &result_bytes);
    }
    if whole(Field::Context) && !it.context.is_empty() {
        object.value("context", &*it.context);
    }
    if let Some(parent) = it.parent.filter(|_| whole(Field::Parent)) {
        object.value("parent", &parent);
    }
    if whole(Field::Children) && !it.children.is_empty() {
        object.value("children", &it.children);
    }
    if whole(Field::Log) && !it.log.is_empty() {
        write_log(object.key("log"), it);
    }
    if whole(Field::Delay) && it.delay_ms > 0 {
        object.value("delay", &it.delay_ms);
    }
    if whole(Field::WebUrl) {
        object.value("web_url", &format!("{}/#/history/{}/general", view.web_base, it.id));
    }
    object.value("id", &it.id);
    let fits = view.max_result_size.is_none_or(|most| result_bytes <= most);
    if let Some(result) = it.result.as_deref().filter(|_| fits && whole(Field::Result)) {
        let result = if view.mask { masked_result(it, views, result) } else { Cow::Borrowed(result.get()) };
        if !is_falsy_text(&result) {
            object.text("result", &result);
        }
    }
    // Worked out of both stamps: absent when either was not asked for.
    if let Some(end) = it.end.filter(|_| view.fields.is_all_but_excluded()) {
        let elapsed = (end - it.start()).num_microseconds().unwrap_or_default();
        if elapsed != 0 {
            object.value("elapsed_seconds", &(elapsed as f64 / 1e6));
        }
    }
    object.close();
}

fn write_log(out: &mut Vec<u8>, it: &Execution) {
    for (index, entry) in it.log.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b"," });
        let mut object = Object::open(out);
        write_millis(object.key("timestamp"), entry.timestamp);
        object.value("status", entry.status.as_str());
        object.close();
    }
    out.push(b']');
}

fn write_embedded_liveaction(out: &mut Vec<u8>, it: &Execution, parameters: &Map<String, Value>) {
    let mut object = Object::open(out);
    object.value("action", &it.action_ref());
    object.value("action_is_workflow", &is_workflow(it));
    object.value("parameters", parameters);
    object.value("callback", &*it.callback);
    write_runner_info(object.key("runner_info"), it);
    if !it.notify.is_empty() {
        object.value("notify", &*it.notify);
    }
    object.value("id", &it.liveaction_id);
    object.close();
}

fn write_runner_info(out: &mut Vec<u8>, it: &Execution) {
    let mut object = Object::open(out);
    // A node holds an execution a moment before it runs; clients see it from then on.
    let ran = it.log.iter().any(|entry| entry.status == ExecutionStatus::Running);
    if let Some(info) = it.runner_info.as_ref().filter(|_| ran) {
        object.value("hostname", &*info.hostname);
        object.value("pid", &info.pid);
    }
    object.close();
}

/// Whether its runner runs workflows.
fn is_workflow(it: &Execution) -> bool {
    matches!(it.snapshot.runner.name.as_str(), "action-chain" | "orquesta" | "orchestra" | "mistral-v2")
}

/// Its parameters, secrets masked if asked for.
pub fn parameters<'a>(it: &'a Execution, views: &SnapshotViews, mask: bool) -> Cow<'a, Map<String, Value>> {
    let responds = it.snapshot.action.spec.name == "inquiry.respond" && it.snapshot.action.spec.pack == "st2";
    if !mask || it.parameters.is_empty() || (views.secret_parameters.is_none() && !responds) {
        return Cow::Borrowed(&it.parameters);
    }
    let mut masked = it.parameters.as_ref().clone();
    if let Some(spec) = &views.secret_parameters
        && let Value::Object(hidden) = secrets::mask(&Value::Object(masked.clone()), spec)
    {
        masked = hidden;
    }
    if let Some(response) = masked.get_mut("response").filter(|_| responds) {
        // The schema of the response belongs to another execution, so all of it counts as secret.
        match response {
            Value::Object(fields) => fields.values_mut().for_each(|field| *field = secrets::MASK.into()),
            other => *other = secrets::MASK.into(),
        }
    }
    Cow::Owned(masked)
}

/// The result's text, secrets masked. Parsed only when something in it may be secret.
pub fn masked_result<'a>(it: &Execution, views: &SnapshotViews, result: &'a RawValue) -> Cow<'a, str> {
    let inquiry = it.snapshot.runner.name == "inquirer";
    if !views.masks_result && !inquiry {
        return Cow::Borrowed(result.get());
    }
    let Ok(mut value) = serde_json::from_str::<Value>(result.get()) else {
        return Cow::Borrowed(result.get());
    };
    let snapshot = &it.snapshot;
    if let Some(key) = &snapshot.runner.output_key {
        output::mask(&mut value, &snapshot.action.spec.output_schema, key);
    }
    if inquiry
        && let (Some(schema), Some(response)) = (value.get("schema"), value.get("response"))
        && let Some(Ok(hidden)) = response.as_object().map(|fields| secrets::mask_inquiry(fields, schema))
    {
        value["response"] = Value::Object(hidden);
    }
    Cow::Owned(value.to_string())
}

/// What Python takes for false, and StackStorm therefore leaves out.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// The same for JSON text, without reading all of a large one.
fn is_falsy_text(text: &str) -> bool {
    let text = text.trim();
    text.len() < 64 && serde_json::from_str::<Value>(text).is_ok_and(|value| is_falsy(&value))
}

/// Writes an object, field by field.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Begins a field; what is appended to the answer is its value.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        push_json(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        push_json(self.key(name), value);
    }

    /// A field whose value is JSON text already.
    pub(super) fn text(&mut self, name: &str, json: &str) {
        self.key(name).extend_from_slice(json.as_bytes());
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }
}

fn push_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Only a map with keys that are no text can fail, and there is none.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests;
