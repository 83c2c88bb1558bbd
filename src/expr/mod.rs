//! Expressions: finds and evaluates them in text and in JSON values. Pure: no clock, no file, no database.
//!
//! `jinja` renders templates wherever StackStorm does; `jsonpath` finds parts of values; `yaql` is the
//! query language of workflows. The evaluation of workflow strings, in which both languages meet, will stand
//! beside them.

pub mod jinja;
pub mod jsonpath;
pub mod yaql;
