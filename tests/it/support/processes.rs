//! Looking at processes: who lives, who belongs to whom.

use std::{
    path::Path,
    time::{Duration, Instant},
};

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// In ticks since boot.
    started: u64,
    parent: i32,
    /// Its name, for messages.
    pub(crate) name: String,
}

impl Process {
    /// The living process of this number; zombies count as dead.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in brackets and may hold anything, brackets too.
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = tail.split_whitespace().collect();
        if fields[0] == "Z" {
            return None;
        }
        Some(Self { pid, parent: fields[1].parse().ok()?, started: fields[19].parse().ok()?, name })
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// All that descend from `pid`, itself left out.
    pub(crate) fn descendants_of(pid: i32) -> Vec<Self> {
        let all: Vec<Self> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| Self::find(entry.ok()?.file_name().to_str()?.parse().ok()?))
            .collect();
        let mut found: Vec<Self> = Vec::new();
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            for child in all.iter().filter(|one| one.parent == parent) {
                parents.push(child.pid);
                found.push(child.clone());
            }
        }
        found
    }
}

/// The postmaster of the private server below `data_dir`.
pub(crate) fn postmaster_pid(data_dir: &Path) -> Option<i32> {
    let text = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// Waits until `condition` yields something; panics with `what` when that takes too long.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
