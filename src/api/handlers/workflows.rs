//! `/workflows/inspect`: what is wrong with a workflow definition before it runs.

use crate::{
    api::{ApiResult, Error, PlainText, json},
    app::App,
    engine::execution::KnownActions,
    workflow::orquesta::{self, Definition},
};
use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, WARNING},
    },
    web::Data,
};

/// `POST /workflows/inspect`: the body is the definition; an empty list means that nothing is wrong.
pub(in crate::api) async fn inspect(app: Data<App>, body: PlainText) -> ApiResult<HttpResponse> {
    // A definition may be large, and reading it is work: not on the thread that serves others.
    let read = actix_web::web::block(move || Definition::parse_with_places(&body.0)).await;
    let read = read.map_err(|error| Error::Internal(error.into()))?;
    let (definition, places) = read.map_err(|error| Error::bad_request(refusal(&error)))?;
    if let Some(refusal) = definition.refusal() {
        return Err(Error::bad_request(refusal));
    }
    let actions = KnownActions::of(&definition, app.engine.catalog()).await?;
    let findings = actix_web::web::block(move || {
        let findings = definition.inspect(&["st2"], Some(&actions));
        findings.iter().map(|finding| finding.to_json(Some(&places))).collect::<serde_json::Value>()
    });
    let findings = findings.await.map_err(|error| Error::Internal(error.into()))?;
    let mut answer = json(StatusCode::OK, &findings);
    // An expression of two languages has none, which StackStorm's own OpenAPI document does not foresee.
    let departs =
        |finding: &serde_json::Value| finding.get("language").is_some_and(serde_json::Value::is_null);
    if findings.as_array().is_some_and(|findings| findings.iter().any(departs)) {
        let warning = HeaderValue::from_static("199 OpenAPI \"Response validation failed\"");
        answer.headers_mut().insert(WARNING, warning);
    }
    Ok(answer)
}

fn refusal(error: &orquesta::Error) -> String {
    match error {
        orquesta::Error::Yaml(error) => format!("Failed to load workflow definition because {error}."),
        other => other.to_string(),
    }
}
