//! The live action as an object of its own: only the stream shows it.

use super::{Object, View, is_workflow, masked_result, parameters, write_runner_info};
use crate::{
    model::Execution,
    wire::{snapshot, timestamp::write_micros},
};
use std::borrow::Cow;

/// The live action of an execution as JSON text.
pub fn liveaction(it: &Execution, view: &View) -> Vec<u8> {
    let views = snapshot::views(&it.snapshot);
    let mut out = Vec::with_capacity(1024);
    let mut object = Object::open(&mut out);
    object.value("status", it.status.as_str());
    write_micros(object.key("start_timestamp"), it.start());
    if let Some(end) = it.end {
        write_micros(object.key("end_timestamp"), end);
    }
    object.value("action", &it.action_ref());
    object.value("action_is_workflow", &is_workflow(it));
    object.value("parameters", &*parameters(it, views, view.mask));
    object.value("context", &*it.context);
    object.value("callback", &*it.callback);
    write_runner_info(object.key("runner_info"), it);
    if !it.notify.is_empty() {
        object.value("notify", &*it.notify);
    }
    if it.delay_ms > 0 {
        object.value("delay", &it.delay_ms);
    }
    for name in ["workflow_execution", "task_execution"] {
        if let Some(id) = it.origin.get(name) {
            object.value(name, id);
        }
    }
    object.value("id", &it.liveaction_id);
    // Text that holds JSON: StackStorm sends it so.
    let result = match &it.result {
        None => Cow::Borrowed("{}"),
        Some(result) if view.mask => masked_result(it, views, result),
        Some(result) => Cow::Borrowed(result.get()),
    };
    object.value("result", &*result);
    object.close();
    out
}
