//! Successful answers.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::CONTENT_TYPE},
};
use serde::Serialize;

/// JSON of any value.
pub fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_bytes(status, bytes),
        // Only a map with keys that are no texts can fail; none of ours has any.
        Err(error) => actix_web::ResponseError::error_response(&super::Error::Internal(error.into())),
    }
}

/// JSON that is text already.
pub fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, "application/json")).body(bytes)
}

/// Text of some type.
pub fn text(content_type: &str, text: impl Into<actix_web::web::Bytes>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(text.into())
}

/// 200 without a body.
pub fn empty() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=UTF-8").finish()
}

/// 204.
pub fn deleted() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
