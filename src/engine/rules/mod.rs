//! The rules engine: what rules make of events.
//!
//! A trigger instance is handed over by the front door, or found by the sweep. The rules that wait for its trigger are
//! taken from the [`Book`] and matched, and for each that fits an execution is made ready. Then one transaction moves the
//! instance to its end and stores enforcements and executions: all of it happens or nothing does, so a crash between any
//! two steps leaves the instance as it was, and of two nodes that look at one instance the second finds it done. Only
//! after the commit do the executions begin.
//!
//! Left out: traces, of which only the context is passed on; who may write rules.

mod aside;
mod book;
mod enforce;
mod explain;
mod matcher;
mod service;

pub use book::{Book, Page, Ready};
pub use explain::{Explanation, explain};
pub use matcher::{Matched, matched};
pub use service::RulesEngine;
