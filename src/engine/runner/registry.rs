//! Runners by name.

use super::{Host, Runner, announcement, http, inquirer, local, noop, python, remote};
use crate::{bus::Bus, config::Config};
use std::{collections::BTreeMap, sync::Arc};

/// The runners of this build.
pub struct Registry(BTreeMap<&'static str, Arc<dyn Runner>>);

impl Registry {
    /// All of them.
    pub fn with_all(config: &Arc<Config>, bus: &Bus, host: &Host) -> Self {
        let trust = Arc::new(http::tls::Trust::new(config.http_runner.ca_bundle.clone()));
        let (remote_command, remote_script) = remote::runners(config);
        Self(BTreeMap::from([
            ("noop", Arc::new(noop::Noop) as Arc<dyn Runner>),
            ("local-shell-cmd", Arc::new(local::ShellCommand)),
            ("local-shell-script", Arc::new(local::ShellScript { node_name: host.node_name.clone() })),
            ("http-request", Arc::new(http::HttpRequest::new(config.http_runner.clone(), trust))),
            ("announcement", Arc::new(announcement::Announce::new(bus.clone()))),
            ("inquirer", Arc::new(inquirer::Inquire)),
            ("python-script", Arc::new(python::PythonScript::new(config, &host.node_name))),
            ("remote-shell-cmd", Arc::new(remote_command)),
            ("remote-shell-script", Arc::new(remote_script)),
        ]))
    }

    /// The runner with this name; `_` is read as `-`.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Runner>> {
        self.0.get(name).or_else(|| self.0.get(name.replace('_', "-").as_str())).cloned()
    }

    /// Names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}
