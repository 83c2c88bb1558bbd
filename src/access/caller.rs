//! Who calls, and the proof that he may: a [`Permit`] is made here alone, so an act that takes one was checked.

use super::{Error, Permission, Resource, Result};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// How a caller proved who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a token, until it expires.
    Token,
    /// By an API key.
    ApiKey,
    /// Not at all: authentication is off.
    Nothing,
}

/// Where in the request the proof was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a header or the cookie.
    Header,
    /// In the query.
    Query,
}

/// What is known of a caller, shared by all his requests.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) user: Arc<str>,
    pub(super) method: Method,
    pub(super) expiry: Option<DateTime<Utc>>,
    /// Secrets are replaced on the wire, unless an administrator asks otherwise.
    pub(super) mask_secrets: bool,
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) identity: Arc<Identity>,
    pub(super) location: Location,
}

/// Proof that a caller has a permission. Only [`Caller::permit`] makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    user: Arc<str>,
    permission: Permission,
}

/// May this user do everything? Without RBAC everybody may. Everybody asks here: requests for their callers, and steps
/// of executions for those who asked for them.
pub fn is_admin(_user: &str) -> bool {
    true
}

impl Caller {
    /// His user name.
    pub fn user(&self) -> &Arc<str> {
        &self.identity.user
    }

    /// How he proved it.
    pub fn method(&self) -> Method {
        self.identity.method
    }

    /// Where the proof was.
    pub fn location(&self) -> Location {
        self.location
    }

    /// When his token ends.
    pub fn token_expiry(&self) -> Option<DateTime<Utc>> {
        self.identity.expiry
    }

    /// May he do everything?
    pub fn is_admin(&self) -> bool {
        is_admin(self.user())
    }

    /// Names of his roles, sorted.
    pub fn roles(&self) -> Vec<String> {
        Vec::new()
    }

    /// Has he this role? Without RBAC nobody has any, and nobody is turned away for that.
    pub fn has_role(&self, role: &str) -> bool {
        self.is_admin() || self.roles().iter().any(|name| name == role)
    }

    /// Checks `permission` on one thing.
    pub fn permit(&self, permission: Permission, resource: &(impl Resource + ?Sized)) -> Result<Permit> {
        self.check(permission, || Some(resource.uid().into_owned()))
    }

    /// Checks `permission` in general: to list things, or to do what has no object.
    pub fn permit_any(&self, permission: Permission) -> Result<Permit> {
        self.check(permission, || None)
    }

    fn check(&self, permission: Permission, uid: impl FnOnce() -> Option<String>) -> Result<Permit> {
        if self.is_admin() {
            return Ok(Permit { user: Arc::clone(self.user()), permission });
        }
        Err(Error::Forbidden { user: self.user().to_string(), permission, resource: uid() })
    }

    /// Fails unless he is an administrator.
    pub fn require_admin(&self) -> Result<()> {
        if self.is_admin() { Ok(()) } else { Err(Error::NotAnAdmin) }
    }

    /// Whether secrets are masked for him, given what he asked for. Others than administrators are not heard.
    pub fn masking(&self, show_secrets: bool) -> bool {
        self.identity.mask_secrets && !(show_secrets && self.is_admin())
    }
}

impl Permit {
    /// Who was permitted.
    pub fn user(&self) -> &Arc<str> {
        &self.user
    }

    /// What was permitted.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}
