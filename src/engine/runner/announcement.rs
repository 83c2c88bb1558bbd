//! `announcement`: tells all clients of the stream something, as the event `st2.announcement__<route>`.
//!
//! Clients of other nodes hear it too, unless it is larger than what nodes tell each other.

use super::{Error, LiveAction, Outcome, RunIo, Runner};
use crate::{
    bus::{Announcement, Bus, Event},
    model::ExecutionStatus,
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// Route when nothing else is said.
const ROUTE: &str = "general";

pub(super) struct Announce {
    bus: Bus,
}

impl Announce {
    pub(super) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    fn announce(&self, action: &LiveAction) -> Result<Outcome, Error> {
        let parameters = &action.runner_parameters;
        if parameters.get("experimental") != Some(&Value::Bool(true)) {
            let action = action.execution.action_ref();
            return Err(Error::Parameter(format!("Experimental flag is missing for action {action}")));
        }
        let route = parameters.get("route").and_then(Value::as_str).filter(|route| !route.is_empty());
        let payload = Value::Object(action.action_parameters.clone());
        self.bus.publish(Event::Announcement(Arc::new(Announcement {
            route: route.unwrap_or(ROUTE).to_owned(),
            payload: payload.clone(),
            trace_context: action.execution.context.get("trace_context").cloned().unwrap_or_default(),
            frame: OnceLock::new(),
        })));
        let mut result = Map::from_iter([("output".to_owned(), payload)]);
        // Again at the top level, where one of them may even be called `output`: as upstream.
        result.extend(action.action_parameters.clone());
        Ok(Outcome { status: ExecutionStatus::Succeeded, result: Value::Object(result).into() })
    }
}

impl Runner for Announce {
    fn run<'a>(&'a self, action: &'a LiveAction, _io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async { self.announce(action) })
    }
}
