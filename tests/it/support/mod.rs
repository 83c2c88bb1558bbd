//! What several tests need.

pub(crate) mod corpus;
pub(crate) mod daemon;
pub(crate) mod door;
pub(crate) mod evil;
pub(crate) mod executions;
pub(crate) mod postgres;
pub(crate) mod processes;
pub(crate) mod pythons;
pub(crate) mod site;
pub(crate) mod sshd;
pub(crate) mod windows;
