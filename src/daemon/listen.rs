//! The ports: bound before anything slow begins, so that a taken one is known at once; served when all is there.

use super::supervisor::{Stage, Supervisor};
use crate::{
    api,
    app::App,
    config::Config,
    service::{Service, Stop},
};
use anyhow::Context;
use serde::Serialize;
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
    path::Path,
    sync::Arc,
};

/// The sockets; `None` where a listener is off.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// Of `api.listen`.
    pub(super) api: Option<TcpListener>,
    /// Of `auth.listen`.
    pub(super) auth: Option<TcpListener>,
    /// Of `stream.listen`.
    pub(super) stream: Option<TcpListener>,
}

/// Where the listeners are: the ports are the real ones also when the settings ask for any (`:0`).
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(super) struct Addresses {
    /// Base URL of the API.
    pub(super) api: Option<String>,
    /// Base URL of auth.
    pub(super) auth: Option<String>,
    /// Base URL of the stream.
    pub(super) stream: Option<String>,
}

impl Listeners {
    /// Binds what the settings ask for.
    pub(super) fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            api: bind(&config.api.listen, "api.listen", "--api-listen")?,
            auth: bind(&config.auth.listen, "auth.listen", "--auth-listen")?,
            stream: bind(&config.stream.listen, "stream.listen", "--stream-listen")?,
        })
    }

    /// Where they are.
    pub(super) fn addresses(&self) -> Addresses {
        let url = |listener: &Option<TcpListener>| {
            listener.as_ref().and_then(|listener| listener.local_addr().ok()).map(url)
        };
        Addresses { api: url(&self.api), auth: url(&self.auth), stream: url(&self.stream) }
    }

    /// `host:port` of the API if its port was left open (`:0`).
    pub(super) fn api_address(&self, asked: &str) -> Option<String> {
        let (host, _) = asked.rsplit_once(':').filter(|(_, port)| *port == "0")?;
        let port = self.api.as_ref()?.local_addr().ok()?.port();
        Some(format!("{host}:{port}"))
    }

    /// Starts a service for each.
    pub(super) fn serve(self, app: &Arc<App>, supervisor: &mut Supervisor) {
        if let Some(socket) = self.api {
            supervisor.start(Stage::Intake, Api(Door { socket, app: app.clone() }));
        }
        if let Some(socket) = self.auth {
            supervisor.start(Stage::Intake, Auth(Door { socket, app: app.clone() }));
        }
        if let Some(socket) = self.stream {
            supervisor.start(Stage::Intake, Stream(Door { socket, app: app.clone() }));
        }
    }
}

/// A listener and what it hands to its requests.
struct Door {
    socket: TcpListener,
    app: Arc<App>,
}

impl Door {
    async fn serve(&self, service: api::Service, stop: Stop) -> anyhow::Result<()> {
        // A copy, so that the port stays ours when the server has to be started again.
        let socket = self.socket.try_clone()?;
        Ok(api::serve(self.app.clone(), socket, service, stop).await?)
    }
}

macro_rules! listener {
    ($type:ident, $name:literal) => {
        struct $type(Door);

        impl Service for $type {
            const NAME: &'static str = $name;

            async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
                self.0.serve(api::Service::$type, stop).await
            }
        }
    };
}
listener!(Api, "st2api");
listener!(Auth, "st2auth");
listener!(Stream, "st2stream");

impl Addresses {
    /// The one to tell people: the API's, else another, since every listener serves everything.
    pub(super) fn main(&self) -> Option<&str> {
        self.api.as_deref().or(self.auth.as_deref()).or(self.stream.as_deref())
    }

    /// Writes them as JSON, complete or not at all.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let unfinished = path.with_extension("new");
        std::fs::write(&unfinished, serde_json::to_vec(self)?)
            .and_then(|()| std::fs::rename(&unfinished, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn bind(listen: &str, setting: &str, flag: &str) -> anyhow::Result<Option<TcpListener>> {
    if listen.is_empty() {
        return Ok(None);
    }
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .with_context(|| format!("cannot find the address of {setting} = \"{listen}\""))?
        .collect();
    match TcpListener::bind(addresses.as_slice()) {
        Ok(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Some(listener))
        }
        Err(error) => {
            let what = match error.kind() {
                ErrorKind::AddrInUse => "another program has that port".to_owned(),
                ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
                ErrorKind::PermissionDenied => "ports below 1024 need root".to_owned(),
                _ => error.to_string(),
            };
            anyhow::bail!(
                "cannot listen on {listen}: {what}; choose another with {flag} host:port ({setting} in st2.toml), \
                 or `{flag} ''` for no such listener"
            )
        }
    }
}

/// The address as a client on this machine would write it.
fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap().to_string();
        let error = bind(&listen, "auth.listen", "--auth-listen").unwrap_err().to_string();
        assert!(error.contains(&listen) && error.contains("--auth-listen"), "{error}");
        assert!(error.contains("another program"), "{error}");
    }

    #[test]
    fn an_empty_listen_is_no_listener() {
        assert!(bind("", "api.listen", "--api-listen").unwrap().is_none());
    }

    #[test]
    fn everywhere_is_reached_through_the_own_address() {
        assert_eq!(url("0.0.0.0:9101".parse().unwrap()), "http://127.0.0.1:9101");
        assert_eq!(url("[::]:9101".parse().unwrap()), "http://[::1]:9101");
    }
}
