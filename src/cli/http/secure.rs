//! HTTPS and proxies, by `reqwest` on a runtime of one thread.

use super::{Error, Head, Request, Stream, Verify};
use std::io::{BufReader, Read};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// A client for `https`, and for `http` behind a proxy.
pub(super) struct Secure {
    runtime: Arc<Runtime>,
    client: reqwest::Client,
}

impl Secure {
    /// Starts the runtime and TLS.
    pub(super) fn new(verify: &Verify) -> Result<Secure, Error> {
        let fail = |cause: String| Error::Connect { url: "https".into(), cause };
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|cause| fail(cause.to_string()))?;
        let builder = reqwest::Client::builder();
        let builder = match verify {
            Verify::Nothing => builder.tls_danger_accept_invalid_certs(true),
            Verify::System => builder,
            Verify::Bundle(path) => {
                let pem = std::fs::read(path).map_err(|cause| fail(cause.to_string()))?;
                let certificates =
                    reqwest::Certificate::from_pem_bundle(&pem).map_err(|cause| fail(root(&cause)))?;
                builder.tls_certs_only(certificates)
            }
        };
        let client = builder.build().map_err(|cause| fail(root(&cause)))?;
        Ok(Secure { runtime: Arc::new(runtime), client })
    }

    /// Sends a request; the body of the answer is read as it arrives.
    pub(super) fn send(&mut self, request: &Request) -> Result<Stream, Error> {
        let url = request.url.to_string();
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        let mut builder = self.client.request(method, &url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = self.runtime.block_on(builder.send()).map_err(|cause| {
            let text = root(&cause);
            if cause.is_connect() {
                Error::Connect { url: request.url.root(), cause: text }
            } else {
                Error::Broken { url: url.clone(), cause: text }
            }
        })?;
        let status = response.status();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let reason = status.canonical_reason().unwrap_or_default().to_owned();
        let head = Head { status: status.as_u16(), reason, headers };
        let body = Body { runtime: Arc::clone(&self.runtime), response, rest: bytes::Bytes::new() };
        Ok(Stream { head, body: Box::new(BufReader::new(body)) })
    }
}

/// The innermost cause of an error: `reqwest` says what happened only there.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

struct Body {
    runtime: Arc<Runtime>,
    response: reqwest::Response,
    rest: bytes::Bytes,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.runtime.block_on(self.response.chunk()).map_err(std::io::Error::other)? {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}
