//! Expressions: finds and evaluates them in text and in JSON values. Pure: no clock, no file, no database.
//!
//! `jinja` renders templates wherever StackStorm does; `jsonpath` finds parts of values; `yaql` is the
//! query language of workflows. In `orquesta` both languages meet: the strings of workflows.

pub mod jinja;
pub mod jsonpath;
pub mod orquesta;
pub mod yaql;
