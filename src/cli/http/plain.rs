//! HTTP/1.1 over a socket, with connections kept for the next request.

use super::{Error, Head, Request, Stream};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// No head of an answer is longer than this; more is not HTTP.
const MAX_HEAD: u64 = 256 * 1024;

/// Connections that wait for the next request, by host and port.
#[derive(Default)]
pub(crate) struct Connections(Vec<(String, BufReader<TcpStream>)>);

impl Connections {
    /// Sends a request and reads the whole answer.
    pub(super) fn send(&mut self, request: &Request) -> Result<(Head, Vec<u8>), Error> {
        let authority = &request.url.authority;
        if let Some(at) = self.0.iter().position(|(name, _)| name == authority) {
            let (_, connection) = self.0.swap_remove(at);
            // The server may have closed a waiting connection: without a byte of an answer, the
            // request did not arrive and is sent once more.
            if let Some(connection) = delivered(connection, request) {
                return self.receive(connection, request).map_err(|cause| broken(request, &cause));
            }
        }
        let mut connection = connect(request)?;
        let sent = connection.get_mut().write_all(&serialize(request));
        sent.and_then(|()| self.receive(connection, request)).map_err(|cause| broken(request, &cause))
    }

    fn receive(
        &mut self,
        mut connection: BufReader<TcpStream>,
        request: &Request,
    ) -> std::io::Result<(Head, Vec<u8>)> {
        let head = read_head(&mut connection)?;
        let framing = Framing::of(&head, request.method);
        let ends = framing != Framing::UntilClose;
        let mut body = Body { connection, framing };
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        let close = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if ends && !close {
            self.0.push((request.url.authority.clone(), body.connection));
        }
        Ok((head, bytes))
    }
}

/// Sends a request on a used connection; `None` if the server had closed it.
fn delivered(mut connection: BufReader<TcpStream>, request: &Request) -> Option<BufReader<TcpStream>> {
    connection.get_mut().write_all(&serialize(request)).ok()?;
    let answered = connection.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
    answered.then_some(connection)
}

/// Sends a request on a connection of its own and leaves the body to be read.
pub(super) fn stream(request: &Request) -> Result<Stream, Error> {
    let mut connection = connect(request)?;
    connection.get_mut().write_all(&serialize(request)).map_err(|cause| broken(request, &cause))?;
    let head = read_head(&mut connection).map_err(|cause| broken(request, &cause))?;
    let framing = Framing::of(&head, request.method);
    Ok(Stream { head, body: Box::new(BufReader::new(Body { connection, framing })) })
}

fn broken(request: &Request, cause: &std::io::Error) -> Error {
    Error::Broken { url: request.url.to_string(), cause: cause.to_string() }
}

fn connect(request: &Request) -> Result<BufReader<TcpStream>, Error> {
    let url = &request.url;
    let fail = |cause: String| Error::Connect { url: url.root(), cause };
    let addresses =
        (url.host.as_str(), url.port).to_socket_addrs().map_err(|cause| fail(cause.to_string()))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                // Requests are written whole, so waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                return Ok(BufReader::with_capacity(16 * 1024, stream));
            }
            Err(cause) => last = Some(cause),
        }
    }
    Err(fail(last.map_or_else(|| "no address".to_owned(), |cause| describe(&cause))))
}

/// An error of the operating system without its number.
fn describe(cause: &std::io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

fn serialize(request: &Request) -> Vec<u8> {
    let mut text =
        format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.url.target, request.url.authority);
    for (name, value) in &request.headers {
        text.push_str(name);
        text.push_str(": ");
        // A line break would start a header of its own.
        text.extend(value.chars().filter(|c| !matches!(c, '\r' | '\n')));
        text.push_str("\r\n");
    }
    if let Some(body) = &request.body {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    } else if request.method != "GET" {
        text.push_str("Content-Length: 0\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(request.body.iter().flatten());
    bytes
}

fn read_head(connection: &mut BufReader<TcpStream>) -> std::io::Result<Head> {
    loop {
        let mut limited = connection.by_ref().take(MAX_HEAD);
        let first = read_line(&mut limited)?;
        let mut words = first.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().and_then(|code| code.parse::<u16>().ok());
        let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
            return Err(invalid("the answer is not HTTP"));
        };
        let reason = words.next().unwrap_or_default().trim().to_owned();
        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut limited)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("a header without colon"))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        // "100 Continue" and its like are followed by the real answer.
        if status >= 200 {
            return Ok(Head { status, reason, headers });
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn invalid(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    /// This many bytes are left.
    Length(u64),
    /// Inside a chunk, with this many bytes left of it (0: a new one starts).
    Chunk(u64),
    UntilClose,
}

impl Framing {
    fn of(head: &Head, method: &str) -> Framing {
        if matches!(head.status, 204 | 304) || method == "HEAD" {
            return Framing::Length(0);
        }
        if head
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
        {
            return Framing::Chunk(0);
        }
        match head.header("content-length").and_then(|value| value.parse().ok()) {
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        }
    }
}

/// The body of an answer, without its framing.
struct Body {
    connection: BufReader<TcpStream>,
    framing: Framing,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.framing == Framing::Chunk(0) {
            self.framing = self.next_chunk()?;
        }
        let left = match self.framing {
            Framing::UntilClose => return self.connection.read(buffer),
            Framing::Length(left) | Framing::Chunk(left) => left,
        };
        let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let read = self.connection.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer was cut off"));
        }
        let left = left - read as u64;
        self.framing = match self.framing {
            Framing::Chunk(_) if left == 0 => {
                read_line(&mut self.connection)?;
                Framing::Chunk(0)
            }
            Framing::Chunk(_) => Framing::Chunk(left),
            _ => Framing::Length(left),
        };
        Ok(read)
    }
}

impl Body {
    /// Reads the line that announces a chunk; after the last one nothing is left.
    fn next_chunk(&mut self) -> std::io::Result<Framing> {
        let line = read_line(&mut self.connection)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| invalid("a chunk without length"))?;
        if length > 0 {
            return Ok(Framing::Chunk(length));
        }
        while !read_line(&mut self.connection)?.is_empty() {}
        Ok(Framing::Length(0))
    }
}
