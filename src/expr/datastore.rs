//! The datastore as templates see it: `st2kv.system.<key>` and `st2kv.user.<key>`.

/// The values that templates can look up. Asked while a template is rendered, so it should not wait for long.
pub trait Datastore: Send + Sync {
    /// The value under a key of the system.
    fn system(&self, key: &str) -> Option<String>;

    /// The value under a key of a user.
    fn user(&self, user: &str, key: &str) -> Option<String>;
}
