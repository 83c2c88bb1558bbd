//! One file per resource. A handler shapes the request, gets its permit, acts, and shows what came of it.

pub(super) mod api_keys;
pub(super) mod executions;
pub(super) mod root;
pub(super) mod sso;
pub(super) mod stream;
pub(super) mod tokens;
pub(super) mod user;
