//! What a handler can ask for beside query and body: the caller, and the variables of its path.

use super::{Error, QueryString, routes};
use crate::{
    access::{Caller, Credential, Location, Method},
    clock, config,
    wire::timestamp,
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{
        self,
        header::{COOKIE, HeaderName, HeaderValue},
    },
};
use std::future::{Ready, ready};

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-auth-token");
const KEY_HEADER: HeaderName = HeaderName::from_static("st2-api-key");
const COOKIE_NAME: &str = "auth-token";

impl FromRequest for Caller {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        ready(caller.ok_or(Error::Access(crate::access::Error::NoCredentials)))
    }
}

/// The variables of the path, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<const N: usize>(pub [String; N]);

/// The variables as the router found them.
pub(super) struct Variables(Vec<String>);

impl Variables {
    pub(super) fn of(path: &str, places: &routes::Variables) -> Self {
        Self(places.iter().map(|place| path[place.clone()].to_owned()).collect())
    }
}

impl<const N: usize> FromRequest for Path<N> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Variables>().and_then(|found| found.0.clone().try_into().ok());
        let found: Result<[String; N], Error> = found.ok_or_else(|| {
            Error::Internal(anyhow::anyhow!("a route with other variables than its handler takes"))
        });
        // The database takes no text with a NUL, so nothing is called so, and nothing can be.
        let puts = request.method() == http::Method::PUT;
        ready(found.and_then(|found| match found.iter().find(|text| text.contains('\0')) {
            Some(_) if puts => Err(Error::bad_request("Names cannot hold a NUL character.")),
            Some(text) => {
                Err(Error::not_found(format!("Resource with a reference or id \"{text}\" not found")))
            }
            None => Ok(Self(found)),
        }))
    }
}

/// The first credential of a request, in StackStorm's order. An empty one counts as absent.
pub(super) fn credential<'a>(request: &'a HttpRequest, query: &'a QueryString) -> Option<Credential<'a>> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .filter(|text| !text.is_empty())
    };
    let query = |name| query.get(name).filter(|text| !text.is_empty());
    header(TOKEN_HEADER)
        .map(|token| Credential::Token(token, Location::Header))
        .or_else(|| header(KEY_HEADER).map(|key| Credential::ApiKey(key, Location::Header)))
        .or_else(|| query("x-auth-token").map(|token| Credential::Token(token, Location::Query)))
        .or_else(|| query("st2-api-key").map(|key| Credential::ApiKey(key, Location::Query)))
        .or_else(|| cookie_token(request).map(|token| Credential::Token(token, Location::Header)))
}

fn cookie_token(request: &HttpRequest) -> Option<&str> {
    request
        .headers()
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value.trim_matches('"'))
        .filter(|value| !value.is_empty())
}

/// The cookie a token in a header or the query earns. Browsers carry it where they cannot carry headers.
pub(super) fn cookie(request: &HttpRequest, caller: &Caller, settings: &config::Api) -> Option<HeaderValue> {
    let (Method::Token, Some(expiry)) = (caller.method(), caller.token_expiry()) else { return None };
    let query;
    let token = match request.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok()) {
        Some(token) if !token.is_empty() => token,
        _ => {
            query = QueryString::of(request);
            query.get("x-auth-token").filter(|token| !token.is_empty())?
        }
    };
    let left = (expiry - clock::now()).num_seconds().max(0);
    let mut text =
        format!("{COOKIE_NAME}={token}; Max-Age={left}; Path=/; expires={}", timestamp::http_date(expiry));
    if settings.auth_cookie_secure {
        text.push_str("; secure");
    }
    text.push_str("; HttpOnly");
    if settings.auth_cookie_same_site != "unset" {
        text.push_str("; SameSite=");
        text.push_str(&settings.auth_cookie_same_site);
    }
    HeaderValue::try_from(text).ok()
}
