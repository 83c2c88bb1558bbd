//! Orquesta workflows: the conductor decides, this asks for what it wants and tells it what became of that.
//!
//! [`begin`] makes a workflow of a definition, [`run::Run`] is one under way, [`tasks`] keeps what is known of its tasks,
//! [`children`] makes the executions they want.

mod begin;
mod children;
mod expressions;
mod resume;
mod run;
mod tasks;

use super::{Beginning, Begun, Ended, Language, Logic, Resumed};
use crate::engine::Engine;
use futures_util::future::BoxFuture;

/// The language.
pub(super) struct Orquesta;

impl Language for Orquesta {
    fn name(&self) -> &'static str {
        "orquesta"
    }

    fn begin<'a>(&'a self, engine: &'a Engine, at: Beginning) -> BoxFuture<'a, Result<Begun, Ended>> {
        Box::pin(begin::begin(engine, at))
    }

    fn resume<'a>(
        &'a self,
        engine: &'a Engine,
        stored: Resumed,
    ) -> BoxFuture<'a, Result<Box<dyn Logic>, String>> {
        Box::pin(resume::resume(engine, stored))
    }
}
