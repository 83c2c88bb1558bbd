//! Keys of the datastore: those of the system, and those of each user.

use super::KeyValueId;
use chrono::{DateTime, Utc};

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody's.
    System,
    /// One user's.
    User,
}

/// How the allowed scopes are listed in messages.
pub const ALLOWED_SCOPES: &str = "['system', 'user', 'st2kv.system', 'st2kv.user']";

impl Scope {
    /// Reads a scope in its short or its full form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "system" | "st2kv.system" => Some(Self::System),
            "user" | "st2kv.user" => Some(Self::User),
            _ => None,
        }
    }

    /// The full form, as on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "st2kv.system",
            Self::User => "st2kv.user",
        }
    }
}

/// Why there is no such key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyNameError {
    /// Keys of users need a user.
    #[error("A valid user must be specified for user key ref.")]
    NoUser,
    /// Neither the system's nor a user's.
    #[error("Scope \"{0}\" is not valid. Allowed scopes are {ALLOWED_SCOPES}.")]
    Scope(String),
    /// Not `<user>:<name>`.
    #[error("Invalid resource reference: {0}")]
    Reference(String),
}

/// The full name of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName {
    /// Whose it is; empty for the system.
    pub owner: String,
    /// Its name among the keys of the owner.
    pub name: String,
}

impl KeyName {
    /// A key of the system.
    pub fn system(name: impl Into<String>) -> Self {
        Self { owner: String::new(), name: name.into() }
    }

    /// A key of a user.
    pub fn user(owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self { owner: owner.into(), name: name.into() }
    }

    /// The key `name` in a scope, of `user` if it is a user's.
    ///
    /// # Errors
    /// [`KeyNameError`].
    pub fn of(scope: &str, name: &str, user: Option<&str>) -> Result<Self, KeyNameError> {
        match Scope::parse(scope) {
            Some(Scope::System) => Ok(Self::system(name)),
            Some(Scope::User) => match user.filter(|user| !user.is_empty()) {
                Some(user) => Ok(Self::user(user, name)),
                None => Err(KeyNameError::NoUser),
            },
            None => Err(KeyNameError::Scope(scope.to_owned())),
        }
    }

    /// Reads [`Self::reference`] of a user's key.
    ///
    /// # Errors
    /// [`KeyNameError::Reference`].
    pub fn of_user_reference(text: &str) -> Result<Self, KeyNameError> {
        let (owner, name) = text.split_once(':').ok_or_else(|| KeyNameError::Reference(text.to_owned()))?;
        Ok(Self::user(owner, name))
    }

    /// Whose it is, in kind.
    pub fn scope(&self) -> Scope {
        if self.owner.is_empty() { Scope::System } else { Scope::User }
    }

    /// The name, with the user before it if it is a user's: what messages call it.
    pub fn reference(&self) -> String {
        match self.scope() {
            Scope::System => self.name.clone(),
            Scope::User => format!("{}:{}", self.owner, self.name),
        }
    }

    /// `key_value_pair:<scope>:<reference>`.
    pub fn uid(&self) -> String {
        super::uid("key_value_pair", &[self.scope().as_str(), &self.reference()])
    }
}

/// An entry of the datastore.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValue {
    /// Identity.
    pub id: KeyValueId,
    /// Its name.
    pub key: KeyName,
    /// The text; ciphertext when it is secret.
    pub value: String,
    /// For people.
    pub description: Option<String>,
    /// Kept encrypted.
    pub secret: bool,
    /// When it stops to exist.
    pub expires_at: Option<DateTime<Utc>>,
}
