//! Why somebody is kept out. The texts are StackStorm's: clients and people match on them.

use super::Permission;
use crate::store;

/// Result of access functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal, or the failure to find out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request carries neither token nor key.
    #[error("Unauthorized - One of Token or API key required.")]
    NoCredentials,
    /// No such token.
    #[error("Unauthorized")]
    UnknownToken,
    /// The token's time is over.
    #[error("Unauthorized - Token has expired.")]
    ExpiredToken,
    /// No such API key; holds its hash.
    #[error("Unauthorized - ApiKey with key_hash={0} not found.")]
    UnknownKey(String),
    /// The API key was switched off.
    #[error("Unauthorized - API key is disabled.")]
    DisabledKey,
    /// Wrong name or password, or none given.
    #[error("Invalid or missing credentials")]
    BadLogin,
    /// A longer life than tokens may have.
    #[error("TTL specified {asked} is greater than max allowed {most}.")]
    TtlTooLong {
        /// Seconds asked for.
        asked: String,
        /// Seconds allowed.
        most: u64,
    },
    /// Only service accounts get tokens of others.
    #[error("Current user is not a service and cannot request impersonated tokens")]
    NotAService,
    /// The user to act for is not known.
    #[error("Could not locate user {0}")]
    NoSuchUser(String),
    /// A chat name without the chat it belongs to.
    #[error("Nickname origin is not provided for nickname '{0}'")]
    NoNicknameOrigin(String),
    /// Two users share a chat name.
    #[error("{0} matched more than one username")]
    AmbiguousNickname(String),
    /// RBAC says no.
    #[error("User \"{user}\" doesn't have required permission \"{}\"{}", permission.as_str(), on(resource.as_deref()))]
    Forbidden {
        /// Who asked.
        user: String,
        /// What it takes.
        permission: Permission,
        /// Uid of the thing, unless it was asked in general.
        resource: Option<String>,
    },
    /// Only administrators may.
    #[error("Administrator access required")]
    NotAnAdmin,
    /// The `auth` section cannot be used as it is.
    #[error("{0}")]
    Config(String),
    /// The system's source of randomness failed.
    #[error("no random numbers from the system")]
    NoRandomness,
    /// A password could not be hashed.
    #[error("could not hash a password: {0}")]
    Hashing(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn on(resource: Option<&str>) -> String {
    resource.map(|uid| format!(" on resource \"{uid}\"")).unwrap_or_default()
}
