//! The table of executions: how rows begin, change and are taken by nodes. Reading them is [`query`].

pub mod query;
