//! `/service_registry`: which services run where. StackStorm fills it from a coordination service; without one, as
//! here, no service registers and there are no groups.

use crate::api::{ApiResult, Error, Path, json};
use actix_web::{HttpResponse, http::StatusCode};

/// `GET /service_registry/groups`.
pub(in crate::api) async fn groups() -> ApiResult<HttpResponse> {
    Ok(json(StatusCode::OK, &serde_json::json!({"groups": []})))
}

/// `GET /service_registry/groups/{id}/members`.
pub(in crate::api) async fn members(Path([group]): Path<1>) -> ApiResult<HttpResponse> {
    Err(Error::not_found(format!("Group with ID \"{group}\" not found.")))
}
