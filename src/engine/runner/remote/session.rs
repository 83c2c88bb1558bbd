//! One SSH connection: the way there, the host's key, and the login.

use super::{
    failure::Failure,
    login::{Destination, Login},
};
use crate::config::SshRunner;
use parking_lot::Mutex;
use russh::{
    ChannelStream, Disconnect, MethodKind,
    client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg},
    keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, known_hosts},
};
use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    process::{Child, Command},
};

/// Silence after which the other side is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Rounds of questions that a server may ask instead of taking the password at once.
const MOST_QUESTIONS: usize = 10;

/// A connection on which commands can be run.
pub(super) struct Session {
    pub(super) handle: Handle<HostKeys>,
    /// What the connection goes through.
    _way: Way,
}

enum Way {
    Direct,
    Through { _bastion: Box<Session> },
    Command { _child: Child },
}

/// Which host keys are taken.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    policy: Policy,
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Any,
    New,
    Strict,
}

impl Trust {
    /// # Errors
    /// In words for the administrator: the setting has a value that means nothing.
    pub(super) fn new(settings: &SshRunner, file: PathBuf) -> Result<Self, String> {
        let policy = match settings.host_key_policy.as_str() {
            "accept-any" | "" => Policy::Any,
            "accept-new" => Policy::New,
            "strict" => Policy::Strict,
            other => {
                return Err(format!(
                    "ssh_runner.host_key_policy is \"{other}\": expected accept-any, accept-new or strict"
                ));
            }
        };
        Ok(Self { policy, file })
    }

    fn check(&self, host: &str, port: u16, key: &PublicKey) -> Result<(), String> {
        // One at a time: two executions may meet a new host at the same moment.
        static LEARNING: Mutex<()> = Mutex::new(());
        if self.policy == Policy::Any {
            return Ok(());
        }
        let _guard = LEARNING.lock();
        let file = self.file.display();
        match known_hosts::check_known_hosts_path(host, port, key, &self.file) {
            Ok(true) => Ok(()),
            Ok(false) if self.policy == Policy::New => {
                known_hosts::learn_known_hosts_path(host, port, key, &self.file).map_err(|error| {
                    format!("The key of {host}:{port} could not be written to {file}: {error}")
                })
            }
            Ok(false) => Err(format!(
                "Server '{host}' not found in known_hosts ({file}), and ssh_runner.host_key_policy is strict"
            )),
            Err(russh::keys::Error::KeyChanged { line }) => Err(format!(
                "Host key for server '{host}' does not match the one in line {line} of {file}: if it was changed on \
                 purpose, remove that line"
            )),
            Err(error) => Err(format!("Known hosts could not be read from {file}: {error}")),
        }
    }
}

/// Judges the key of a host.
pub(super) struct HostKeys {
    trust: Trust,
    host: String,
    port: u16,
    /// Why it was refused.
    refused: Arc<Mutex<Option<String>>>,
}

impl client::Handler for HostKeys {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => certificate.public_key().clone().into(),
        };
        let verdict = self.trust.check(&self.host, self.port, &key);
        *self.refused.lock() = verdict.as_ref().err().cloned();
        Ok(verdict.is_ok())
    }
}

impl Session {
    /// Connects and logs in, through a bastion if there is one.
    pub(super) async fn open(
        to: &Destination,
        bastion: Option<&Destination>,
        trust: &Trust,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let opening = Box::pin(async {
            match bastion {
                None => Self::direct(to, trust).await,
                Some(bastion) => {
                    let bastion = Self::direct(bastion, trust).await?;
                    let stream = bastion.stream_to(to).await?;
                    let way = Way::Through { _bastion: Box::new(bastion) };
                    Self::over(stream, way, to, trust).await
                }
            }
        });
        match tokio::time::timeout(timeout, opening).await {
            Ok(session) => session,
            Err(_) => Err(Failure::other("timed out")),
        }
    }

    async fn direct(to: &Destination, trust: &Trust) -> Result<Self, Failure> {
        if let Some(command) = &to.proxy_command {
            let (stream, child) = piped(command, to)?;
            return Self::over(stream, Way::Command { _child: child }, to, trust).await;
        }
        let stream = TcpStream::connect((to.host.as_str(), to.port)).await.map_err(|error| {
            Failure::other(&match error.raw_os_error() {
                Some(_) => format!("[Errno None] Unable to connect to port {} on {}", to.port, to.host),
                // Only names that are nobody's fail without a number.
                None => "[Errno -2] Name or service not known".to_owned(),
            })
        })?;
        Self::over(stream, Way::Direct, to, trust).await
    }

    async fn over<S>(stream: S, way: Way, to: &Destination, trust: &Trust) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let refused = Arc::new(Mutex::new(None));
        let host_keys =
            HostKeys { trust: trust.clone(), host: to.host.clone(), port: to.port, refused: refused.clone() };
        let config = client::Config {
            keepalive_interval: Some(KEEP_ALIVE),
            nodelay: true,
            ..client::Config::default()
        };
        let connected = client::connect_stream(Arc::new(config), stream, host_keys).await;
        let mut handle = connected.map_err(|error| match (refused.lock().take(), error) {
            (Some(reason), _) => Failure::ssh(&reason),
            (None, russh::Error::IO(error)) => {
                Failure::ssh(&format!("Error reading SSH protocol banner ({error})"))
            }
            (None, error) => error.into(),
        })?;
        if log_in(&mut handle, to).await? {
            return Ok(Self { handle, _way: way });
        }
        Err(Failure::ssh("Authentication failed."))
    }

    async fn stream_to(&self, to: &Destination) -> Result<ChannelStream<Msg>, Failure> {
        let channel =
            self.handle.channel_open_direct_tcpip(to.host.clone(), to.port.into(), String::new(), 0).await;
        Ok(channel
            .map_err(|error| Failure::ssh(&format!("The bastion host cannot reach {}: {error}", to.host)))?
            .into_stream())
    }

    /// Says goodbye.
    pub(super) async fn close(&self) {
        // A connection that is gone needs none.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

async fn log_in(handle: &mut Handle<HostKeys>, to: &Destination) -> Result<bool, Failure> {
    match &to.login {
        Login::Password(password) => {
            let result = handle.authenticate_password(&to.user, password).await?;
            match result {
                AuthResult::Success => Ok(true),
                AuthResult::Failure { remaining_methods, .. }
                    if remaining_methods.contains(&MethodKind::KeyboardInteractive) =>
                {
                    answer_questions(handle, &to.user, password).await
                }
                AuthResult::Failure { .. } => Ok(false),
            }
        }
        Login::Key(key) => {
            // Servers that do not say what they take are tried with the best first; others need no second try.
            let hashes = match handle.best_supported_rsa_hash().await? {
                Some(hash) => vec![hash],
                None if key.algorithm().is_rsa() => vec![Some(HashAlg::Sha512), None],
                None => vec![None],
            };
            for hash in hashes {
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                if handle.authenticate_publickey(&to.user, key).await?.success() {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// Answers whatever a server asks with the password: the only thing it can be about.
async fn answer_questions(
    handle: &mut Handle<HostKeys>,
    user: &str,
    password: &str,
) -> Result<bool, Failure> {
    let mut response = handle.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..MOST_QUESTIONS {
        let prompts = match response {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts.len(),
        };
        response =
            handle.authenticate_keyboard_interactive_respond(vec![password.to_owned(); prompts]).await?;
    }
    Ok(false)
}

/// A connection through the standard input and output of a command.
fn piped(
    command: &str,
    to: &Destination,
) -> Result<(impl AsyncRead + AsyncWrite + Unpin + Send + use<>, Child), Failure> {
    let line = command.replace("%h", &to.host).replace("%p", &to.port.to_string()).replace("%r", &to.user);
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {line}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Failure::other(&format!("The ProxyCommand could not be started: {error}")))?;
    match (child.stdout.take(), child.stdin.take()) {
        (Some(output), Some(input)) => Ok((tokio::io::join(output, input), child)),
        _ => Err(Failure::other("The ProxyCommand has no pipes")),
    }
}
