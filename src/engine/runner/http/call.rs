//! An action's parameters, turned into a request. The rules are those of StackStorm's client on top of `requests`.

use super::{failure::Failure, proxy};
use crate::pytext;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value};
use url::Url;

/// Who calls: StackStorm, of the version that we answer as everywhere. Some services let only that in.
const USER_AGENT: &str = "st2/v3.9.0";

/// A request that may be sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// Cookies for every hop.
    pub(super) cookies: Vec<(String, String)>,
}

/// What an action says about its request.
pub(super) struct Wish<'a> {
    /// The runner's parameters.
    pub(super) runner: &'a Map<String, Value>,
    /// The action's own.
    pub(super) action: &'a Map<String, Value>,
    /// For the header that tells the server who calls.
    pub(super) action_name: &'a str,
}

impl Wish<'_> {
    /// A text among the parameters, if it is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self.runner.get(name).filter(|value| !value.is_null()).or_else(|| self.action.get(name));
        value.and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        let value = self.runner.get(name).filter(|value| !value.is_null()).or_else(|| self.action.get(name));
        value.and_then(Value::as_object)
    }

    /// The request.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the words of `requests` where it has some.
    pub(super) fn call(&self) -> Result<Call, Failure> {
        let mut url = parse_url(self.text("url").unwrap_or_default())?;
        if let Some(params) = self.object("params") {
            append_query(&mut url, params);
        }
        let mut headers = self.headers()?;
        let is_json = self.object("headers").is_some_and(|given| {
            given.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("content-type") && value.as_str() == Some("application/json")
            })
        });
        let file = self.text("file_name").zip(self.text("file_content"));
        let body = match (self.body(is_json)?, file) {
            (Some(_), Some(_)) => return Err(Failure::Refused("Data must not be a string.".to_owned())),
            (None, Some((name, content))) => {
                let (kind, body) = multipart(name, content, self.text("file_content_type"));
                headers.entry(header::CONTENT_TYPE).or_insert(kind);
                Some(body)
            }
            (body, None) => body,
        };
        let method = self.text("method").map(str::to_ascii_uppercase);
        let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::Refused(format!("Invalid method {}", pytext::repr_str(&method))))?;
        self.authorize(&url, &mut headers)?;
        let cookies = self.object("cookies").into_iter().flatten().filter(|(_, value)| !value.is_null());
        let cookies = cookies.map(|(name, value)| (name.clone(), pytext::str(value))).collect();
        Ok(Call { method, url, headers, body, cookies })
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
        for (name, value) in self.object("headers").into_iter().flatten() {
            let (name, value) = match value {
                Value::Null => {
                    headers.remove(name.as_str());
                    continue;
                }
                Value::String(text) => (parse_name(name)?, parse_value(text)?),
                other => {
                    return Err(Failure::Refused(format!(
                        "Header part ({0}) from ({1}, {0}) must be of type str or bytes, not <class '{2}'>",
                        pytext::repr(other),
                        pytext::repr_str(name),
                        pytext::type_name(other)
                    )));
                }
            };
            headers.insert(name, value);
        }
        // The length of the body is known best by what sends it.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert("x-stanley-action", parse_value(self.action_name)?);
        Ok(headers)
    }

    fn body(&self, is_json: bool) -> Result<Option<Bytes>, Failure> {
        let value = self.action.get("body").filter(|value| !value.is_null());
        let Some(value) = value else { return Ok(None) };
        let text = match value {
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::String(text) if is_json => {
                let object = pytext::json_loads(text)
                    .or_else(|_| pytext::literal(text))
                    .map_err(|error| Failure::Refused(error.to_string()))?;
                pytext::json_compact(&object)
            }
            Value::String(text) => text.clone(),
            // An action may declare its body as an object; JSON is what is meant.
            other => pytext::json_compact(other),
        };
        Ok(Some(text.into()))
    }

    fn authorize(&self, url: &Url, headers: &mut HeaderMap) -> Result<(), Failure> {
        let own = match (self.text("username"), self.text("password")) {
            (None, None) => None,
            (user, password) => Some((user.unwrap_or_default().into(), password.unwrap_or_default().into())),
        };
        if let Some((user, password)) = own.or_else(|| proxy::credentials(url)) {
            headers.insert(header::AUTHORIZATION, parse_value(&proxy::basic(&user, &password))?);
        }
        // Documented as `x-auth-token=XYZ`, though upstream's client crashes on it: it can only mean this.
        if let Some((name, value)) = self.text("auth").and_then(|auth| auth.split_once('=')) {
            headers.insert(parse_name(name.trim())?, parse_value(value.trim())?);
        }
        Ok(())
    }
}

fn parse_name(name: &str) -> Result<HeaderName, Failure> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Failure::Refused(format!(
            "Invalid leading whitespace, reserved character(s), or return character(s) in header name: {}",
            pytext::repr_str(name)
        ))
    })
}

fn parse_value(value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        Failure::Refused(format!(
            "Invalid leading whitespace, reserved character(s), or return character(s) in header value: {}",
            pytext::repr_str(value)
        ))
    })
}

fn parse_url(text: &str) -> Result<Url, Failure> {
    let text = text.trim_start();
    let lower = text.to_ascii_lowercase();
    let has_scheme = text.find("://").is_some_and(|at| at > 0);
    let quoted = pytext::repr_str(text);
    if text.contains(':') && !lower.starts_with("http") {
        return Err(Failure::Refused(format!("No connection adapters were found for {quoted}")));
    }
    if !has_scheme {
        return Err(Failure::Refused(format!(
            "Invalid URL {quoted}: No scheme supplied. Perhaps you meant https://{text}?"
        )));
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => Failure::Refused(format!("Invalid URL {quoted}: No host supplied")),
        error => Failure::Refused(format!("Failed to parse: {text}: {error}")),
    })?;
    with_adapter(url)
}

/// The URL, if its scheme is one we speak.
pub(super) fn with_adapter(url: Url) -> Result<Url, Failure> {
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    let quoted = pytext::repr_str(url.as_str());
    Err(Failure::Refused(format!("No connection adapters were found for {quoted}")))
}

/// Adds parameters as Python's `urlencode` writes them; a list is its name several times.
fn append_query(url: &mut Url, params: &Map<String, Value>) {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (name, value) in params {
        match value {
            Value::Array(items) => {
                pairs.extend(
                    items
                        .iter()
                        .filter(|item| !item.is_null())
                        .map(|item| (name.as_str(), pytext::str(item))),
                );
            }
            Value::Object(map) => pairs.extend(map.keys().map(|key| (name.as_str(), key.clone()))),
            Value::Null => {}
            other => pairs.push((name, pytext::str(other))),
        }
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

fn multipart(name: &str, content: &str, kind: Option<&str>) -> (HeaderValue, Bytes) {
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    // As browsers do: what would end the name early is escaped.
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let kind = kind.map(|kind| kind.replace(['\r', '\n'], " "));
    let kind = kind.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n{kind}\r\n\
         {content}\r\n--{boundary}--\r\n"
    );
    let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
    (kind.unwrap_or(HeaderValue::from_static("multipart/form-data")), body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(runner: &Value, action: &Value) -> Result<Call, String> {
        let (runner, action) = (runner.as_object().unwrap(), action.as_object().unwrap());
        Wish { runner, action, action_name: "n" }.call().map_err(|failure| failure.to_string())
    }

    #[test]
    fn urls_without_sense_are_refused_in_the_words_of_requests() {
        for (url, words) in [
            ("nope", "Invalid URL 'nope': No scheme supplied. Perhaps you meant https://nope?"),
            ("ftp://a/", "No connection adapters were found for 'ftp://a/'"),
            ("localhost:1/x", "No connection adapters were found for 'localhost:1/x'"),
            ("http://", "Invalid URL 'http://': No host supplied"),
            ("httpx://a/", "No connection adapters were found for 'httpx://a/'"),
        ] {
            assert_eq!(call(&json!({"url": url}), &json!({})).unwrap_err(), words);
        }
    }

    #[test]
    fn parameters_are_written_as_urlencode_does() {
        let params = json!({"a b": "c&d", "n": 1, "t": true, "l": ["x", null, 2], "no": null, "f": 1.0});
        let call = call(&json!({"url": "http://h/p?q=1"}), &json!({"params": params})).unwrap();
        assert_eq!(call.url.as_str(), "http://h/p?q=1&a+b=c%26d&n=1&t=True&l=x&l=2&f=1.0");
        assert_eq!(call.method, "GET");
    }

    #[test]
    fn a_json_body_is_read_as_json_or_python_and_written_compactly() {
        let headers = json!({"Content-type": "application/json"});
        for (body, sent) in [("{\"a\": [1, 2]}", "{\"a\":[1,2]}"), ("{'a': True}", "{\"a\":true}")] {
            let call = call(&json!({"url": "http://h", "headers": headers}), &json!({"body": body})).unwrap();
            assert_eq!((call.method.as_str(), call.body.unwrap().as_ref()), ("POST", sent.as_bytes()));
        }
        let plain = call(&json!({"url": "http://h"}), &json!({"body": "{'a': True}"})).unwrap();
        assert_eq!(plain.body.unwrap().as_ref(), b"{'a': True}");
        assert!(call(&json!({"url": "http://h", "headers": headers}), &json!({"body": "{"})).is_err());
    }

    #[test]
    fn headers_must_be_texts() {
        let error = call(&json!({"url": "http://h", "headers": {"X": 5}}), &json!({})).unwrap_err();
        assert_eq!(error, "Header part (5) from ('X', 5) must be of type str or bytes, not <class 'int'>");
        assert!(call(&json!({"url": "http://h", "headers": {"X": "a\r\nB: c"}}), &json!({})).is_err());
        let call =
            call(&json!({"url": "http://h", "headers": {"accept": null, "user-agent": "me"}}), &json!({}));
        let headers = call.unwrap().headers;
        assert!(!headers.contains_key("accept"));
        assert_eq!(headers["user-agent"], "st2/v3.9.0");
    }
}
