//! Absolute URLs, cut into what a connection needs.

use std::fmt;

/// An absolute `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as written: the `Host` header.
    pub(crate) authority: String,
    /// Path and query, starting with `/`.
    pub(crate) target: String,
}

impl Url {
    /// Reads a URL; `None` if it is not an absolute one of `http` or `https`.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(digits) => digits.parse().ok()?,
            None if secure => 443,
            None => 80,
        };
        let tail = tail.split('#').next().unwrap_or_default();
        let target = if tail.starts_with('/') { tail.to_owned() } else { format!("/{tail}") };
        (!host.is_empty()).then(|| Url {
            secure,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            target,
        })
    }

    /// The URL that `reference` means when this one refers to it.
    pub(crate) fn join(&self, reference: &str) -> Option<Url> {
        if reference.starts_with('/') && !reference.starts_with("//") {
            return Some(Url { target: reference.to_owned(), ..self.clone() });
        }
        Url::parse(reference)
    }

    /// Scheme, host and port: what is connected to.
    pub(crate) fn root(&self) -> String {
        Url { target: String::new(), ..self.clone() }.to_string()
    }

    /// Whether it names this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority, self.target)
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return Some((host, port.strip_prefix(':')));
    }
    Some(authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))))
}

/// A query string of these parameters, encoded as Python's `urlencode` does.
pub(crate) fn query<K: AsRef<str>, V: AsRef<str>>(parameters: &[(K, V)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(key, value)| format!("{}={}", form(key.as_ref()), form(value.as_ref())))
        .collect();
    pairs.join("&")
}

fn form(text: &str) -> String {
    escape(text, b"_.-~").replace("%20", "+")
}

/// Text as part of a path. Slashes stay: keys of the datastore may hold them.
pub(crate) fn encode(text: &str) -> String {
    escape(text, b"_.-~/:@!$&'()*+,;=")
}

fn escape(text: &str, kept: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_cut_and_put_together() {
        let url = Url::parse("http://[::1]:9101/v1/x?a=b#c").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.target.as_str()), ("::1", 9101, "/v1/x?a=b"));
        assert!(url.is_loopback());
        assert_eq!(url.to_string(), "http://[::1]:9101/v1/x?a=b");
        assert_eq!(Url::parse("https://st2/api").unwrap().port, 443);
        assert_eq!(url.join("/y").unwrap().target, "/y");
        for bad in ["", "st2:9101", "ftp://x", "http://", "http://x:port"] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn queries_and_paths_are_escaped() {
        assert_eq!(query(&[("a", "b c,d"), ("e", "ü")]), "a=b+c%2Cd&e=%C3%BC");
        assert_eq!(encode("a b/c?d"), "a%20b/c%3Fd");
    }
}
