//! Sensors: programs of packs that watch something and send events. One process each, in the virtualenv of its pack.
//!
//! | file | decides or does |
//! |---|---|
//! | [`service`] | which sensors shall run here, and sees to it |
//! | [`keeper`] | one sensor: starts it, watches it, starts it again after ever longer pauses |
//! | [`channel`], [`talk`] | what it and we say to each other (`python/SENSORS.md`) |
//! | [`partition`] | which sensors are this node's |
//! | [`status`] | how it is doing, for people |
//!
//! A sensor has one lease, a row; whoever holds it runs it. The lease ends with the node's own, and a node that finds
//! that it has lost one ends the process. An event counts when it is stored: the sensor waits for that, so it is never
//! faster than the database. No sensor is ever given up: one that fails is tried again, after five minutes at last,
//! and how it stands is in the API all the while.

mod backoff;
mod channel;
mod foreground;
mod keeper;
mod launch;
mod lines;
pub mod partition;
mod service;
mod status;
mod talk;

pub use foreground::{Foreground, Missing, run as run_in_foreground};
pub use service::Sensors;
