//! Errors as clients see them: a status and `{"faultstring": "…"}`. The one place that knows which status an error
//! of the modules below has. What is not listed here is 500, shows no detail, and is logged once, here.

use crate::{
    access, content, datastore,
    engine::{execution, inquiry, trigger},
    model, store,
};
use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
};
use serde_json::json;

/// Result of handlers.
pub type ApiResult<T> = Result<T, Error>;

/// What StackStorm says when nothing better is known.
pub const NOT_FOUND: &str = "The resource could not be found.";

/// Seconds after which a client may try again while the database is away or the daemon starts.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// An answer that is not success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An answer with this status and text.
    #[error("{1}")]
    Answer(StatusCode, String),
    /// 409: the thing exists already, under this id.
    #[error("Tried to save duplicate unique keys ({what})")]
    Conflict {
        /// What was there twice.
        what: String,
        /// Id of the one that is there.
        id: String,
    },
    /// 409: the thing exists already; which one it is StackStorm does not say of things of this kind.
    #[error("Tried to save duplicate unique keys ({0})")]
    Taken(String),
    /// Refused, or not recognised.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The engine refused.
    #[error(transparent)]
    Execution(#[from] execution::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The daemon is starting or stopping.
    #[error("st2d is not ready to serve requests. Try again in a moment.")]
    NotReady,
    /// Anything else: not shown to the client.
    #[error("{0}")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// 400 with this text.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::Answer(StatusCode::BAD_REQUEST, text.into())
    }

    /// 403 with this text.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::Answer(StatusCode::FORBIDDEN, text.into())
    }

    /// 404 with this text.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::Answer(StatusCode::NOT_FOUND, text.into())
    }

    /// 404 with the usual text.
    pub fn nothing_here() -> Self {
        Self::not_found(NOT_FOUND)
    }

    /// Status and text of the answer.
    fn answer(&self) -> (StatusCode, String) {
        use access::Error as Access;
        use execution::Error as Execution;
        let shown = |status| (status, self.to_string());
        match self {
            Self::Answer(status, text) => (*status, text.clone()),
            Self::Conflict { .. } | Self::Taken(_) => shown(StatusCode::CONFLICT),
            Self::NotReady => shown(StatusCode::SERVICE_UNAVAILABLE),
            Self::Access(error) => match error {
                Access::NoCredentials
                | Access::UnknownToken
                | Access::ExpiredToken
                | Access::UnknownKey(_)
                | Access::DisabledKey
                | Access::BadLogin => shown(StatusCode::UNAUTHORIZED),
                Access::Forbidden { .. } | Access::NotAnAdmin => shown(StatusCode::FORBIDDEN),
                Access::TtlTooLong { .. }
                | Access::NotAService
                | Access::NoSuchUser(_)
                | Access::NoNicknameOrigin(_)
                | Access::AmbiguousNickname(_) => shown(StatusCode::BAD_REQUEST),
                Access::Store(error) => Self::store_answer(error),
                Access::Config(_) | Access::NoRandomness | Access::Hashing(_) => hidden(),
            },
            Self::Execution(error) => match error {
                Execution::NoSuchExecution(_) => shown(StatusCode::NOT_FOUND),
                Execution::KeyReused(_) => shown(StatusCode::UNPROCESSABLE_ENTITY),
                Execution::Stopping => shown(StatusCode::SERVICE_UNAVAILABLE),
                // Clients expect something like an address of Python's memory.
                Execution::Parameters(_) => {
                    (StatusCode::BAD_REQUEST, self.to_string().replace(" at 0x…", " at 0x0"))
                }
                Execution::NoSuchAction(_)
                | Execution::Disabled(_)
                | Execution::Invalid(_)
                | Execution::NotCancelable(_)
                | Execution::Completed
                | Execution::Refused(_) => shown(StatusCode::BAD_REQUEST),
                Execution::Store(error) => Self::store_answer(error),
            },
            Self::Store(error) => Self::store_answer(error),
            Self::Internal(_) => hidden(),
        }
    }

    fn store_answer(error: &store::Error) -> (StatusCode, String) {
        match error {
            store::Error::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The database is not available. Try again later.".to_owned(),
            ),
            _ => hidden(),
        }
    }
}

fn hidden() -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error".to_owned())
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<model::BadObjectId> for Error {
    fn from(error: model::BadObjectId) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<inquiry::Error> for Error {
    fn from(error: inquiry::Error) -> Self {
        match error {
            inquiry::Error::Execution(error) => Self::Execution(error),
            inquiry::Error::NotAsked { .. } => Self::forbidden(error.to_string()),
            inquiry::Error::NotAnInquiry(_)
            | inquiry::Error::TimedOut(_)
            | inquiry::Error::Closed(_)
            | inquiry::Error::Unfit { .. } => Self::bad_request(error.to_string()),
        }
    }
}

impl From<datastore::Error> for Error {
    fn from(error: datastore::Error) -> Self {
        match error {
            datastore::Error::Store(error) => Self::Store(error),
            other => Self::bad_request(other.to_string()),
        }
    }
}

impl From<trigger::keys::Error> for Error {
    fn from(error: trigger::keys::Error) -> Self {
        match error {
            trigger::keys::Error::Store(error) => Self::Store(error),
            trigger::keys::Error::Datastore(error) => error.into(),
        }
    }
}

impl From<content::Error> for Error {
    fn from(error: content::Error) -> Self {
        match error {
            content::Error::NoSuchPack(..) => Self::bad_request(error.to_string()),
            content::Error::Store(error) => Self::Store(error),
            content::Error::Program(cause) => Self::Internal(cause),
        }
    }
}

impl From<trigger::Error> for Error {
    fn from(error: trigger::Error) -> Self {
        match error {
            trigger::Error::Store(error) => Self::Store(error),
            other => Self::bad_request(other.to_string()),
        }
    }
}

impl From<content::FormError> for Error {
    fn from(error: content::FormError) -> Self {
        Self::bad_request(error.message)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.answer().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, text) = self.answer();
        if status.is_server_error() && !matches!(self, Self::Answer(..) | Self::NotReady) {
            let chain = chain_of(self);
            tracing::error!(status = status.as_u16(), "Request failed: {chain}");
        }
        let body = match self {
            Self::Conflict { id, .. } => json!({"conflict-id": id, "faultstring": text}),
            Self::Taken(_) => json!({"conflict-id": null, "faultstring": text}),
            _ => json!({"faultstring": text}),
        };
        let mut response =
            HttpResponse::build(status).content_type("application/json").body(body.to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}

/// An error with everything behind it, in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::Permission;

    #[test]
    fn each_error_has_the_status_and_text_clients_know() {
        let refused = |resource: Option<&str>| access::Error::Forbidden {
            user: "ann".to_owned(),
            permission: Permission::RuleCreate,
            resource: resource.map(str::to_owned),
        };
        let table: [(Error, u16, &str); 12] = [
            (Error::nothing_here(), 404, "The resource could not be found."),
            (Error::bad_request("x"), 400, "x"),
            (access::Error::NoCredentials.into(), 401, "Unauthorized - One of Token or API key required."),
            (access::Error::UnknownToken.into(), 401, "Unauthorized"),
            (access::Error::ExpiredToken.into(), 401, "Unauthorized - Token has expired."),
            (
                access::Error::UnknownKey("ab".to_owned()).into(),
                401,
                "Unauthorized - ApiKey with key_hash=ab not found.",
            ),
            (access::Error::DisabledKey.into(), 401, "Unauthorized - API key is disabled."),
            (refused(None).into(), 403, "User \"ann\" doesn't have required permission \"rule_create\""),
            (
                refused(Some("rule:demo:r1")).into(),
                403,
                "User \"ann\" doesn't have required permission \"rule_create\" on resource \"rule:demo:r1\"",
            ),
            (
                Error::Conflict { what: "uid".to_owned(), id: "1".to_owned() },
                409,
                "Tried to save duplicate unique keys (uid)",
            ),
            (store::Error::Duplicate("x".to_owned()).into(), 500, "Internal Server Error"),
            (
                store::Error::Unavailable(sqlx::Error::PoolTimedOut).into(),
                503,
                "The database is not available. Try again later.",
            ),
        ];
        for (error, status, text) in table {
            assert_eq!(error.answer(), (StatusCode::from_u16(status).unwrap(), text.to_owned()));
        }
    }
}
