//! Workflows: definitions are compiled, and a pure conductor decides what runs next.
//!
//! A front end ([`orquesta`]) reads and checks a definition and compiles it to the intermediate form
//! ([`ir`]). The [`Conductor`] holds a run of it: it is told what was requested and what became of tasks,
//! and answers which tasks to start, what the workflow's status is and what it gave. It reads no clock,
//! no file and no database; expressions are evaluated by an [`Evaluate`] it is handed: [`Expressions`],
//! which asks [`Outside`] for what only rows can tell. Its state is saved in pieces ([`Piece`]), so that a
//! step writes what it changed. Action chains have a machine of their own ([`action_chain`]), for they have
//! hardly anything in common with the rest.
//!
//! [`drawing`] makes pictures of definitions.
//!
//! Left out: how tasks are run, what `task()` and `st2kv()` find, and a front end of Mistral; the
//! intermediate form has room for it.

pub mod action_chain;
mod conductor;
pub mod drawing;
mod evaluate;
mod expressions;
pub mod ir;
mod log;
mod machine;
pub mod orquesta;
mod pieces;
mod state;
mod status;
mod views;

pub use conductor::{Call, Conductor, Error, NextTask, Rerun, TaskEvent};
pub use evaluate::{CurrentTask, Evaluate, Fault, Scope, Tasks};
pub use expressions::{Expressions, Outside};
pub use log::Entry as LogEntry;
pub use pieces::Piece;
pub use state::{Attempts, Entry, Staged, State, Taken};
pub use status::Status;
