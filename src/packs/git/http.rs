//! Git's smart protocol over HTTP: one request for what the repository has, and one for each round of what we want.

use super::transport::Way;
use crate::packs::net::innermost;
use bytes::{Buf, Bytes};
use git2::{
    Error,
    transport::{Service, SmartSubtransport, SmartSubtransportStream},
};
use parking_lot::Mutex;
use reqwest::{Method, Response, header};
use std::{
    io::{self, Read, Write},
    sync::Arc,
};

/// One conversation with one repository.
pub(super) struct Http {
    shared: Arc<Shared>,
}

struct Shared {
    way: Way,
    /// Where the repository is, once the other side has sent us elsewhere.
    moved_to: Mutex<Option<String>>,
}

impl Http {
    pub(super) fn new(way: Way) -> Self {
        Self { shared: Arc::new(Shared { way, moved_to: Mutex::default() }) }
    }
}

impl SmartSubtransport for Http {
    fn action(&self, url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        let first = match service {
            Service::UploadPackLs => true,
            Service::UploadPack => false,
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(Error::from_str("packs are fetched, never sent"));
            }
        };
        let base = self.shared.moved_to.lock().clone();
        let base = base.unwrap_or_else(|| url.trim_end_matches('/').to_owned());
        Ok(Box::new(Exchange {
            shared: Arc::clone(&self.shared),
            base,
            first,
            sent: Vec::new(),
            answer: None,
            chunk: Bytes::new(),
        }))
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A request that is being written, then its answer.
struct Exchange {
    shared: Arc<Shared>,
    base: String,
    first: bool,
    sent: Vec<u8>,
    answer: Option<Response>,
    chunk: Bytes,
}

const LIST: &str = "/info/refs?service=git-upload-pack";

impl Exchange {
    fn send(&mut self) -> io::Result<Response> {
        let client = self.shared.way.net.client();
        let (request, kind) = if self.first {
            let request = client.request(Method::GET, format!("{}{LIST}", self.base));
            (request, "application/x-git-upload-pack-advertisement")
        } else {
            let request = client
                .request(Method::POST, format!("{}/git-upload-pack", self.base))
                .header(header::CONTENT_TYPE, "application/x-git-upload-pack-request")
                .body(std::mem::take(&mut self.sent));
            (request, "application/x-git-upload-pack-result")
        };
        let answer = self.shared.way.runtime.block_on(request.header(header::ACCEPT, kind).send());
        let answer = answer.map_err(broken)?;
        let status = answer.status();
        if !status.is_success() {
            let hint = match status.as_u16() {
                401 | 403 => " (a private repository needs credentials in its address, or ssh)",
                404 => " (there is no such repository)",
                _ => "",
            };
            return Err(io::Error::other(format!("the server answered {status}{hint}")));
        }
        let told = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if told != Some(kind) {
            return Err(io::Error::other("what answers there is no git repository"));
        }
        if self.first {
            let url = answer.url().as_str();
            *self.shared.moved_to.lock() = url.strip_suffix(LIST).map(str::to_owned);
        }
        Ok(answer)
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let mut answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.send()?,
            };
            let chunk = self.shared.way.runtime.block_on(answer.chunk()).map_err(broken)?;
            self.answer = Some(answer);
            match chunk {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let taken = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(error: reqwest::Error) -> io::Error {
    let text = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(&error) };
    io::Error::other(text)
}
