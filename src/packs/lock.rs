//! A lock that another process sees, and that ends with the process that holds it: nothing to clean up after a kill.

use super::{Error, Progress};
use rustix::fs::{FlockOperation, flock};
use std::{fs::File, path::Path, time::Duration};

/// How often a lock that somebody holds is asked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a name in a directory; waits for whoever holds it, and says so.
    pub(super) fn take(directory: &Path, name: &str, progress: &Progress<'_>) -> Result<Self, Error> {
        let path = directory.join(format!("{name}.lock"));
        let options = File::options().create(true).write(true).truncate(false).open(&path);
        let file = options.map_err(|error| Error::at(&path, &error))?;
        let mut told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if !told {
                        told = true;
                        progress.say("Waiting for another download of the same pack to end");
                    }
                    progress.check()?;
                    pause();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::at(&path, &error.into())),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "runs on a thread of its own, not in a task")]
fn pause() {
    std::thread::sleep(PAUSE);
}
