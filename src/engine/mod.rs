//! The engine: one folder per stage, in the order an event travels.

pub mod runner;
