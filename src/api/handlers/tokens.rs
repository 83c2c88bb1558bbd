//! `/tokens`: logging in.

use crate::{
    access::{Login, LoginRequest},
    api::{ApiResult, Error, Object, json, validate},
    app::App,
    wire,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{AUTHORIZATION, HeaderName, HeaderValue},
    },
    web::Data,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json as value};
use std::sync::LazyLock;

const API_URL: HeaderName = HeaderName::from_static("x-api-url");

pub(in crate::api) static CREATE: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "ttl": {"type": ["integer", "null"], "minimum": 1},
            "user": {"type": ["string", "null"]},
            "impersonate_user": {"type": ["string", "null"]},
            "nickname_origin": {"type": ["string", "null"]},
        }
    })
});

pub(in crate::api) static VALIDATE: LazyLock<Value> =
    LazyLock::new(|| value!({"properties": {"token": {"type": ["string", "null"]}}}));

/// `POST /tokens`: a token for name and password.
pub(in crate::api) async fn create(
    app: Data<App>,
    request: HttpRequest,
    body: Object,
) -> ApiResult<HttpResponse> {
    let fields = validate::declared(&CREATE, body.0)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let wanted = LoginRequest {
        ttl: fields.get("ttl").and_then(Value::as_number).cloned(),
        user: text("user"),
        impersonate_user: text("impersonate_user"),
        nickname_origin: text("nickname_origin"),
    };
    let (token, secret) = app.access.login(offered(&request), wanted).await?;
    let mut response = json(StatusCode::CREATED, &wire::token::value(&token, &secret));
    let api_url = app.config.auth.public_api_url(&app.config.api);
    if let Ok(url) = HeaderValue::try_from(api_url) {
        response.headers_mut().insert(API_URL, url);
    }
    Ok(response)
}

/// Who the request says it comes from.
fn offered(request: &HttpRequest) -> Login {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let basic = header(AUTHORIZATION.as_str())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| BASE64_STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned())));
    Login { vouched_for: header("x-forwarded-user").map(str::to_owned), basic }
}

/// `POST /tokens/validate`: whether a token opens.
pub(in crate::api) async fn check(app: Data<App>, body: Object) -> ApiResult<HttpResponse> {
    let fields = validate::declared(&VALIDATE, body.0)?;
    let token = fields.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| Error::bad_request("Token is not provided."))?;
    let found = app.access.find_token(token).await?;
    let valid = found.is_some_and(|token| token.expiry > crate::clock::now());
    Ok(json(StatusCode::OK, &value!({"valid": valid})))
}
