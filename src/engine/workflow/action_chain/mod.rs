//! Action chains: the pure [`Run`](crate::workflow::action_chain::Run) decides, this asks for what it wants and tells it
//! what became of that.
//!
//! A chain rests when it is asked to, after the node that runs, and when a node waits for an answer or rests itself. Its
//! variables are then shown in its context, as StackStorm does. What its nodes gave is written once, in pieces.

mod begin;
mod children;
mod logic;

use super::{Beginning, Begun, Ended, Language, Logic, Resumed};
use crate::engine::Engine;
use futures_util::future::BoxFuture;

/// The language.
pub(super) struct ActionChain;

impl Language for ActionChain {
    fn name(&self) -> &'static str {
        "action-chain"
    }

    fn begin<'a>(&'a self, engine: &'a Engine, at: Beginning) -> BoxFuture<'a, Result<Begun, Ended>> {
        Box::pin(begin::begin(engine, at))
    }

    fn resume<'a>(
        &'a self,
        engine: &'a Engine,
        stored: Resumed,
    ) -> BoxFuture<'a, Result<Box<dyn Logic>, String>> {
        Box::pin(async move { begin::resume(engine, &stored) })
    }
}
