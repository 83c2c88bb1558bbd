//! One Windows host over HTTP: connections, who logs in, and messages sealed where TLS does not protect them.
//!
//! A login by NTLM belongs to its connection: a new one logs in anew, and what is under way on one that is given up
//! in the middle is lost with it.

use super::{
    ntlm,
    soap::{Fault, Message},
    trouble::Trouble,
};
use crate::{
    clock,
    engine::runner::http::{
        failure::Target,
        proxy::{self, Proxy},
        transport::{Answer, Caller, Connection, bracketed},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Most bytes of an answer. A host is asked to send no more than 150 kB.
const LIMIT: usize = 4 * 1024 * 1024;

const PLAIN: &str = "application/soap+xml;charset=UTF-8";
const SEALED: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";
const PROTOCOL: &str = "application/HTTP-SPNEGO-session-encrypted";

/// How to log in.
#[derive(Debug)]
pub(super) enum Auth {
    /// With the value of a header.
    Basic(String),
    Ntlm(ntlm::Login),
}

/// A way to a host.
pub(super) struct Line<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) target: Target,
    pub(super) proxy: Option<Proxy>,
    pub(super) url: String,
    pub(super) auth: Auth,
    open: Option<Open>,
}

/// A connection on which we are logged in, or need not be.
struct Open {
    connection: Connection,
    /// Seals messages.
    session: Option<ntlm::Session>,
    /// Sent with each request.
    authorization: Option<String>,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        caller: Caller<'a>,
        target: Target,
        proxy: Option<Proxy>,
        url: String,
        auth: Auth,
    ) -> Self {
        Self { caller, target, proxy, url, auth, open: None }
    }

    /// Sends a message and reads the answer. Dropped half-way, the connection is closed.
    pub(super) async fn send(&mut self, message: &Message<'_>) -> Result<String, Trouble> {
        let text = message.text();
        let mut open = match self.open.take().filter(|open| !open.connection.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        let mut answer = self.exchange(&mut open, &text).await?;
        if answer.status == 401 && open.session.is_some() {
            // The host has forgotten the login, which is no refusal; it has not looked at the message.
            open = self.connect().await?;
            answer = self.exchange(&mut open, &text).await?;
        }
        let body = read(&mut open, &answer)?;
        // A login is worth one message of the handshake alone.
        if open.session.is_some() {
            open.authorization = None;
        }
        self.open = Some(open);
        match answer.status {
            200..=299 => Ok(body),
            401 => Err(Trouble::Rejected),
            status => Err(match Fault::read(&body) {
                Some(fault) => Trouble::Fault(status, fault),
                None => Trouble::Status(status),
            }),
        }
    }

    async fn exchange(&self, open: &mut Open, text: &str) -> Result<Answer, Trouble> {
        let (kind, body) = match &mut open.session {
            Some(session) if !self.target.secure => (SEALED, seal(session, text)),
            _ => (PLAIN, text.as_bytes().to_vec()),
        };
        self.post(open, kind, body).await
    }

    async fn post(&self, open: &mut Open, kind: &'static str, body: Vec<u8>) -> Result<Answer, Trouble> {
        let refused = |error: http::Error| Trouble::Other(format!("Failed to parse: {}: {error}", self.url));
        let host = format!("{}:{}", bracketed(&self.target.host), self.target.port);
        let path = &self.target.path;
        let is_proxied = open.connection.is_proxied;
        let uri = if is_proxied { format!("http://{host}{path}") } else { path.clone() };
        let mut request = Request::post(uri)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, kind)
            .header(header::USER_AGENT, "st2d WinRM client")
            .header(header::CONTENT_LENGTH, body.len());
        if let Some(value) = &open.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(value) =
            self.proxy.as_ref().filter(|_| is_proxied).and_then(|proxy| proxy.authorization.as_ref())
        {
            request = request.header(
                header::PROXY_AUTHORIZATION,
                HeaderValue::from_str(value).map_err(|e| refused(e.into()))?,
            );
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(refused)?;
        Ok(open.connection.send(request, LIMIT).await?)
    }

    async fn connect(&self) -> Result<Open, Trouble> {
        let connection = self.caller.connect(&self.target, self.proxy.as_ref()).await?;
        let mut open = Open { connection, session: None, authorization: None };
        match &self.auth {
            Auth::Basic(value) => open.authorization = Some(value.clone()),
            Auth::Ntlm(login) => self.log_in(&mut open, login).await?,
        }
        Ok(open)
    }

    /// Three messages: we want to, the host asks, we answer. With TLS the answer goes out with the first real message;
    /// without it that must be sealed already, so it goes out alone.
    async fn log_in(&self, open: &mut Open, login: &ntlm::Login) -> Result<(), Trouble> {
        let (scheme, challenge) = self.challenge(open).await?;
        let target = ntlm::Target {
            service: format!("HTTP/{}", self.target.host),
            bindings: open.connection.certificate.as_deref().and_then(bindings),
        };
        let now = clock::now().timestamp_micros().unsigned_abs();
        let chance = ntlm::Chance::new(now).map_err(Trouble::Other)?;
        let (answer, session) = login.answer(&challenge, &target, &chance).map_err(Trouble::Other)?;
        open.session = Some(session);
        open.authorization = Some(format!("{scheme} {}", STANDARD.encode(answer)));
        if self.target.secure {
            return Ok(());
        }
        let answer = self.post(open, PLAIN, Vec::new()).await?;
        open.authorization = None;
        match answer.status {
            200..=299 => Ok(()),
            401 => Err(Trouble::Rejected),
            status => Err(Trouble::Status(status)),
        }
    }

    async fn challenge(&self, open: &mut Open) -> Result<(&'static str, Vec<u8>), Trouble> {
        let mut offers = String::new();
        for scheme in ["Negotiate", "NTLM"] {
            open.authorization = Some(format!("{scheme} {}", STANDARD.encode(ntlm::negotiate())));
            let answer = self.post(open, PLAIN, Vec::new()).await?;
            if answer.status != 401 {
                return Err(Trouble::Status(answer.status));
            }
            answer.header("www-authenticate").unwrap_or_default().clone_into(&mut offers);
            if let Some((scheme, challenge)) =
                ntlm::token(&offers).filter(|(_, challenge)| !challenge.is_empty())
            {
                return Ok((scheme, challenge));
            }
        }
        let offers = if offers.is_empty() { "nothing".to_owned() } else { offers };
        Err(Trouble::Other(format!(
            "The host does not take part in a login by NTLM; it offers {offers}. Choose another transport, or allow \
             Negotiate in its WinRM service"
        )))
    }
}

fn seal(session: &mut ntlm::Session, text: &str) -> Vec<u8> {
    let (signature, sealed) = session.seal(text.as_bytes());
    let mut body = format!(
        "--Encrypted Boundary\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: \
         type=application/soap+xml;charset=UTF-8;Length={}\r\n--Encrypted Boundary\r\n\tContent-Type: \
         application/octet-stream\r\n",
        text.len()
    )
    .into_bytes();
    body.extend((signature.len() as u32).to_le_bytes());
    body.extend(signature);
    body.extend(sealed);
    body.extend(b"--Encrypted Boundary--\r\n");
    body
}

/// The body of an answer as text.
fn read(open: &mut Open, answer: &Answer) -> Result<String, Trouble> {
    let is_sealed = answer.header("content-type").is_some_and(|kind| kind.contains(PROTOCOL));
    let bytes = match &mut open.session {
        Some(session) if is_sealed => {
            let (signature, sealed) = sealed_part(&answer.body).ok_or_else(|| {
                Trouble::Other("The host's encrypted answer cannot be taken apart".to_owned())
            })?;
            session.unseal(signature, sealed).ok_or_else(|| {
                Trouble::Other(
                    "The host's encrypted answer is not what it signed: it was changed on its way".to_owned(),
                )
            })?
        }
        _ => answer.body.clone(),
    };
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Signature and message of an encrypted body.
fn sealed_part(body: &[u8]) -> Option<(&[u8], &[u8])> {
    const BEFORE: &[u8] = b"application/octet-stream\r\n";
    let at = body.windows(BEFORE.len()).position(|window| window == BEFORE)?;
    let head = String::from_utf8_lossy(&body[..at]);
    let digits = head.split_once("Length=")?.1;
    let length: usize = digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let rest = &body[at + BEFORE.len()..];
    let signature = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    let rest = rest.get(4..)?;
    Some((rest.get(..signature)?, rest.get(signature..signature.checked_add(length)?)?))
}

/// The hash that ties a login to the TLS connection it is made on, from the host's certificate (RFC 5929). `None`: it is
/// signed in a way that has none.
fn bindings(certificate: &[u8]) -> Option<[u8; 16]> {
    let hash = match signed_with(certificate)? {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => Sha256::digest(certificate).to_vec(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => {
            Sha384::digest(certificate).to_vec()
        }
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => {
            Sha512::digest(certificate).to_vec()
        }
        _ => return None,
    };
    let application = [b"tls-server-end-point:".as_slice(), &hash].concat();
    // No addresses of either side, then the length and the bytes of what the application says.
    let mut whole = vec![0; 16];
    whole.extend((application.len() as u32).to_le_bytes());
    whole.extend(application);
    Some(md5::Md5::digest(whole).into())
}

/// The object identifier of how a certificate is signed.
fn signed_with(certificate: &[u8]) -> Option<&[u8]> {
    let (whole, _) = element(certificate)?;
    let (_, after_contents) = element(whole)?;
    let (algorithm, _) = element(after_contents)?;
    Some(element(algorithm)?.0)
}

/// What an element of DER holds, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = usize::from(*bytes.get(1)?);
    let (start, length) = if first < 0x80 {
        (2, first)
    } else {
        let count = first & 0x7f;
        let digits = bytes.get(2..2 + count).filter(|_| count <= 4)?;
        (2 + count, digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)))
    };
    let end = start.checked_add(length)?;
    Some((bytes.get(start..end)?, &bytes[end..]))
}

impl Line<'_> {
    /// Whether a proxy is asked for a tunnel, or for the whole of a URL.
    pub(super) fn proxy_for(url: &url::Url) -> Result<Option<Proxy>, Trouble> {
        Ok(proxy::choose(url, None, &|name| std::env::var(name).ok())?)
    }
}
