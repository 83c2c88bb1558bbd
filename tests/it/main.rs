//! The one integration test binary: conformance tables, and behaviour against a running daemon.

mod api;
mod conformance;
mod support;
