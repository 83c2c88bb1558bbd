//! The HTTP edge, rule by rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod content;
mod conventions;
mod executions;
mod edits;
mod server;
mod stream;
