//! A call with its redirects, cookies and proxies.

use super::{
    call::{Call, with_adapter},
    failure::{Failure, Target},
    hosts::Hosts,
    proxy::{self, Proxy},
    transport::{Answer, Caller, bracketed},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use url::Url;

/// Hops that `requests` follows.
const MOST_REDIRECTS: usize = 30;

/// What a call needs beside itself.
pub(super) struct Way<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) hosts: Hosts,
    /// The action's own proxies, for `http` and `https`.
    pub(super) proxies: [Option<&'a str>; 2],
    pub(super) follows: bool,
    /// Bytes a body may have.
    pub(super) limit: usize,
}

impl Way<'_> {
    /// Sends the call, follows where it is led, and answers the last answer.
    pub(super) async fn go(&self, mut call: Call) -> Result<Answer, Failure> {
        let mut jar = Jar::default();
        for _ in 0..=MOST_REDIRECTS {
            self.hosts.check(&call.url)?;
            let answer = self.hop(&call, &jar).await?;
            jar.take(&call.url, &answer);
            match self.next(&call, &answer)? {
                Some(next) => call = next,
                None => return Ok(answer),
            }
        }
        Err(Failure::Refused(format!("Exceeded {MOST_REDIRECTS} redirects.")))
    }

    async fn hop(&self, call: &Call, jar: &Jar) -> Result<Answer, Failure> {
        let target = target_of(&call.url);
        let own = self.proxies[usize::from(target.secure)];
        let proxy = proxy::choose(&call.url, own, &|name| std::env::var(name).ok())?;
        let mut connection = self.caller.connect(&target, proxy.as_ref()).await?;
        let request = request(call, jar, proxy.filter(|_| connection.is_proxied).as_ref())?;
        connection.send(request, self.limit).await
    }

    /// The call that an answer leads to.
    fn next(&self, call: &Call, answer: &Answer) -> Result<Option<Call>, Failure> {
        if !self.follows || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = answer.header("location") else { return Ok(None) };
        // Bytes were read as characters: most are UTF-8 in truth.
        let bytes: Vec<u8> = location.chars().map(|c| c as u8).collect();
        let location = String::from_utf8(bytes).unwrap_or_else(|_| location.to_owned());
        let joined = call.url.join(&location);
        let url =
            joined.map_err(|error| Failure::Refused(format!("Failed to parse: {location}: {error}")))?;
        let mut next = Call { url: with_adapter(url)?, ..call.clone() };
        if next.url.fragment().is_none() {
            next.url.set_fragment(call.url.fragment());
        }
        let becomes_get = match answer.status {
            303 | 302 => call.method != Method::HEAD,
            301 => call.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
        }
        if !matches!(answer.status, 307 | 308) {
            next.body = None;
            next.headers.remove(header::CONTENT_TYPE);
        }
        if is_elsewhere(&call.url, &next.url) {
            next.headers.remove(header::AUTHORIZATION);
        }
        Ok(Some(next))
    }
}

/// Credentials are for one host; the step from http to https on the usual ports keeps them.
fn is_elsewhere(from: &Url, to: &Url) -> bool {
    let becomes_secure = from.scheme() == "http"
        && to.scheme() == "https"
        && from.port_or_known_default() == Some(80)
        && to.port_or_known_default() == Some(443);
    from.host_str() != to.host_str()
        || !becomes_secure
            && (from.scheme(), from.port_or_known_default()) != (to.scheme(), to.port_or_known_default())
}

/// Where a URL leads.
pub(in crate::engine::runner) fn target_of(url: &Url) -> Target {
    Target {
        secure: url.scheme() == "https",
        host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
        port: url.port_or_known_default().unwrap_or(80),
        path: path_of(url),
    }
}

fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn request(call: &Call, jar: &Jar, proxy: Option<&Proxy>) -> Result<Request<Full<Bytes>>, Failure> {
    let refused =
        |error: &dyn std::fmt::Display| Failure::Refused(format!("Failed to parse: {}: {error}", call.url));
    let mut uri = path_of(&call.url);
    let mut headers: HeaderMap = call.headers.clone();
    if let Some(proxy) = proxy {
        uri = format!("http://{}{uri}", authority(&call.url));
        if let Some(value) = &proxy.authorization {
            let value = HeaderValue::from_str(value).map_err(|error| refused(&error))?;
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
    }
    if !headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(&authority(&call.url)).map_err(|error| refused(&error))?;
        headers.insert(header::HOST, host);
    }
    if !headers.contains_key(header::COOKIE)
        && let Some(cookies) = jar.header(&call.url, &call.cookies)
    {
        let cookies = HeaderValue::from_bytes(cookies.as_bytes())
            .map_err(|_| Failure::Refused("A cookie has characters that no header may have.".to_owned()))?;
        headers.insert(header::COOKIE, cookies);
    }
    let body = call.body.clone().unwrap_or_default();
    if call.body.is_none() && !matches!(call.method, Method::GET | Method::HEAD) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = uri.parse::<Uri>().map_err(|error| refused(&error))?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn authority(url: &Url) -> String {
    let target = target_of(url);
    let host = bracketed(&target.host);
    url.port().map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// Cookies that answers set on the way. They live as long as the call.
#[derive(Debug, Default)]
struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    with_subdomains: bool,
}

impl Jar {
    fn take(&mut self, url: &Url, answer: &Answer) {
        let host = url.host_str().unwrap_or_default();
        // Several are joined by commas, and dates have commas too: a cookie begins where a name and `=` follow one.
        let Some(all) = answer.header("set-cookie") else { return };
        for text in split_cookies(all) {
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let domain = parts
                .filter_map(|part| part.split_once('='))
                .find(|(key, _)| key.trim().eq_ignore_ascii_case("domain"))
                .map(|(_, domain)| domain.trim().trim_start_matches('.').to_ascii_lowercase())
                .filter(|domain| host == domain || host.ends_with(&format!(".{domain}")));
            self.0.retain(|cookie| cookie.name != name.trim());
            self.0.push(Cookie {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                with_subdomains: domain.is_some(),
                host: domain.unwrap_or_else(|| host.to_owned()),
            });
        }
    }

    fn header(&self, url: &Url, own: &[(String, String)]) -> Option<String> {
        let host = url.host_str().unwrap_or_default();
        let fits = |cookie: &&Cookie| {
            host == cookie.host || cookie.with_subdomains && host.ends_with(&format!(".{}", cookie.host))
        };
        let set: Vec<&Cookie> = self.0.iter().filter(fits).collect();
        let own = own.iter().filter(|(name, _)| set.iter().all(|cookie| cookie.name != *name));
        let own = own.map(|(name, value)| format!("{name}={value}"));
        let all: Vec<String> =
            own.chain(set.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value))).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

fn split_cookies(all: &str) -> Vec<&str> {
    let mut begin = 0;
    let mut cookies = Vec::new();
    for (at, _) in all.match_indices(", ") {
        let rest = &all[at + 2..];
        let name = rest.split(['=', ';', ',', ' ']).next().unwrap_or_default();
        if !name.is_empty() && rest[name.len()..].starts_with('=') {
            cookies.push(&all[begin..at]);
            begin = at + 2;
        }
    }
    cookies.push(&all[begin..]);
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_told_apart_from_dates() {
        let all = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, b=2";
        assert_eq!(split_cookies(all), ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/", "b=2"]);
    }

    #[test]
    fn credentials_stay_with_their_host() {
        let elsewhere =
            |from: &str, to: &str| is_elsewhere(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        assert!(!elsewhere("http://a/x", "http://a/y"));
        assert!(!elsewhere("http://a/", "https://a/"));
        assert!(elsewhere("https://a/", "http://a/"));
        assert!(elsewhere("http://a/", "http://b/"));
        assert!(elsewhere("http://a/", "http://a:81/"));
    }
}
