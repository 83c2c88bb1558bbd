//! This machine, and the processes that an earlier daemon of the same data directory left on it.

use crate::{
    config::{self, Config},
    model::RunnerInfo,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, sync::Arc};

/// Every process of an action carries this variable with the node's name, so that what a killed daemon left
/// behind, grandchildren in sessions of their own included, is found without any record.
pub(in crate::engine) const NODE_VARIABLE: &str = "ST2_NODE";

/// Every process of an action carries this one with the execution's id; packs read it too.
pub(in crate::engine) const EXECUTION_VARIABLE: &str = "ST2_ACTION_EXECUTION_ID";

/// Where this daemon runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// Name of this node: belongs to the data directory and stays over restarts.
    pub node_name: String,
    /// Host name.
    pub name: Arc<str>,
    /// Our process id.
    pub pid: i32,
    /// Name of the user we run as.
    pub user: String,
    /// User that actions run as by default.
    pub system_user: String,
    /// Base URL of the API as actions are told it, ending in `/v1`.
    pub api_url: String,
}

impl Host {
    /// Looks around once, at start.
    pub fn this(config: &Config, node_name: &str) -> Self {
        Self {
            node_name: node_name.to_owned(),
            name: hostname::get().map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into()),
            pid: std::process::id() as i32,
            system_user: config.system_user.name(),
            user: config::own_user(),
            api_url: format!("{}/v1", config.auth.public_api_url(&config.api)),
        }
    }

    /// What an execution that runs here says of its whereabouts.
    pub(in crate::engine) fn runner_info(&self) -> RunnerInfo {
        RunnerInfo { hostname: self.name.clone(), pid: self.pid }
    }

    /// Ends processes that carry this node's mark: nobody waits for them any more.
    pub(in crate::engine) async fn end_leftovers(&self) {
        let mark = (NODE_VARIABLE.to_owned(), self.node_name.clone());
        let ended = tokio::task::spawn_blocking(move || end_marked(&mark.0, &mark.1)).await.unwrap_or(0);
        if ended > 0 {
            tracing::warn!(
                "Ended {ended} processes of actions that an earlier run of this daemon left behind"
            );
        }
    }
}

/// Sends SIGKILL to every process that has `name=value` in its environment; answers how many there were.
///
/// Reads all of /proc: for start-up and for actions that do not end when asked, not for every run.
pub(in crate::engine) fn end_marked(name: &str, value: &str) -> usize {
    let mark = format!("{name}={value}");
    let own = std::process::id() as i32;
    let mut ended = 0;
    for pid in processes().filter(|pid| *pid != own) {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { continue };
        let marked =
            environment.split(|byte| *byte == 0).any(|entry| OsStr::from_bytes(entry) == mark.as_str());
        if marked && kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok() {
            ended += 1;
        }
    }
    ended
}

fn processes() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
