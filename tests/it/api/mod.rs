//! The HTTP edge, rule by rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod aliases;
mod collecting;
mod configs;
mod content;
mod conventions;
mod executions;
mod keys;
mod edits;
mod events;
mod server;
mod stream;
mod timers;
