//! What the commands do. [`objects`] serves every kind of object; the others have ways of their own.

pub(crate) mod actions;
pub(crate) mod aliases;
pub(crate) mod apikeys;
pub(crate) mod auth;
pub(crate) mod executions;
pub(crate) mod form;
pub(crate) mod inquiries;
pub(crate) mod keys;
pub(crate) mod objects;
pub(crate) mod pack_dev;
pub(crate) mod packs;
pub(crate) mod parameters;
pub(crate) mod rule_tests;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod tail;
pub(crate) mod traces;
pub(crate) mod triggers;
pub(crate) mod view;
pub(crate) mod wait;
pub(crate) mod why;
pub(crate) mod workflows;
