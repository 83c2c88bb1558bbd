//! Reading command lines: a table of commands in, the chosen command and its values out.
//!
//! Scripts written for StackStorm's client depend on its command line to the letter: which words
//! belong to `k=v` parameters once an option came between them, that `--inherit` is enough for
//! `--inherit-env`, and what a usage error says. Those are the rules of Python's argparse, which
//! differ from those of Rust's parsers, so this module is those rules. What commands there are is
//! said in [`super::tree`]; how the command line looks to a shell in [`super::completion`].

mod help;
mod matches;
mod parse;
mod spec;
mod usage;

pub(crate) use help::{command_help, overview, welcome};
pub(crate) use matches::{Matches, Val};
pub(crate) use parse::{Invocation, Stop, parse};
pub(crate) use spec::{Arg, Command, Kind, Nargs, Run, flag, many, opt, positional, positionals};
pub(crate) use usage::error as usage_error;
