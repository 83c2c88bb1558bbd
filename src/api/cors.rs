//! Cross-origin headers, the same on every answer. Which origin is named follows StackStorm exactly.

use crate::config::Config;
use actix_web::{
    HttpRequest,
    http::header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, ORIGIN,
    },
};

/// Origins of StackStorm's own page while it is developed; always allowed.
const BUILT_IN: [&str; 3] = ["http://127.0.0.1:3000", "http://localhost:8080", "http://127.0.0.1:8080"];

/// The origins that are allowed.
pub(super) struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
}

impl Cors {
    pub(super) fn new(config: &Config) -> Self {
        let api_url = config.auth.public_api_url(&config.api);
        let listed =
            config.api.allow_origin.iter().map(String::as_str).chain(BUILT_IN).chain([api_url.as_str()]);
        let mut origins: Vec<HeaderValue> = Vec::new();
        for origin in listed.filter_map(|origin| HeaderValue::from_str(origin).ok()) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Self { any: origins.iter().any(|origin| origin == "*"), origins }
    }

    /// Sets the headers of an answer. An origin that is not allowed is told the first one that is.
    pub(super) fn apply(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        let asked = request.headers().get(ORIGIN);
        let named = asked.filter(|origin| self.any || self.origins.contains(origin));
        if let Some(origin) = named.or(self.origins.first()) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,DELETE,OPTIONS"),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                "Content-Type,Authorization,X-Auth-Token,St2-Api-Key,X-Request-ID",
            ),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "Content-Type,X-Limit,X-Total-Count,X-Request-ID"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
