//! Runners by name.

use super::{Host, Runner, announcement, external, http, inquirer, local, noop, python, remote, winrm};
use crate::{bus::Bus, config::Config, content::external_runners};
use std::{collections::BTreeMap, sync::Arc};

/// The runners of this build, and those that are programs of their own.
pub struct Registry {
    own: BTreeMap<&'static str, Arc<dyn Runner>>,
    external: external::External,
}

impl Registry {
    /// All of them.
    pub fn with_all(config: &Arc<Config>, bus: &Bus, host: &Host) -> Self {
        let trust = Arc::new(http::tls::Trust::new(config.http_runner.ca_bundle.clone()));
        let (remote_command, remote_script) = remote::runners(config);
        let mut own = BTreeMap::from([
            ("noop", Arc::new(noop::Noop) as Arc<dyn Runner>),
            ("local-shell-cmd", Arc::new(local::ShellCommand)),
            ("local-shell-script", Arc::new(local::ShellScript { node_name: host.node_name.clone() })),
            ("http-request", Arc::new(http::HttpRequest::new(config.http_runner.clone(), trust.clone()))),
            ("announcement", Arc::new(announcement::Announce::new(bus.clone()))),
            ("inquirer", Arc::new(inquirer::Inquire)),
            ("python-script", Arc::new(python::PythonScript::new(config, &host.node_name))),
            ("remote-shell-cmd", Arc::new(remote_command)),
            ("remote-shell-script", Arc::new(remote_script)),
        ]);
        own.extend(winrm::runners(&trust));
        Self { own, external: external::External::new(external_runners::base_dirs(config)) }
    }

    /// The runner with this name; `_` is read as `-`. Ours come first: nobody can replace them by a file.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Runner>> {
        let own = self.own.get(name).or_else(|| self.own.get(name.replace('_', "-").as_str())).cloned();
        own.or_else(|| Some(Arc::new(self.external.find(name)?) as Arc<dyn Runner>))
    }

    /// Names of those of this build, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        self.own.keys().copied().collect()
    }
}
