//! `/user`: who the caller is.

use crate::{
    access::{Caller, Location, Method},
    api::{ApiResult, json},
    wire::user::WhoAmI,
};
use actix_web::{HttpResponse, http::StatusCode};

/// `GET /user`.
pub(in crate::api) async fn whoami(caller: Caller) -> ApiResult<HttpResponse> {
    let shown = WhoAmI {
        username: caller.user(),
        method: match caller.method() {
            Method::Token => Some("authentication token"),
            Method::ApiKey => Some("API key"),
            Method::Nothing => None,
        },
        location: match caller.location() {
            Location::Header => "header",
            Location::Query => "query",
        },
        token_expire: caller.token_expiry(),
        rbac: false,
        roles: caller.roles(),
        is_admin: caller.is_admin(),
    };
    Ok(json(StatusCode::OK, &shown.value()))
}
