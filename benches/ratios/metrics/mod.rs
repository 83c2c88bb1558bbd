//! One file per group of metrics that share a set-up.

pub mod cli;
pub mod idle;
pub mod latency;
pub mod output;
pub mod shell;
pub mod start;
pub mod stream;
pub mod throughput;
