//! One file per group of metrics that share a set-up.

pub(crate) mod backlog;
pub(crate) mod cli;
pub(crate) mod conductor;
pub(crate) mod events;
pub(crate) mod evil;
pub(crate) mod expressions;
pub(crate) mod flood;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod output;
pub(crate) mod python;
pub(crate) mod result;
pub(crate) mod shell;
pub(crate) mod sources;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod throughput;
pub(crate) mod workflows;
