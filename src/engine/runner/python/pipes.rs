//! The pipes of one run, and giving a process the ends that it is to have.

use crate::engine::runner::Error;
use nix::{fcntl::OFlag, unistd::pipe2};
use std::{
    fs::File,
    os::fd::{AsRawFd, OwnedFd},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe::{Receiver, Sender},
};

/// Descriptors above those that processes are given: one of ours must not be in the way of another's place.
const ABOVE: i32 = 10;

/// Our ends.
pub(super) struct Ours {
    pub(super) stdout: Receiver,
    pub(super) stderr: Receiver,
    pub(super) order: Sender,
    pub(super) result: Receiver,
}

/// The ends of the process, in the order of their numbers: 0 to 4.
pub(super) struct Theirs(pub(super) [OwnedFd; 5]);

/// Makes the pipes of a run.
pub(super) fn open() -> Result<(Ours, Theirs), Error> {
    let failed = |error: std::io::Error| Error::System(format!("Could not make a pipe: {error}"));
    let made = || -> std::io::Result<(Ours, Theirs)> {
        let (stdout, their_stdout) = pipe2(OFlag::O_CLOEXEC)?;
        let (stderr, their_stderr) = pipe2(OFlag::O_CLOEXEC)?;
        let (their_order, order) = pipe2(OFlag::O_CLOEXEC)?;
        let (result, their_result) = pipe2(OFlag::O_CLOEXEC)?;
        let stdin = OwnedFd::from(File::open("/dev/null")?);
        let ours = Ours {
            stdout: Receiver::from_owned_fd(stdout)?,
            stderr: Receiver::from_owned_fd(stderr)?,
            order: Sender::from_owned_fd(order)?,
            result: Receiver::from_owned_fd(result)?,
        };
        Ok((ours, Theirs([stdin, their_stdout, their_stderr, their_order, their_result])))
    };
    made().map_err(failed)
}

/// The descriptor, or a copy of it if its number is among those that a process is given.
pub(super) fn out_of_the_way(descriptor: OwnedFd) -> std::io::Result<OwnedFd> {
    if descriptor.as_raw_fd() >= ABOVE {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, ABOVE)?)
}

/// A descriptor that the runtime watches.
#[expect(deprecated, reason = "its successor asks for `unsafe`, to hold what an `OwnedFd` does hold")]
pub(super) fn watch(descriptor: OwnedFd, interest: Interest) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest)
}
