//! A child of this daemon, watched by a descriptor: its number stays its own until we collect it.

use super::pipes::{Theirs, out_of_the_way, watch};
use crate::engine::runner::Error;
use nix::{
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn},
    sys::{
        signal::{SigSet, Signal, killpg},
        wait::WaitStatus,
    },
    unistd::Pid,
};
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use std::{
    collections::BTreeMap,
    ffi::CString,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};
use tokio::io::{Interest, unix::AsyncFd};

/// A process that leads a group of its own. Dropped, its group is ended and it is collected.
pub(in crate::engine) struct Process {
    pid: Pid,
    watch: AsyncFd<OwnedFd>,
    is_collected: bool,
}

/// What to start.
pub(in crate::engine) struct Start<'a> {
    pub(in crate::engine) program: &'a Path,
    pub(in crate::engine) arguments: &'a [&'a str],
    pub(in crate::engine) env: &'a BTreeMap<String, String>,
}

impl Process {
    /// Starts a process that has `descriptors` as its 0, 1, 2 and so on, and nothing else of ours.
    ///
    /// By `posix_spawn`, which does not copy our page tables; all else of ours is closed on exec.
    pub(in crate::engine) fn start(start: &Start<'_>, descriptors: Vec<OwnedFd>) -> Result<Self, Error> {
        let failed = |error: nix::Error| {
            let words = match error {
                nix::Error::ENOENT => "No such file or directory",
                nix::Error::EACCES => "Permission denied",
                nix::Error::E2BIG => "Argument list too long",
                other => other.desc(),
            };
            Error::System(format!("[Errno {}] {words}: '{}'", error as i32, start.program.display()))
        };
        let descriptors: std::io::Result<Vec<OwnedFd>> =
            descriptors.into_iter().map(out_of_the_way).collect();
        let descriptors = descriptors.map_err(|error| Error::System(error.to_string()))?;
        let spawned = || -> nix::Result<Pid> {
            let mut actions = PosixSpawnFileActions::init()?;
            for (number, descriptor) in descriptors.iter().enumerate() {
                actions.add_dup2(descriptor.as_raw_fd(), number as i32)?;
            }
            let mut attributes = PosixSpawnAttr::init()?;
            attributes.set_flags(
                PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
                    | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
                    | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
            )?;
            attributes.set_pgroup(Pid::from_raw(0))?;
            attributes.set_sigmask(&SigSet::empty())?;
            attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
            let text = |text: String| CString::new(text).map_err(|_| nix::Error::EINVAL);
            let program = start.program.to_string_lossy().into_owned();
            let arguments = std::iter::once(program.as_str()).chain(start.arguments.iter().copied());
            let arguments: Vec<CString> =
                arguments.map(|argument| text(argument.to_owned())).collect::<nix::Result<_>>()?;
            let env: Vec<CString> = start
                .env
                .iter()
                .map(|(name, value)| text(format!("{name}={value}")))
                .collect::<nix::Result<_>>()?;
            posix_spawn(start.program, &actions, &attributes, &arguments, &env)
        };
        let pid = spawned().map_err(failed)?;
        let watched = rustix::process::Pid::from_raw(pid.as_raw())
            .ok_or(rustix::io::Errno::SRCH)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
            .map_err(std::io::Error::from)
            .and_then(|descriptor| watch(descriptor, Interest::READABLE));
        match watched {
            Ok(watch) => Ok(Self { pid, watch, is_collected: false }),
            Err(error) => {
                let _ = killpg(pid, Signal::SIGKILL);
                let _ = nix::sys::wait::waitpid(pid, None);
                Err(Error::System(format!("Could not watch the process: {error}")))
            }
        }
    }

    /// Starts a process with the ends of a run's pipes.
    pub(super) fn start_run(start: &Start<'_>, theirs: Theirs) -> Result<Self, Error> {
        Self::start(start, theirs.0.into())
    }

    pub(in crate::engine) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it has ended; it is not collected yet.
    pub(in crate::engine) async fn ended(&self) {
        if self.is_collected {
            return;
        }
        // Cannot fail but for a runtime that is gone.
        let _ = self.watch.readable().await.map(|mut ready| ready.retain_ready());
    }

    /// Sends a signal to its group.
    pub(in crate::engine) fn signal(&self, signal: Signal) {
        if !self.is_collected {
            // Nobody left to hear it is the usual case.
            let _ = killpg(self.pid, signal);
        }
    }

    /// Collects it: its exit code, or minus the signal that killed it. Waits if it has not ended.
    pub(in crate::engine) fn collect(&mut self) -> i32 {
        if std::mem::replace(&mut self.is_collected, true) {
            return -1;
        }
        match waitid(WaitId::PidFd(self.watch.get_ref().as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => status
                .exit_status()
                .or_else(|| status.terminating_signal().map(|signal| -signal))
                .unwrap_or(-1),
            _ => match nix::sys::wait::waitpid(self.pid, None) {
                Ok(WaitStatus::Exited(_, code)) => code,
                Ok(WaitStatus::Signaled(_, signal, _)) => -(signal as i32),
                _ => -1,
            },
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_collected {
            self.signal(Signal::SIGKILL);
            self.collect();
        }
    }
}
