//! The access log: one line per request, without the secrets that paths and queries may hold.

use crate::access::Caller;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use std::{borrow::Cow, time::Duration};

const MASK: &str = "********";

/// Parameters that are secrets themselves.
const SECRET: [&str; 2] = ["x-auth-token", "st2-api-key"];

/// Logs an answer.
pub(super) fn answered(request: &HttpRequest, response: &HttpResponse, elapsed: Duration) {
    let (path, status) = (path(request.path()), response.status().as_u16());
    tracing::info!(
        method = %request.method(),
        path = %path,
        query = %query(request.query_string()),
        status,
        elapsed_us = elapsed.as_micros() as u64,
        user = request.extensions().get::<Caller>().map(|caller| caller.user().as_ref()),
        "{} {path} {status}", request.method()
    );
}

/// An API key may be named by its own text; ids are 24 characters long.
fn path(path: &str) -> Cow<'_, str> {
    match path.split_once("/apikeys/") {
        Some((before, key)) if key.trim_end_matches('/').len() > 24 => {
            Cow::Owned(format!("{before}/apikeys/{MASK}"))
        }
        _ => Cow::Borrowed(path),
    }
}

fn query(query: &str) -> Cow<'_, str> {
    // A name can hide from the comparison behind escapes.
    let is_secret = |name: &str| SECRET.contains(&name) || name.contains('%');
    if !query.split('&').any(|part| part.split_once('=').is_some_and(|(name, _)| is_secret(name))) {
        return Cow::Borrowed(query);
    }
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => part.to_owned(),
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out_of_the_log() {
        assert_eq!(query("a=1&b=2"), "a=1&b=2");
        assert_eq!(
            query("a=1&x-auth-token=abc&st2-api-key=def"),
            "a=1&x-auth-token=********&st2-api-key=********"
        );
        assert_eq!(query("x%2Dauth-token=abc"), "x%2Dauth-token=********");
        assert_eq!(path("/v1/apikeys/66f0c0ffee0ddba11dead001"), "/v1/apikeys/66f0c0ffee0ddba11dead001");
        let key = "N".repeat(86);
        assert_eq!(path(&format!("/api/v1/apikeys/{key}/")), "/api/v1/apikeys/********");
        assert_eq!(path("/v1/apikeys"), "/v1/apikeys");
    }
}
