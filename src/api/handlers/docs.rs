//! `/docs`: the REST interface, for people to read and try; `/openapi.json`: the same for programs.

use crate::api::{ApiResult, Error, Path, json_bytes, openapi, table};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION},
    },
};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

static DOCUMENT: LazyLock<Result<Vec<u8>, serde_json::Error>> =
    LazyLock::new(|| serde_json::to_vec(&openapi::document(&table::routes())));

/// Beside the page, whatever prefix it is reached by.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("../openapi.json")));

/// `GET /openapi.json`.
pub(in crate::api) async fn document() -> ApiResult<HttpResponse> {
    match &*DOCUMENT {
        Ok(bytes) => Ok(json_bytes(StatusCode::OK, bytes.clone())),
        Err(error) => {
            Err(Error::Internal(anyhow::anyhow!("the OpenAPI document cannot be written: {error}")))
        }
    }
}

/// `GET /docs/`: the page.
pub(in crate::api) async fn page(request: HttpRequest) -> ApiResult<HttpResponse> {
    if request.path().ends_with('/') {
        return file("index.html");
    }
    // What the page loads lies below it.
    Ok(HttpResponse::Found().insert_header((LOCATION, format!("{}/", request.path()))).finish())
}

/// `GET /docs/{rest}`: what the page loads.
pub(in crate::api) async fn part(Path([name]): Path<1>) -> ApiResult<HttpResponse> {
    file(&name)
}

fn file(name: &str) -> ApiResult<HttpResponse> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG));
    let found =
        found.map_err(|error| Error::Internal(anyhow::anyhow!("the page of the interface: {error}")))?;
    let file = found.ok_or_else(Error::nothing_here)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, file.content_type));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}
