//! JSON exactly as StackStorm clients see it. Values go out as text made here; nothing here reads rows or clocks.

pub mod action;
pub mod api_key;
pub mod config;
pub mod content;
pub mod event;
pub mod execution;
pub mod inquiry;
pub mod forms;
pub mod key_value;
pub mod pack;
pub mod runner_type;
pub mod snapshot;
pub mod timestamp;
pub mod token;
pub mod trace;
pub mod user;
