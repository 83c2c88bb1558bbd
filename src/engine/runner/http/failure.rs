//! Why there is no answer, in the words of Python's `requests`: workflows and people look for them.

use crate::pytext::{float_repr, repr_str};
use std::{fmt, time::Duration};

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine::runner) struct Target {
    /// TLS is spoken.
    pub(in crate::engine::runner) secure: bool,
    /// Name or address, without brackets.
    pub(in crate::engine::runner) host: String,
    /// Port.
    pub(in crate::engine::runner) port: u16,
    /// What is asked for there, for messages.
    pub(in crate::engine::runner) path: String,
}

/// No answer was had.
#[derive(Debug)]
pub(in crate::engine::runner) enum Failure {
    /// The request makes no sense, or is not allowed.
    Refused(String),
    /// The name has no address.
    Resolve(Target, String),
    /// Nobody listens, or there is no way.
    Connect(Target, std::io::Error),
    /// Nobody answered the call.
    ConnectTimeout(Target, Duration),
    /// TLS could not be agreed on, or the certificate is not trusted.
    Tls(Target, String),
    /// The proxy would not.
    Proxy(Target, String),
    /// Nothing came for too long.
    ReadTimeout(Target, Duration),
    /// The other side hung up.
    Closed(String),
    /// The other side does not speak HTTP, or wrongly.
    Protocol(String),
    /// The body is larger than allowed.
    TooLarge(usize),
}

impl Failure {
    /// The request took too long, as opposed to having failed.
    pub(in crate::engine::runner) fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout(..) | Self::ReadTimeout(..))
    }
}

impl Target {
    fn pool(&self) -> String {
        let scheme = if self.secure { "HTTPS" } else { "HTTP" };
        format!("{scheme}ConnectionPool(host={}, port={})", repr_str(&self.host), self.port)
    }

    fn retries(&self, cause: &str) -> String {
        format!("{}: Max retries exceeded with url: {} (Caused by {cause})", self.pool(), self.path)
    }

    /// A Python object's text. It has an address there; ours says that it has none.
    fn object(&self) -> String {
        let scheme = if self.secure { "HTTPS" } else { "HTTP" };
        format!("<urllib3.connection.{scheme}Connection object at 0x0>")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => f.write_str(text),
            Self::Resolve(target, words) => {
                let host = repr_str(&target.host);
                let text = format!("{}: Failed to resolve {host} ([Errno -2] {words})", target.object());
                f.write_str(&target.retries(&format!("NameResolutionError({})", repr_str(&text))))
            }
            Self::Connect(target, error) => {
                let text =
                    format!("{}: Failed to establish a new connection: {}", target.object(), errno(error));
                f.write_str(&target.retries(&format!("NewConnectionError({})", repr_str(&text))))
            }
            Self::ConnectTimeout(target, after) => {
                let text = format!(
                    "Connection to {} timed out. (connect timeout={})",
                    target.host,
                    float_repr(after.as_secs_f64())
                );
                let object = target.object();
                f.write_str(&target.retries(&format!("ConnectTimeoutError({object}, {})", repr_str(&text))))
            }
            Self::Tls(target, words) => {
                f.write_str(&target.retries(&format!("SSLError({})", repr_str(words))))
            }
            Self::Proxy(target, words) => {
                f.write_str(&target.retries(&format!("ProxyError('Unable to connect to proxy', {words})")))
            }
            Self::ReadTimeout(target, after) => {
                let seconds = float_repr(after.as_secs_f64());
                write!(f, "{}: Read timed out. (read timeout={seconds})", target.pool())
            }
            Self::Closed(words) => write!(f, "('Connection aborted.', {words})"),
            Self::Protocol(words) => write!(f, "('Connection aborted.', BadStatusLine({}))", repr_str(words)),
            Self::TooLarge(limit) => write!(
                f,
                "The response is larger than the {limit} bytes that actionrunner.result_max_bytes allows for a \
                 result."
            ),
        }
    }
}

/// The error's number and name, as StackStorm's sockets tell it.
pub(in crate::engine::runner) fn errno(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {:?}", nix::errno::Errno::from_raw(number)),
        None => error.to_string(),
    }
}
