//! The one integration test binary: conformance tables, and behaviour against a running daemon.
#![allow(
    clippy::unwrap_used,
    reason = "clippy sees only functions marked as tests as tests, not what they call"
)]

mod api;
mod cli;
mod conformance;
mod content;
mod daemon;
mod support;
mod engine;
mod imports;
mod packs;
