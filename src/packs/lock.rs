//! A lock that another process sees, and that ends with the process that holds it: nothing to clean up after a kill.
//! What is written in its file stays: who has put something in the place that it guards.

use super::{Error, Progress};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a lock that somebody holds is asked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a name in a directory; waits for whoever holds it, and says so.
    pub(super) fn take(directory: &Path, name: &str, progress: &Progress<'_>) -> Result<Self, Error> {
        let path = file_of(directory, name);
        let options = File::options().create(true).read(true).write(true).truncate(false).open(&path);
        let file = options.map_err(|error| Error::at(&path, &error))?;
        let mut told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { file }),
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

    /// What is written in it.
    pub(super) fn note(&self) -> io::Result<String> {
        let mut text = String::new();
        (&self.file).rewind()?;
        (&self.file).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Writes something else in it.
    pub(super) fn write(&self, note: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).rewind()?;
        (&self.file).write_all(note.as_bytes())
    }
}

/// Where the lock of a name lies.
pub(super) fn file_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.lock"))
}

#[expect(clippy::disallowed_methods, reason = "runs on a thread of its own, not in a task")]
fn pause() {
    std::thread::sleep(PAUSE);
}
