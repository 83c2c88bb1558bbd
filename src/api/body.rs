//! Request bodies: their type, size and depth, and what is wrong with them in StackStorm's words.

use super::{ApiResult, Error};
use crate::app::App;
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    web::{Bytes, BytesMut, Data, Query},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde_json::{Map, Value};
use std::future::{Ready, ready};

/// The deepest nesting, whatever the settings say.
const DEEPEST: usize = crate::pytext::MAX_DEPTH;

/// A body of any JSON type; an empty one is `{}`.
#[derive(Clone, Debug)]
pub struct Body(pub Value);

/// A body of any JSON type, with the bytes it came as.
#[derive(Clone, Debug)]
pub struct Whole {
    /// As it came.
    pub bytes: Bytes,
    /// What it means; an empty one is `{}`. Or why it means nothing.
    pub value: Result<Value, String>,
}

/// A body that was not read yet: for handlers that look at who speaks before they listen.
pub struct Unread {
    request: HttpRequest,
    payload: Payload,
}

/// A body that has to be an object.
#[derive(Clone, Debug)]
pub struct Object(pub Map<String, Value>);

/// A body taken as it is when it is `text/plain`, and as JSON text of one string otherwise.
#[derive(Clone, Debug)]
pub struct Text(pub String);

/// A body that has to be a text: `text/plain`, or JSON text of one string.
#[derive(Clone, Debug)]
pub struct PlainText(pub String);

impl FromRequest for PlainText {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = text(request, payload);
        Box::pin(async move {
            match text.await? {
                Value::String(text) => Ok(Self(text)),
                other => Err(Error::bad_request(format!(
                    "{} is not of type 'string'",
                    crate::pytext::repr(&other)
                ))),
            }
        })
    }
}

impl FromRequest for Body {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let kind = content_type(&request)?;
            let bytes = read(&request, &mut payload).await?;
            parse(kind, &bytes, depth_limit(&request)).map(Self)
        })
    }
}

impl FromRequest for Unread {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl Unread {
    /// How long it says it is.
    pub fn announced(&self) -> usize {
        announced(&self.request)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is too large, or ends too early.
    pub async fn read(mut self) -> ApiResult<Whole> {
        let bytes = read(&self.request, &mut self.payload).await?.freeze();
        let deepest = depth_limit(&self.request);
        let value = content_type(&self.request).and_then(|kind| parse(kind, &bytes, deepest));
        Ok(Whole { value: value.map_err(|error| error.to_string()), bytes })
    }
}

impl FromRequest for Object {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::from_request(request, payload);
        Box::pin(async move {
            match body.await?.0 {
                Value::Object(fields) => Ok(Self(fields)),
                other => Err(super::validate::not_an_object(&other)),
            }
        })
    }
}

impl FromRequest for Text {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = text(request, payload);
        Box::pin(async move {
            match text.await? {
                Value::String(text) => Ok(Self(text)),
                other => Ok(Self(other.to_string())),
            }
        })
    }
}

/// A body of `text/plain` as a string, any other as what it means.
fn text(request: &HttpRequest, payload: &mut Payload) -> impl Future<Output = ApiResult<Value>> + use<> {
    let (request, mut payload) = (request.clone(), payload.take());
    async move {
        let kind = content_type(&request)?;
        let bytes = read(&request, &mut payload).await?;
        if kind == Kind::Text {
            return String::from_utf8(bytes.into()).map(Value::String).map_err(|error| unparsable(&error));
        }
        parse(kind, &bytes, depth_limit(&request))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Text,
}

fn content_type(request: &HttpRequest) -> ApiResult<Kind> {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return Ok(Kind::Json) };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Kind::Json),
        "application/x-www-form-urlencoded" | "multipart/form-data" => Ok(Kind::Form),
        "text/plain" => Ok(Kind::Text),
        other => Err(unparsable(&format!("Unsupported Content-Type: \"{other}\""))),
    }
}

fn depth_limit(request: &HttpRequest) -> usize {
    let configured = request.app_data::<Data<App>>().map(|app| app.config.api.body_max_depth);
    configured.unwrap_or(DEEPEST).min(DEEPEST)
}

fn announced(request: &HttpRequest) -> usize {
    let length = request.headers().get(CONTENT_LENGTH);
    length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

async fn read(request: &HttpRequest, payload: &mut Payload) -> ApiResult<BytesMut> {
    let limit = request.app_data::<Data<App>>().map_or(0, |app| app.config.api.body_max_bytes);
    let too_large = || {
        Error::Answer(StatusCode::PAYLOAD_TOO_LARGE, format!("Request body is larger than {limit} bytes."))
    };
    let announced = announced(request);
    if announced > limit {
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(announced.min(64 * 1024));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unparsable(&error))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse(kind: Kind, bytes: &[u8], deepest: usize) -> ApiResult<Value> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match kind {
        Kind::Form => {
            let text = String::from_utf8_lossy(bytes);
            Ok(form(&text))
        }
        Kind::Json | Kind::Text => {
            if depth(bytes) > deepest {
                return Err(unparsable(&format!("nested deeper than {deepest} levels")));
            }
            serde_json::from_slice(bytes).map_err(|error| unparsable(&error))
        }
    }
}

/// `a=1&a=2&b=3` as StackStorm takes it: `{"a": ["1", "2"], "b": ["3"]}`.
fn form(text: &str) -> Value {
    let pairs = Query::<Vec<(String, String)>>::from_query(text).map(Query::into_inner).unwrap_or_default();
    let mut fields = Map::new();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Value::Array(values) = fields.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            values.push(Value::String(value));
        }
    }
    Value::Object(fields)
}

/// How deep brackets nest, without reading anything else: known before a parser recurses.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                open += 1;
                most = most.max(open);
            }
            b']' | b'}' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn unparsable(why: &dyn std::fmt::Display) -> Error {
    Error::bad_request(format!("Failed to parse request body: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth(br#"{"a": [1, {"b": "[[[[\"{{"}]}"#), 3);
        assert_eq!(depth(b"1"), 0);
        assert_eq!(depth("[".repeat(10_000).as_bytes()), 10_000);
    }

    #[test]
    fn what_nests_too_deep_is_an_error_and_not_an_overflow() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let error = parse(Kind::Json, deep.as_bytes(), DEEPEST).unwrap_err();
        assert!(error.to_string().starts_with("Failed to parse request body: "));
        let fine = format!("{}1{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
        assert!(parse(Kind::Json, fine.as_bytes(), DEEPEST).is_ok());
    }

    #[test]
    fn forms_are_objects_of_lists_and_nothing_is_an_empty_object() {
        assert_eq!(
            parse(Kind::Form, b"a=b&c=d&a=e+f&x=", 9).unwrap(),
            json!({"a": ["b", "e f"], "c": ["d"]})
        );
        assert_eq!(parse(Kind::Json, b"", 9).unwrap(), json!({}));
    }
}
