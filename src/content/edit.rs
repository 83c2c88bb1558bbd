//! Files of a pack, written and removed on behalf of a request. Nothing outside of the pack is ever touched: a path
//! has to be relative and without `..`, and no directory or file on its way may be a link that leads out.

use super::PackDir;
use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
};

/// Mode of what is written: scripts have to be executable.
const MODE: u32 = 0o755;

impl PackDir {
    /// Writes `text` to a file relative to the pack, over what was there.
    pub fn write(&self, relative: &Path, text: &[u8]) -> io::Result<()> {
        let path = self.place(relative)?;
        // A name of its own, renamed at the end: whoever runs the file meanwhile gets the old or the new one whole.
        let draft = path.with_file_name(format!(".{}.{}", file_name(&path), std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&draft)?;
        let written = file
            .write_all(text)
            .and_then(|()| file.set_permissions(fs::Permissions::from_mode(MODE)))
            .and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Removes a file relative to the pack. One that is not there is as good as removed.
    pub fn remove(&self, relative: &Path) -> io::Result<()> {
        match self.place(relative).and_then(fs::remove_file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Whether a relative path stays inside, as far as its words tell.
    pub fn is_plain(relative: &Path) -> bool {
        let mut parts = relative.components().peekable();
        parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    }

    /// Where a file is or would be; makes the directories on the way.
    fn place(&self, relative: &Path) -> io::Result<PathBuf> {
        let outside = || io::Error::new(ErrorKind::InvalidInput, "leads out of the pack");
        if !Self::is_plain(relative) {
            return Err(outside());
        }
        let root = self.path.canonicalize()?;
        let mut at = root.clone();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            at.push(part);
            match fs::create_dir(&at) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            // A link on the way may lead anywhere.
            at = at.canonicalize()?;
            if !at.starts_with(&root) {
                return Err(outside());
            }
        }
        Ok(at.join(relative.file_name().ok_or_else(outside)?))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
