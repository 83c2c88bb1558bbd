//! The way to the network: proxies, a bundle of certificates, and how long an answer may take.

use super::Error;
use crate::config::Config;
use std::{path::PathBuf, time::Duration};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the other side may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Which way requests take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http`; empty: none.
    pub http: String,
    /// For `https`; empty: none.
    pub https: String,
    /// Hosts that are reached without one, separated by commas.
    pub none_for: String,
    /// File of certificates to trust, of the proxy's authority mostly; empty: the system's.
    pub ca_bundle: PathBuf,
}

/// Makes requests.
#[derive(Clone, Debug)]
pub struct Net {
    client: reqwest::Client,
}

impl Proxies {
    /// The configuration's, else the environment's.
    pub fn of(config: &Config) -> Self {
        let settings = &config.content_pack;
        let or_env = |value: &str, name: &str| {
            if value.is_empty() { std::env::var(name).unwrap_or_default() } else { value.to_owned() }
        };
        let bundle = or_env(&settings.proxy_ca_bundle_path.to_string_lossy(), "proxy_ca_bundle_path");
        Self {
            http: or_env(&settings.http_proxy, "http_proxy"),
            https: or_env(&settings.https_proxy, "https_proxy"),
            none_for: or_env(&settings.no_proxy, "no_proxy"),
            ca_bundle: PathBuf::from(bundle),
        }
    }

    /// As variables for the programs that install requirements.
    pub fn env(&self) -> Vec<(String, String)> {
        let bundle = self.ca_bundle.to_string_lossy();
        let all = [
            ("http_proxy", self.http.as_str()),
            ("https_proxy", &self.https),
            ("no_proxy", &self.none_for),
            ("proxy_ca_bundle_path", &bundle),
        ];
        let set = all.into_iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Net {
    /// Ready for requests. `verify`: whether certificates are looked at.
    ///
    /// # Errors
    /// A proxy or the bundle cannot be used; says which.
    pub fn new(proxies: &Proxies, verify: bool) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("st2d/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // The environment was looked at already.
            .no_proxy();
        let exceptions = reqwest::NoProxy::from_string(&proxies.none_for);
        for (url, is_https) in [(&proxies.http, false), (&proxies.https, true)] {
            if !url.is_empty() {
                let made = if is_https { reqwest::Proxy::https(url) } else { reqwest::Proxy::http(url) };
                let proxy = made.map_err(|error| {
                    Error::new(format!("The proxy \"{url}\" is no address: {}", innermost(&error)))
                })?;
                builder = builder.proxy(proxy.no_proxy(exceptions.clone()));
            }
        }
        if !verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        } else if !proxies.ca_bundle.as_os_str().is_empty() {
            let path = &proxies.ca_bundle;
            let pem = std::fs::read(path).map_err(|error| Error::at(path, &error))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| {
                Error::new(format!("{}: no bundle of certificates: {}", path.display(), innermost(&error)))
            })?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| Error::new(innermost(&error)))?;
        Ok(Self { client })
    }

    /// Makes requests.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

/// What really went wrong: `reqwest` says it only there.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
