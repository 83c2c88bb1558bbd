//! The head of an answer as it came over the wire.
//!
//! Names of headers keep the letters the server chose: workflows read `headers['Content-Type']`. The HTTP library
//! has them in lower case only, so the bytes are noted on their way in.

use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// Most of an answer's beginning that is noted. A head that is larger is refused by the HTTP library anyway.
const LARGEST: usize = 512 * 1024;

/// Most headers of an answer.
const MOST: usize = 512;

/// What went over a connection lately. Clones look at the same connection.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    begin: Vec<u8>,
    last: Instant,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Seen { begin: Vec::new(), last: Instant::now() })))
    }

    /// Another request begins: what came before is none of its answer.
    pub(super) fn begin(&self) {
        *self.0.lock() = Seen { begin: Vec::new(), last: Instant::now() };
    }

    /// When something was sent or came last.
    pub(super) fn last(&self) -> Instant {
        self.0.lock().last
    }

    fn came(&self, bytes: &[u8]) {
        let mut seen = self.0.lock();
        seen.last = Instant::now();
        let room = LARGEST.saturating_sub(seen.begin.len());
        seen.begin.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn went(&self) {
        self.0.lock().last = Instant::now();
    }

    /// The headers of the answer: names as sent, values of the same name joined. Empty if there was none to read.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let seen = self.0.lock();
        let mut rest = seen.begin.as_slice();
        loop {
            let mut fields = vec![httparse::EMPTY_HEADER; MOST];
            let mut response = httparse::Response::new(&mut fields);
            let mut parser = httparse::ParserConfig::default();
            parser.allow_spaces_after_header_name_in_responses(true);
            let Ok(httparse::Status::Complete(length)) = parser.parse_response(&mut response, rest) else {
                return Vec::new();
            };
            // `100 Continue` and the like come before the answer.
            if response.code.is_none_or(|code| (100..200).contains(&code) && code != 101) {
                rest = &rest[length..];
                continue;
            }
            return joined(response.headers);
        }
    }
}

fn joined(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for field in fields {
        // As Python reads them: every byte is a character.
        let value: String = field.value.iter().map(|byte| char::from(*byte)).collect();
        match headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(field.name)) {
            Some((_, known)) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            None => headers.push((field.name.to_owned(), value)),
        }
    }
    headers
}

/// A stream whose traffic is watched.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) watch: Watch,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if polled.is_ready() {
            self.watch.came(&buffer.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if polled.is_ready() {
            self.watch.went();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_letters_and_doubles_are_joined() {
        let watch = Watch::new();
        watch.came(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Request-ID: 1\r\nset-cookie: a=1\r\n");
        assert!(watch.headers().is_empty());
        watch.came(b"Set-Cookie: b=2\r\nX-Latin: \xe9\r\n\r\nX-Body: no\r\n\r\n");
        let expected = [("X-Request-ID", "1"), ("set-cookie", "a=1, b=2"), ("X-Latin", "\u{e9}")];
        assert_eq!(watch.headers(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        watch.begin();
        assert!(watch.headers().is_empty());
    }
}
