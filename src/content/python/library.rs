//! The Python library that comes with the program: embedded, and unpacked where interpreters find it.
//!
//! It is written anew, whole, when this program holds another one than lies there; a reader sees the old or the new
//! one, never a mixture.

use rust_embed::RustEmbed;
use rustix::fs::{CWD, RenameFlags};
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path};

#[derive(RustEmbed)]
#[folder = "python"]
struct Files;

/// Holds the fingerprint of what was unpacked.
const MARKER: &str = ".st2d";

/// Unpacks the library into `target`, if it is not there already.
pub fn unpack(target: &Path) -> io::Result<()> {
    let names: Vec<_> = Files::iter().filter(|name| is_needed(name)).collect();
    let fingerprint = fingerprint(&names);
    if fs::read_to_string(target.join(MARKER)).is_ok_and(|found| found == fingerprint) {
        return Ok(());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let draft = parent.join(format!(".{}.new", target.file_name().unwrap_or_default().to_string_lossy()));
    remove(&draft)?;
    for name in &names {
        let path = draft.join(&**name);
        fs::create_dir_all(path.parent().unwrap_or(&draft))?;
        fs::write(path, contents(name))?;
    }
    fs::create_dir_all(&draft)?;
    fs::write(draft.join(MARKER), fingerprint)?;
    exchange(&draft, target)
}

/// What runs on the machines of users: neither tests nor what an interpreter has left there.
fn is_needed(name: &str) -> bool {
    !name.contains("__pycache__") && !name.starts_with("tests/") && !name.starts_with('.')
}

fn contents(name: &str) -> std::borrow::Cow<'static, [u8]> {
    Files::get(name).map(|file| file.data).unwrap_or_default()
}

fn fingerprint(names: &[std::borrow::Cow<'static, str>]) -> String {
    let mut hash = Sha256::new();
    for name in names {
        let data = contents(name);
        hash.update(format!("{name}\0{}\0", data.len()));
        hash.update(data);
    }
    hex::encode(hash.finalize())
}

/// Puts the finished directory `draft` in the place of `target`, in one step, and removes what was there.
pub(super) fn exchange(draft: &Path, target: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, draft, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => remove(draft),
        Err(rustix::io::Errno::NOENT) => fs::rename(draft, target),
        // A file system that cannot swap: two steps, with the gap between them.
        Err(_) => {
            let old = draft.with_extension("old");
            remove(&old)?;
            fs::rename(target, &old)?;
            fs::rename(draft, target)?;
            remove(&old)
        }
    }
}

/// Removes a directory, file or link; one that is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_library_is_replaced_and_the_same_one_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("python");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("stale.py"), "x").unwrap();
        unpack(&target).unwrap();
        assert!(!target.join("stale.py").exists());
        fs::write(target.join("kept"), "x").unwrap();
        unpack(&target).unwrap();
        assert!(target.join("kept").exists());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }
}
