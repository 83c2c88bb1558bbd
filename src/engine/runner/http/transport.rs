//! One HTTP connection: called, through a proxy and TLS where that is asked for, and requests sent over it.
//!
//! Time counts as in `requests`: so long for the connection, and then so long without a byte going or coming.

use super::{
    failure::{Failure, Target},
    head::{Watch, Watched},
    proxy::Proxy,
    tls::Trust,
};
use crate::service;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{io::ErrorKind, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// Longest answer of a proxy to the wish for a tunnel.
const LONGEST_TUNNEL_ANSWER: usize = 16 * 1024;

/// Bytes in both directions.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How connections are made.
#[derive(Debug)]
pub(in crate::engine::runner) struct Caller<'a> {
    /// Whom to trust.
    pub(in crate::engine::runner) trust: &'a Trust,
    /// Check certificates.
    pub(in crate::engine::runner) verify: bool,
    /// Time for the connection, and between bytes.
    pub(in crate::engine::runner) timeout: Duration,
}

/// A connection. Dropped, it is closed.
pub(in crate::engine::runner) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    watch: Watch,
    target: Target,
    timeout: Duration,
    /// Requests name the whole URL: it goes to a proxy.
    pub(in crate::engine::runner) is_proxied: bool,
    /// The host's certificate, where TLS is spoken.
    pub(in crate::engine::runner) certificate: Option<Vec<u8>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(in crate::engine::runner) struct Answer {
    /// Status code.
    pub(in crate::engine::runner) status: u16,
    /// Names as sent.
    pub(in crate::engine::runner) headers: Vec<(String, String)>,
    /// The body as sent.
    pub(in crate::engine::runner) body: Vec<u8>,
}

impl Answer {
    /// The header of this name.
    pub(in crate::engine::runner) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Caller<'_> {
    /// Makes a connection.
    pub(in crate::engine::runner) async fn connect(
        &self,
        target: &Target,
        proxy: Option<&Proxy>,
    ) -> Result<Connection, Failure> {
        let calling = Box::pin(self.call(target, proxy));
        match tokio::time::timeout(self.timeout, calling).await {
            Ok(connection) => connection,
            Err(_) => Err(Failure::ConnectTimeout(target.clone(), self.timeout)),
        }
    }

    async fn call(&self, target: &Target, proxy: Option<&Proxy>) -> Result<Connection, Failure> {
        let mut stream: Box<dyn Stream> = match proxy {
            None => Box::new(tcp(target).await?),
            Some(proxy) => {
                let words = |failure: Failure| Failure::Proxy(target.clone(), proxy_words(&failure));
                let mut stream: Box<dyn Stream> = Box::new(tcp(&proxy.target).await.map_err(words)?);
                if proxy.target.secure {
                    stream = Box::new(self.tls(stream, &proxy.target).await?);
                }
                if target.secure {
                    tunnel(&mut stream, target, proxy).await?;
                }
                stream
            }
        };
        let mut certificate = None;
        if target.secure {
            let secured = self.tls(stream, target).await?;
            let chain = secured.get_ref().1.peer_certificates().unwrap_or_default();
            certificate = chain.first().map(|first| first.to_vec());
            stream = Box::new(secured);
        }
        let watch = Watch::new();
        let io = TokioIo::new(Watched { stream, watch: watch.clone() });
        let mut builder = http1::Builder::new();
        builder.title_case_headers(true).allow_spaces_after_header_name_in_responses(true);
        let (sender, connection) = builder.handshake(io).await.map_err(|error| broken(&error))?;
        // What goes wrong is told to the sender as well.
        let driver = service::spawn("http connection", async move { drop(connection.await) });
        let is_proxied = proxy.is_some() && !target.secure;
        let (target, timeout) = (target.clone(), self.timeout);
        Ok(Connection { sender, driver, watch, target, timeout, is_proxied, certificate })
    }

    async fn tls<S: Stream>(
        &self,
        stream: S,
        target: &Target,
    ) -> Result<tokio_rustls::client::TlsStream<S>, Failure> {
        let config = self.trust.client(self.verify).map_err(Failure::Refused)?;
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| Failure::Tls(target.clone(), error.to_string()))?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let words = error.to_string();
            let is_untrusted = words.contains("certificate");
            let prefix = if is_untrusted {
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            } else {
                ""
            };
            Failure::Tls(target.clone(), format!("{prefix}{words}"))
        })
    }
}

async fn tcp(target: &Target) -> Result<TcpStream, Failure> {
    let addresses = tokio::net::lookup_host((target.host.as_str(), target.port)).await.map_err(|error| {
        tracing::debug!("Could not look up {}: {error}", target.host);
        Failure::Resolve(target.clone(), "Name or service not known".to_owned())
    })?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small requests must not wait for the answer to nothing.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("Could not set TCP_NODELAY: {error}");
                }
                return Ok(stream);
            }
            Err(error) => failed = Some(error),
        }
    }
    let error = failed.unwrap_or_else(|| std::io::Error::new(ErrorKind::NotFound, "no address"));
    Err(Failure::Connect(target.clone(), error))
}

fn proxy_words(failure: &Failure) -> String {
    let words = match failure {
        Failure::Connect(_, error) => super::failure::errno(error),
        Failure::Resolve(target, words) => format!("{}: {words}", target.host),
        other => other.to_string(),
    };
    format!("OSError({})", crate::pytext::repr_str(&words))
}

/// Asks a proxy for a tunnel.
async fn tunnel(stream: &mut Box<dyn Stream>, target: &Target, proxy: &Proxy) -> Result<(), Failure> {
    let failed = |words: String| {
        let words =
            format!("OSError({})", crate::pytext::repr_str(&format!("Tunnel connection failed: {words}")));
        Failure::Proxy(target.clone(), words)
    };
    let host = bracketed(&target.host);
    let mut request = format!("CONNECT {host}:{0} HTTP/1.1\r\nHost: {host}:{0}\r\n", target.port);
    if let Some(credentials) = &proxy.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the answer belongs to the tunnel.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < LONGEST_TUNNEL_ANSWER {
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(&answer) {
        Ok(_) if response.code.is_some_and(|code| (200..300).contains(&code)) => Ok(()),
        Ok(_) => Err(failed(format!(
            "{} {}",
            response.code.unwrap_or_default(),
            response.reason.unwrap_or_default()
        ))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A host as URLs write it.
pub(in crate::engine::runner) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl Connection {
    /// The other side has hung up.
    pub(in crate::engine::runner) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads the answer, whose body may have `limit` bytes.
    pub(in crate::engine::runner) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<Answer, Failure> {
        self.watch.begin();
        let watch = self.watch.clone();
        let (target, timeout) = (self.target.clone(), self.timeout);
        let exchange = async {
            self.sender.ready().await.map_err(|error| broken(&error))?;
            let response = self.sender.send_request(request).await.map_err(|error| broken(&error))?;
            let (status, headers) = (response.status().as_u16(), watch.headers());
            let body = read(response, limit).await?;
            Ok(Answer { status, headers, body })
        };
        tokio::select! {
            answer = exchange => answer,
            () = silence(&watch, timeout) => Err(Failure::ReadTimeout(target, timeout)),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Waits until nothing went over the connection for this long.
async fn silence(watch: &Watch, patience: Duration) {
    loop {
        let end = watch.last() + patience;
        if end <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(end).await;
    }
}

async fn read(response: Response<Incoming>, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Some(data) = frame.data_ref() {
            if read.len() + data.len() > limit {
                return Err(Failure::TooLarge(limit));
            }
            read.extend_from_slice(data);
        }
    }
    Ok(read)
}

fn broken(error: &hyper::Error) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    if error.is_parse() {
        Failure::Protocol(error.to_string())
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Failure::Closed("RemoteDisconnected('Remote end closed connection without response')".to_owned())
    } else {
        let words = cause.unwrap_or_else(|| error.to_string());
        Failure::Closed(format!("OSError({})", crate::pytext::repr_str(&words)))
    }
}
