//! Action chains: the older and simpler language of workflows. Nodes run one after the other, each leads to one other
//! node when it succeeds and to one when it fails.
//!
//! A [`Chain`] is a checked definition. A [`Run`] is what became of it so far: it is told how nodes ended and answers
//! which one is next ([`Step`]); its state is a JSON value, small but for the results of the nodes. Templates are
//! Jinja's and see what a [`Scope`] hands them.
//!
//! A machine of its own beside the conductor: a chain has one place where it is, no contexts that merge and no joins,
//! and what it gives and how it fails has nothing in common with orquesta.
//!
//! Left out: reading files, requesting actions, casting parameters to what an action wants.

mod definition;
mod run;
mod values;

pub use definition::{Chain, Node};
pub use run::{Child, Run, Step};
pub use values::{Scope, Unrendered};
