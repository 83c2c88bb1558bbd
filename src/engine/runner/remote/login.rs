//! Who logs in where, and with what: from the action's parameters, OpenSSH's configuration and the settings.
//!
//! One way of logging in is chosen, in StackStorm's order: a password, a private key of the action, the key that
//! OpenSSH's configuration names, the key of the system user. Agents and keys that happen to lie about are not tried.

use super::{
    failure::Failure,
    hosts::Host,
    ssh_config::{self, Advice},
};
use crate::{config::SshRunner, engine::runner::LiveAction};
use russh::keys::{PrivateKey, decode_secret_key};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};

/// What a private key has in it, and a path has not.
const KEY_HEADER: &str = "private key-----";

/// Where to log in, and how.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) login: Login,
    /// A command that is the way there.
    pub(super) proxy_command: Option<String>,
}

/// How to prove who one is.
#[derive(Clone)]
pub(super) enum Login {
    Password(String),
    Key(Arc<PrivateKey>),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Key(_) => "Key",
        })
    }
}

/// What is the same for all hosts of an action.
pub(super) struct Wish<'a> {
    action: &'a LiveAction,
    settings: &'a SshRunner,
    /// Key of the system user.
    key_file: &'a str,
    /// Text of OpenSSH's configuration.
    configuration: Option<String>,
}

impl<'a> Wish<'a> {
    pub(super) fn new(action: &'a LiveAction, settings: &'a SshRunner, key_file: &'a str) -> Self {
        let configuration = settings.use_ssh_config.then(|| {
            let path = at_home(&settings.ssh_config_file_path);
            std::fs::read_to_string(&path).unwrap_or_else(|error| {
                tracing::warn!("Could not read {}: {error}", path.display());
                String::new()
            })
        });
        Self { action, settings, key_file, configuration }
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.action.runner_parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn settings(&self) -> &'a SshRunner {
        self.settings
    }

    /// How to reach a host.
    pub(super) fn destination(&self, host: &Host) -> Result<Destination, Failure> {
        let advice = self.configuration.as_deref().map(|text| ssh_config::advice(text, &host.name));
        let advice = advice.unwrap_or_default();
        let asked = self.action.runner_parameters.get("port").and_then(Value::as_u64);
        let asked = host.port.or(asked.and_then(|port| u16::try_from(port).ok()));
        // The usual port counts as not given.
        let port = asked.filter(|port| *port != 22).or(advice.port).unwrap_or(22);
        let user = self.text("username").map(str::to_owned).or_else(|| advice.user.clone());
        Ok(Destination {
            host: advice.host_name.clone().unwrap_or_else(|| host.name.clone()),
            port,
            user: user.unwrap_or_else(|| self.action.system_user.clone()),
            login: self.login(&advice)?,
            proxy_command: advice.proxy_command,
        })
    }

    /// The host that connections go through: same user, key and port.
    pub(super) fn bastion(&self, to: &Destination) -> Option<Destination> {
        let bastion = self.text("bastion_host")?;
        Some(Destination { host: bastion.to_owned(), proxy_command: None, ..to.clone() })
    }

    fn login(&self, advice: &Advice) -> Result<Login, Failure> {
        let (key, passphrase) = (self.text("private_key"), self.text("passphrase"));
        if let Some(password) = self.text("password") {
            return Ok(Login::Password(password.to_owned()));
        }
        if key.is_none() && passphrase.is_some() {
            return Err(Failure::other("passphrase should accompany private key material"));
        }
        let material = match key {
            Some(material) if material.to_ascii_lowercase().contains(KEY_HEADER) => material.to_owned(),
            Some(path) => read(path)?,
            None => read(advice.identity_file.as_deref().unwrap_or(self.key_file))?,
        };
        decode(&material, passphrase).map(Arc::new).map(Login::Key)
    }
}

fn read(path: &str) -> Result<String, Failure> {
    let path = at_home(path);
    std::fs::read_to_string(&path).map_err(|error| {
        let words = match error.raw_os_error() {
            Some(libc::ENOENT) => "[Errno 2] No such file or directory".to_owned(),
            Some(libc::EACCES) => "[Errno 13] Permission denied".to_owned(),
            _ => error.to_string(),
        };
        Failure::other(&format!("{words}: '{}'", path.display()))
    })
}

fn decode(material: &str, passphrase: Option<&str>) -> Result<PrivateKey, Failure> {
    // Keys come through JSON and YAML, with line ends of all kinds.
    let material = material.replace("\r\n", "\n").trim().to_owned() + "\n";
    decode_secret_key(&material, passphrase).map_err(|error| {
        let is_locked = matches!(error, russh::keys::Error::KeyIsEncrypted)
            || passphrase.is_none() && material.contains("ENCRYPTED");
        Failure::ssh(&match (is_locked, passphrase) {
            (true, None) => "Private key file is encrypted".to_owned(),
            (_, Some(_)) => format!("Invalid passphrase, or invalid or unsupported key type ({error})"),
            _ => format!("Invalid or unsupported key type ({error})"),
        })
    })
}

/// A path as shells read it.
pub(super) fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
