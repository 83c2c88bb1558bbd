//! `/`: what answers here.

use crate::{
    api::{ApiResult, json},
    app,
};
use actix_web::{HttpResponse, http::StatusCode};

/// `GET /`: the version clients know us as, and our own.
pub(in crate::api) async fn version() -> ApiResult<HttpResponse> {
    Ok(json(
        StatusCode::OK,
        &serde_json::json!({
            "version": app::STACKSTORM_VERSION,
            "docs_url": "http://docs.stackstorm.com/latest",
            "st2d_version": app::VERSION,
        }),
    ))
}
