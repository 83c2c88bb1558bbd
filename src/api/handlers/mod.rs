//! One file per resource. A handler shapes the request, gets its permit, acts, and shows what came of it.

pub(super) mod action_clone;
pub(super) mod action_edits;
pub(super) mod action_views;
pub(super) mod actions;
pub(super) mod alias_executions;
pub(super) mod aliases;
pub(super) mod api_keys;
pub(super) mod configs;
pub(super) mod content;
pub(super) mod docs;
pub(super) mod executions;
pub(super) mod inquiries;
pub(super) mod keys;
pub(super) mod pack_files;
pub(super) mod pack_register;
pub(super) mod pack_management;
pub(super) mod packs;
pub(super) mod rbac;
pub(super) mod root;
pub(super) mod runner_types;
pub(super) mod service_registry;
pub(super) mod sso;
pub(super) mod stream;
pub(super) mod tokens;
pub(super) mod user;
