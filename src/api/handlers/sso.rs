//! Single sign-on: off. The answers are those of StackStorm without an SSO backend.

use crate::api::{ApiResult, Error, json};
use actix_web::{HttpResponse, http::StatusCode};

/// `GET /sso`: whether it is on.
pub(in crate::api) async fn enabled() -> ApiResult<HttpResponse> {
    Ok(json(StatusCode::OK, &serde_json::json!({"enabled": false})))
}

/// `GET /sso/request`, `POST /sso/callback`: there is nobody to ask.
pub(in crate::api) async fn unavailable() -> ApiResult<HttpResponse> {
    Err(Error::Answer(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The default \"noop\" SSO backend is not a proper implementation. \
         Please refer to the enterprise version for configuring SSO."
            .to_owned(),
    ))
}
