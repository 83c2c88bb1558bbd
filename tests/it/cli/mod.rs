//! `st2` as its users meet it: what it says, and what it does with a daemon.

mod arguments;
mod daemon;
mod help;
mod packs;
mod server;
mod st2;
mod workflows;
