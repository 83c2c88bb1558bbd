//! Files of a pack, written and removed on behalf of a request. Nothing outside of the pack is ever touched: a path
//! has to be relative and without `..`, and no directory or file on its way may be a link that leads out.

use super::{PackDir, disk};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path},
};

/// Mode of what is written: scripts have to be executable.
const MODE: u32 = 0o755;

impl PackDir {
    /// Writes `text` to a file relative to the pack, over what was there.
    pub fn write(&self, relative: &Path, text: &[u8]) -> io::Result<()> {
        let (directory, name) = self.place(relative)?;
        // A name of its own, renamed at the end: whoever runs the file meanwhile gets the old or the new one whole.
        let draft = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(MODE).custom_flags(libc::O_NOFOLLOW);
        let mut file = directory.open_with(&draft, &options)?.into_std();
        let written = file
            .write_all(text)
            .and_then(|()| file.set_permissions(fs::Permissions::from_mode(MODE)))
            .and_then(|()| directory.rename(&draft, &directory, &name));
        if written.is_err() {
            let _ = directory.remove_file(&draft);
        }
        written
    }

    /// Removes a file relative to the pack. One that is not there is as good as removed.
    pub fn remove(&self, relative: &Path) -> io::Result<()> {
        match self.place(relative).and_then(|(directory, name)| directory.remove_file(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Whether a relative path stays inside, as far as its words tell.
    pub fn is_plain(relative: &Path) -> bool {
        let mut parts = relative.components().peekable();
        parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    }

    /// The directory that a file is or would be in, and its name there; makes the directories on the way.
    fn place(&self, relative: &Path) -> io::Result<(Dir, OsString)> {
        let outside = || io::Error::new(ErrorKind::InvalidInput, "leads out of the pack");
        if !Self::is_plain(relative) {
            return Err(outside());
        }
        let name = relative.file_name().ok_or_else(outside)?.to_owned();
        let root = self.root()?;
        let directory = match relative.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => root.create_dir_all(parent).and_then(|()| root.open_dir(parent)),
            None => Ok(root),
        };
        match directory {
            Err(error) if disk::leads_out(&error) => Err(outside()),
            directory => Ok((directory?, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_and_removed_inside_only() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("demo")).unwrap();
        let pack = PackDir::open(base.path(), "demo").unwrap();
        pack.write(Path::new("actions/lib/go.sh"), b"echo 1").unwrap();
        pack.write(Path::new("actions/lib/go.sh"), b"echo 2").unwrap();
        let file = base.path().join("demo/actions/lib/go.sh");
        assert_eq!(fs::read(&file).unwrap(), b"echo 2");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);

        std::os::unix::fs::symlink(base.path(), base.path().join("demo/out")).unwrap();
        for path in ["../x", "/tmp/x", "actions/../../x", "out/x", "out/demo/../x", ""] {
            assert!(pack.write(Path::new(path), b"").is_err(), "{path}");
            assert!(pack.remove(Path::new(path)).is_err(), "{path}");
        }
        assert!(!base.path().join("x").exists());
        pack.remove(Path::new("actions/lib/go.sh")).unwrap();
        pack.remove(Path::new("actions/lib/go.sh")).unwrap();
        assert!(!file.exists());
    }
}
