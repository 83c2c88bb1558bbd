//! The API as commands see it: paths in, JSON out, errors in StackStorm's words.

use super::http::{Head, Http, Request, Stream, Url, query};
use super::settings::Settings;
use base64::Engine as _;
use serde_json::Value;
use std::fmt::Write as _;

/// What goes wrong between us and the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The server answered with an error; the text is as the Python client shows it.
    #[error("{text}")]
    Status { status: u16, text: String },
    /// There was no answer.
    #[error("{}", unreachable(.0))]
    Transport(#[from] super::http::Error),
    /// There was an answer, but not the kind that was to be expected.
    #[error("{url} did not answer with JSON: {cause}")]
    NotJson { url: String, cause: serde_json::Error },
}

/// What to do about a server that cannot be reached.
fn unreachable(error: &super::http::Error) -> String {
    match error {
        super::http::Error::Connect { cause, .. } if cause.contains("certificate") => {
            format!("{error}. Name the file with its authority with --cacert or ST2_CACERT.")
        }
        super::http::Error::Connect { .. } => format!(
            "{error}. Is st2d running there? Start it with \"st2d\", or name another server with --url or ST2_API_URL."
        ),
        _ => error.to_string(),
    }
}

/// A whole answer of the server.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    url: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| Error::NotJson { url: self.url.clone(), cause })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `X-Total-Count`: how many there are beyond this page.
    pub(crate) fn total(&self) -> Option<i64> {
        self.head.header("x-total-count")?.trim().parse().ok()
    }

    /// An error if the status says so.
    fn check(self) -> Result<Reply, Error> {
        let status = self.head.status;
        let kind = match status {
            400..=499 => "Client",
            500..=599 => "Server",
            _ => return Ok(self),
        };
        let mut text = format!("{status} {kind} Error: {}", self.head.reason);
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) => {
                if let Some(fault) = body.get("faultstring").and_then(Value::as_str).filter(|f| !f.is_empty())
                {
                    let _ = write!(text, "\nMESSAGE: {fault}");
                }
            }
            Err(error) => {
                let _ =
                    writeln!(text, "\nUnable to retrieve detailed message from the HTTP response. {error}");
            }
        }
        let _ = write!(text, " for url: {}", self.url);
        if status == 503 {
            text.push_str("\nThe server is starting or stopping; try again in a moment.");
        }
        Err(Error::Status { status, text })
    }
}

/// Which of the server's three addresses.
#[derive(Clone, Copy)]
enum Service {
    Api,
    Auth,
    Stream,
}

/// Sends requests with the caller's credentials.
pub(crate) struct Client {
    http: Http,
    api: String,
    auth: String,
    stream: String,
    pub(crate) token: Option<String>,
    pub(crate) api_key: Option<String>,
    basic_auth: Option<(String, String)>,
    debug: bool,
}

impl Client {
    /// A client for these settings. Nothing is sent yet.
    pub(crate) fn new(settings: &Settings) -> Client {
        Client {
            http: Http::new(settings.verify.clone()),
            api: settings.api.clone(),
            auth: settings.auth.clone(),
            stream: settings.stream.clone(),
            token: settings.token.clone(),
            api_key: settings.api_key.clone(),
            basic_auth: settings.basic_auth.clone(),
            debug: settings.debug,
        }
    }

    /// `GET` of a path below the API's URL; an error status is an error.
    pub(crate) fn get(&mut self, path: &str) -> Result<Reply, Error> {
        self.send("GET", path, None)?.check()
    }

    /// `GET` of one object; `None` if the server does not have it.
    pub(crate) fn find(&mut self, path: &str) -> Result<Option<Value>, Error> {
        let reply = self.send("GET", path, None)?;
        if reply.head.status == 404 {
            return Ok(None);
        }
        reply.check()?.json().map(Some)
    }

    /// `GET` of a list with the total count.
    pub(crate) fn list(&mut self, path: &str) -> Result<(Vec<Value>, Option<i64>), Error> {
        let reply = self.get(path)?;
        let total = reply.total();
        Ok((items(reply.json()?), total))
    }

    /// `POST` of a document.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<Reply, Error> {
        self.send("POST", path, Some(body))?.check()
    }

    /// `POST` of plain text.
    pub(crate) fn post_text(&mut self, path: &str, text: &str) -> Result<Reply, Error> {
        let mut request = self.request(Service::Api, "POST", path)?;
        request.headers.push(("Content-Type", "text/plain".into()));
        request.body = Some(text.as_bytes().to_vec());
        self.exchange(request)?.check()
    }

    /// `PUT` of a document.
    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Result<Reply, Error> {
        self.send("PUT", path, Some(body))?.check()
    }

    /// `DELETE`; that it is gone already is no error.
    pub(crate) fn delete(&mut self, path: &str, body: Option<&Value>) -> Result<Reply, Error> {
        let reply = self.send("DELETE", path, body)?;
        if reply.head.status == 404 { Ok(reply) } else { reply.check() }
    }

    /// Asks the auth service for a token.
    pub(crate) fn login(&mut self, user: &str, password: &str, ttl: Option<i64>) -> Result<Value, Error> {
        let mut request = self.request(Service::Auth, "POST", "/tokens")?;
        request
            .headers
            .retain(|(name, _)| !matches!(*name, "X-Auth-Token" | "St2-Api-Key" | "Authorization"));
        request.headers.push(("Authorization", basic(user, password)));
        request.headers.push(("Content-Type", "application/json".into()));
        let body = match ttl {
            Some(ttl) if ttl != 0 => serde_json::json!({ "ttl": ttl }),
            _ => serde_json::json!({}),
        };
        request.body = Some(body.to_string().into_bytes());
        self.exchange(request)?.check()?.json()
    }

    /// Opens the event stream for these events.
    ///
    /// Credentials go into the query, as the Python client has it; `end` lets the server close the
    /// stream after the last event of that execution.
    pub(crate) fn events(&mut self, events: &[&str], end: Option<&str>) -> Result<Stream, Error> {
        let mut parameters: Vec<(&str, String)> = Vec::new();
        if let Some(token) = &self.token {
            parameters.push(("x-auth-token", token.clone()));
        }
        if let Some(key) = &self.api_key {
            parameters.push(("st2-api-key", key.clone()));
        }
        if let Some(id) = end {
            parameters.push(("end_event", "st2.execution__update".into()));
            parameters.push(("end_execution_id", id.to_owned()));
        }
        parameters.push(("events", events.join(",")));
        let mut request = self.request(Service::Stream, "GET", &format!("/stream?{}", query(&parameters)))?;
        request.headers.retain(|(name, _)| !matches!(*name, "X-Auth-Token" | "St2-Api-Key"));
        let mut stream = self.http.stream(&request)?;
        if stream.head.status == 200 {
            return Ok(stream);
        }
        let mut body = Vec::new();
        let read = std::io::Read::read_to_end(&mut stream.body, &mut body);
        let url = request.url.to_string();
        read.map_err(|cause| super::http::Error::Broken { url: url.clone(), cause: cause.to_string() })?;
        let text =
            format!("{} Error: the event stream is not available at {}", stream.head.status, self.stream);
        let status = stream.head.status;
        match (Reply { head: stream.head, body, url }).check() {
            Err(error) => Err(error),
            Ok(_) => Err(Error::Status { status, text }),
        }
    }

    fn send(&mut self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Reply, Error> {
        let mut request = self.request(Service::Api, method, path)?;
        if let Some(body) = body {
            request.headers.push(("Content-Type", "application/json".into()));
            request.body = Some(body.to_string().into_bytes());
        }
        self.exchange(request)
    }

    fn request(&self, service: Service, method: &'static str, path: &str) -> Result<Request, Error> {
        let root = match service {
            Service::Api => &self.api,
            Service::Auth => &self.auth,
            Service::Stream => &self.stream,
        };
        let text = format!("{root}{path}");
        let url = Url::parse(&text).ok_or(super::http::Error::Url(text))?;
        let mut headers = vec![
            ("User-Agent", concat!("st2/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("Accept", "*/*".to_owned()),
        ];
        if let Some(token) = &self.token {
            headers.push(("X-Auth-Token", token.clone()));
        }
        if let Some(key) = &self.api_key {
            headers.push(("St2-Api-Key", key.clone()));
        }
        if let Some((user, password)) = &self.basic_auth {
            headers.push(("Authorization", basic(user, password)));
        }
        Ok(Request { method, url, headers, body: None })
    }

    fn exchange(&mut self, request: Request) -> Result<Reply, Error> {
        let url = request.url.to_string();
        if self.debug {
            super::console::note(&format!("# {} {url}", request.method));
            if let Some(body) = &request.body {
                super::console::note(&format!("# > {}", String::from_utf8_lossy(body)));
            }
        }
        let (head, body) = self.http.send(request)?;
        if self.debug {
            let text = String::from_utf8_lossy(&body);
            super::console::note(&format!("# {} {}\n# < {text}", head.status, head.reason));
        }
        Ok(Reply { head, body, url })
    }
}

/// The items of a list; anything else is a list of one.
fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => vec![],
        other => vec![other],
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
