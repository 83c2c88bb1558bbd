//! What can go wrong with the database, as far as somebody decides on it.

/// Result of store functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with the same unique key exists; holds the constraint's name.
    #[error("a row with the same `{0}` exists")]
    Duplicate(String),
    /// The database cannot be reached, is starting, stopping or full of connections: try again.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else.
    #[error("database error")]
    Sql(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => {
                Self::Duplicate(inner.constraint().unwrap_or_default().to_owned())
            }
            _ if Self::is_lost_connection(&error) => Self::Unavailable(error),
            _ => Self::Sql(error),
        }
    }
}

impl Error {
    /// Whether `error` says that the connection, not the statement, is at fault.
    pub(super) fn is_lost_connection(error: &sqlx::Error) -> bool {
        match error {
            // Classes 08 (connection), 57P (shutdown, start-up, crash), 53 (resources); 25006: a standby.
            sqlx::Error::Database(inner) => inner.code().is_some_and(|code| {
                code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") || code == "25006"
            }),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            _ => false,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
