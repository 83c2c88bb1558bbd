//! The caller, told who he is.

use super::timestamp;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// What `GET /user` says.
#[derive(Clone, Debug)]
pub struct WhoAmI<'a> {
    /// Login name.
    pub username: &'a str,
    /// How he proved it: `authentication token`, `API key`, or nothing where nothing is asked for.
    pub method: Option<&'static str>,
    /// Where in the request: `header` or `query`.
    pub location: &'static str,
    /// When his token ends.
    pub token_expire: Option<DateTime<Utc>>,
    /// Whether RBAC is on.
    pub rbac: bool,
    /// Names of his roles.
    pub roles: Vec<String>,
    /// May do everything.
    pub is_admin: bool,
}

impl WhoAmI<'_> {
    /// As clients see it.
    pub fn value(&self) -> Value {
        let mut authentication = json!({"method": self.method, "location": self.location});
        if let Some(end) = self.token_expire {
            authentication["token_expire"] = json!(timestamp::seconds(end));
        }
        json!({
            "username": self.username,
            "authentication": authentication,
            "rbac": {"enabled": self.rbac, "roles": self.roles, "is_admin": self.is_admin},
        })
    }
}
