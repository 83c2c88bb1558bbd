//! The data directory: made, checked, repaired, and held by one daemon at a time.
//!
//! It is 0700: PostgreSQL refuses a looser one for its part, and keys and passwords lie in it. A directory somebody
//! loosened is tightened again, but only one that is ours; `--data-dir /tmp` must not close `/tmp`.

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tracing::warn;

/// Marks a directory as ours, and is locked while a daemon runs.
const LOCK_FILE: &str = "st2d.lock";

/// A data directory that no other daemon uses. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    _lock: Flock<File>,
}

/// Another daemon uses the directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "another st2d (pid {pid}) uses the data directory {}; stop it, or start this one with another --data-dir",
    path.display()
)]
pub struct InUse {
    path: PathBuf,
    pid: String,
}

impl DataDir {
    /// Makes the directory if need be, checks it, and takes it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let advice = || format!("cannot use the data directory {}", path.display());
        make(path).with_context(advice)?;
        let path = path.canonicalize().with_context(advice)?;
        check_mode(&path).with_context(advice)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is; absolute, without symlinks.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of this node among others: made once, it belongs to the directory, not to the process.
    pub(super) fn node_name(&self) -> anyhow::Result<String> {
        let file = self.path.join("node-name");
        match std::fs::read_to_string(&file) {
            Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => bail!("cannot read {}: {error}", file.display()),
        }
        let name = uuid::Uuid::new_v4().to_string();
        std::fs::write(&file, &name).map_err(|error| not_writable(&file, error))?;
        Ok(name)
    }
}

fn make(path: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => bail!("it is not a directory; name another one with --data-dir"),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // Only the last directory is ours to close; its parents keep the usual mode.
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| not_writable(parent, error))?;
    }
    DirBuilder::new().mode(0o700).create(path).map_err(|error| not_writable(path, error))
}

fn not_writable(path: &Path, error: std::io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; give the user of st2d the right to write there, or name another directory with --data-dir"
        }
        ErrorKind::StorageFull => "; make room on that disk",
        _ => "",
    };
    anyhow::anyhow!("cannot write {}: {error}{remedy}", path.display())
}

fn check_mode(path: &Path) -> anyhow::Result<()> {
    let found = std::fs::metadata(path)?;
    let mode = found.mode() & 0o7777;
    // Root may write where the mode says nobody may. Whoever set such a mode meant it, though.
    if mode & 0o700 != 0o700 {
        bail!(
            "it is read-only (mode {mode:04o}); `chmod 0700 {}`, or name another one with --data-dir",
            path.display()
        );
    }
    let for_others = mode & 0o077;
    if for_others == 0 {
        return Ok(());
    }
    let ours = path.join(LOCK_FILE).exists() || std::fs::read_dir(path)?.next().is_none();
    if !ours {
        bail!(
            "others may enter it (mode {mode:04o}) and it holds files that are not of st2d; \
             name an empty or a new directory with --data-dir, or `chmod 0700` this one if it is meant"
        );
    }
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))
        .map_err(|error| not_writable(path, error))?;
    warn!("{} was open to others (mode {mode:04o}), now it is 0700", path.display());
    Ok(())
}

fn lock(directory: &Path) -> anyhow::Result<Flock<File>> {
    let path = directory.join(LOCK_FILE);
    let mut open = OpenOptions::new();
    let file = open
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| not_writable(&path, error))
        .with_context(|| format!("cannot use the data directory {}", directory.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            // For the message of the daemon that comes second; the lock itself is what counts.
            lock.set_len(0)
                .and_then(|()| lock.rewind())
                .and_then(|()| writeln!(lock, "{}", std::process::id()))
                .map_err(|error| not_writable(&path, error))?;
            Ok(lock)
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "unknown" } else { pid.trim() };
            Err(InUse { path: directory.to_owned(), pid: pid.to_owned() }.into())
        }
        Err((_, error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_directory_is_closed_to_others() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        let opened = DataDir::open(&path).unwrap();
        assert_eq!(mode(opened.path()), 0o700);
        assert_eq!(mode(&opened.path().join(LOCK_FILE)), 0o600);
    }

    #[test]
    fn a_loosened_directory_of_ours_is_closed_again() {
        let base = tempfile::tempdir().unwrap();
        drop(DataDir::open(base.path()).unwrap());
        std::fs::write(base.path().join("file"), "x").unwrap();
        std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o777)).unwrap();
        drop(DataDir::open(base.path()).unwrap());
        assert_eq!(mode(base.path()), 0o700);
    }

    #[test]
    fn a_directory_of_others_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        std::fs::write(base.path().join("file"), "x").unwrap();
        std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let error = format!("{:#}", DataDir::open(base.path()).unwrap_err());
        assert!(error.contains("not of st2d"), "{error}");
        assert_eq!(mode(base.path()), 0o755);
    }

    #[test]
    fn a_read_only_directory_is_refused_even_for_root() {
        let base = tempfile::tempdir().unwrap();
        std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o500)).unwrap();
        let error = format!("{:#}", DataDir::open(base.path()).unwrap_err());
        assert!(error.contains("read-only") && error.contains("chmod 0700"), "{error}");
    }

    #[test]
    fn the_second_to_come_is_told_who_is_first() {
        let base = tempfile::tempdir().unwrap();
        let first = DataDir::open(base.path()).unwrap();
        let error = DataDir::open(base.path()).unwrap_err();
        assert!(error.is::<InUse>());
        assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
        drop(first);
        DataDir::open(base.path()).unwrap();
    }
}
