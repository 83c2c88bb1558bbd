//! An HTTP server for a test: notes what it is asked, and answers byte for byte what the test says.
#![allow(dead_code, reason = "a kit: what no test needs at the moment is still part of it")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, crypto::aws_lc_rs},
};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// What stands between method and version.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Number of the connection it came over.
    pub(crate) connection: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes; the connection stays open for more requests.
    Bytes(Vec<u8>),
    /// These bytes, one after the other with this pause between them.
    Drip(Vec<u8>, std::time::Duration),
    /// Nothing, but the connection stays open.
    Silence,
    /// Nothing, and the connection is closed.
    HangUp,
    /// What a proxy does when it is asked for a tunnel.
    Tunnel,
}

/// An answer with a length.
pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes())
}

type Answers = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A running server; dropped, it is gone.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    closed: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
    scheme: &'static str,
}

impl Site {
    pub(crate) async fn start(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(answers), None).await
    }

    /// With TLS under this certificate.
    pub(crate) async fn start_tls(
        certificate: &Certificate,
        answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Arc::new(answers), Some(certificate.acceptor())).await
    }

    async fn serve(answers: Answers, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(Mutex::new(0));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = st2d::service::spawn("site", {
            let (asked, closed) = (asked.clone(), closed.clone());
            async move {
                let mut number = 0;
                while let Ok((stream, _)) = listener.accept().await {
                    let line = Line { asked: asked.clone(), answers: answers.clone(), number };
                    number += 1;
                    let (tls, closed) = (tls.clone(), closed.clone());
                    st2d::service::spawn("line", async move {
                        match tls {
                            // A client that does not trust us says nothing more.
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    line.talk(stream).await;
                                }
                            }
                            None => line.talk(stream).await,
                        }
                        *closed.lock().unwrap() += 1;
                    });
                }
            }
        });
        Self { address, asked, closed, task, scheme }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections have ended.
    pub(crate) fn closed(&self) -> usize {
        *self.closed.lock().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Line {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Answers,
    number: usize,
}

impl Line {
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S) {
        while let Some(asked) = read(&mut stream, self.number).await {
            self.asked.lock().unwrap().push(asked.clone());
            let sent = match (self.answers)(&asked) {
                Reply::Bytes(bytes) => stream.write_all(&bytes).await,
                Reply::Drip(bytes, pause) => drip(&mut stream, &bytes, pause).await,
                // Until the client goes away.
                Reply::Silence => stream.read_u8().await.map(drop),
                Reply::HangUp => return,
                Reply::Tunnel => {
                    let Ok(mut target) = TcpStream::connect(&asked.target).await else { return };
                    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut target).await;
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

async fn drip<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    pause: std::time::Duration,
) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, connection: usize) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers,
        body: Vec::new(),
        connection,
    };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).await.ok()?;
    Some(asked)
}

/// A certificate for 127.0.0.1 and localhost, and the authority that signed it.
pub(crate) struct Certificate {
    /// The authority, as a PEM file has it.
    pub(crate) authority: String,
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
        // OpenSSL takes a certificate for its own authority when both have the same name.
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "The authority of a test");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&authority_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(parameters, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self { authority, chain: certificate.der().to_vec(), key: key.serialize_der() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![self.chain.clone().into()],
                rustls::pki_types::PrivateKeyDer::try_from(self.key.clone()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
