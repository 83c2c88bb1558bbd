//! HTTP as far as this client needs it: one request, one answer, and streams.
//!
//! `http://` is spoken by [`plain`] over a socket, because a client that lives for milliseconds
//! should not spend them on starting a runtime and TLS. `https://`, and anything behind a proxy, is
//! left to `reqwest` in [`secure`], started when first needed.

pub(crate) mod plain;
mod secure;
mod url;

use std::io::{BufRead, Read};
use std::path::PathBuf;
pub(crate) use url::Url;
pub(crate) use url::{encode, query};

/// What to send.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header, however it is capitalised.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer that is read as it arrives.
pub(crate) struct Stream {
    pub(crate) head: Head,
    pub(crate) body: Box<dyn BufRead + Send>,
}

/// How certificates of `https` servers are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Not at all: StackStorm's own default, made for self-signed certificates.
    Nothing,
    /// By the certificate authorities of the system.
    System,
    /// By those of a file.
    Bundle(PathBuf),
}

/// What keeps a request from being answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("invalid URL \"{0}\"")]
    Url(String),
    #[error("cannot connect to {url}: {cause}")]
    Connect { url: String, cause: String },
    #[error("the connection to {url} broke: {cause}")]
    Broken { url: String, cause: String },
}

/// Sends requests; keeps connections for the next ones.
pub(crate) struct Http {
    verify: Verify,
    plain: plain::Connections,
    secure: Option<secure::Secure>,
}

impl Http {
    /// A sender that judges certificates by `verify`.
    pub(crate) fn new(verify: Verify) -> Http {
        Http { verify, plain: plain::Connections::default(), secure: None }
    }

    /// Sends a request and reads the whole answer; follows redirects of `GET`.
    pub(crate) fn send(&mut self, mut request: Request) -> Result<(Head, Vec<u8>), Error> {
        for _ in 0..5 {
            let (head, body) = self.exchange(&request)?;
            let target = head.header("location").filter(|_| matches!(head.status, 301 | 302 | 307 | 308));
            match target.and_then(|target| request.url.join(target)) {
                Some(url) if request.method == "GET" => request.url = url,
                _ => return Ok((head, body)),
            }
        }
        Err(Error::Broken { url: request.url.to_string(), cause: "too many redirects".into() })
    }

    fn exchange(&mut self, request: &Request) -> Result<(Head, Vec<u8>), Error> {
        if !by_reqwest(&request.url) {
            return self.plain.send(request);
        }
        let mut stream = self.secure()?.send(request)?;
        let mut body = Vec::new();
        let read = stream.body.read_to_end(&mut body);
        read.map_err(|cause| Error::Broken { url: request.url.to_string(), cause: cause.to_string() })?;
        Ok((stream.head, body))
    }

    /// Sends a request and leaves the body of the answer to be read.
    pub(crate) fn stream(&mut self, request: &Request) -> Result<Stream, Error> {
        if by_reqwest(&request.url) { self.secure()?.send(request) } else { plain::stream(request) }
    }

    fn secure(&mut self) -> Result<&mut secure::Secure, Error> {
        if self.secure.is_none() {
            self.secure = Some(secure::Secure::new(&self.verify)?);
        }
        Ok(self.secure.as_mut().expect("made above"))
    }
}

/// Whether this URL needs more than a socket.
fn by_reqwest(url: &Url) -> bool {
    url.secure || (!url.is_loopback() && proxy_is_set())
}

fn proxy_is_set() -> bool {
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
