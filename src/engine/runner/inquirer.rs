//! `inquirer`: asks somebody a question and leaves the execution `pending` until it is answered.
//!
//! The result holds the question: what an answer must look like, who may give it, and how long it may take, in
//! minutes. Answers are the business of the inquiries API, which adds `response` to it.

use super::{Error, LiveAction, Outcome, RunIo, Runner};
use crate::model::ExecutionStatus;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

/// The parts of a question, in the order clients show them.
const PARTS: [&str; 5] = ["schema", "roles", "users", "route", "ttl"];

pub(super) struct Inquire;

impl Runner for Inquire {
    fn run<'a>(&'a self, action: &'a LiveAction, _io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        let part = |name: &str| action.runner_parameters.get(name).cloned().unwrap_or_default();
        let question: Map<String, Value> =
            PARTS.iter().map(|name| ((*name).to_owned(), part(name))).collect();
        Box::pin(async {
            Ok(Outcome { status: ExecutionStatus::Pending, result: Value::Object(question).into() })
        })
    }
}
