//! Packs on disk: where they are, which files they have, and reading one without ever leaving its pack.
//!
//! A pack's own directory may be a link, as people have them while they write a pack. Inside, a link counts only if
//! it is relative and ends inside. That is not looked up beforehand, when somebody could change it in between: files
//! are opened below the open directory of the pack (cap-std, which has the kernel see to it where it can).

use super::shipped;
use crate::config::Config;
use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt},
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// Largest metadata file. The largest ones known have some hundred kilobytes.
pub(super) const METADATA_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Most files of a pack that are looked at. Beyond it something else than a pack lies there.
const FILES_MAX: usize = 100_000;

/// Deepest directory that is looked into.
const DEPTH_MAX: usize = 64;

/// The directories of packs, the more important ones first.
pub fn base_dirs(config: &Config) -> Vec<PathBuf> {
    let first = if config.content.packs_dir.as_os_str().is_empty() {
        config.data_dir.join("packs")
    } else {
        config.content.packs_dir.clone()
    };
    std::iter::once(first).chain(config.content.packs_base_paths.iter().cloned()).collect()
}

/// A directory with a `pack.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackDir {
    /// Name of the directory, which is the pack's reference for all its content.
    pub name: String,
    /// Where it is, as configured.
    pub path: PathBuf,
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A link or `..` leads out of the pack.
    #[error("leads out of the pack")]
    Outside,
    /// A directory, pipe or device.
    #[error("is not a regular file")]
    NotAFile,
    /// Larger than may be read.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// Bytes that are no UTF-8 begin at `line` and `column`.
    #[error("is not valid UTF-8")]
    NotUtf8 {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// The operating system says no.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if leads_out(&error) { Self::Outside } else { Self::Io(error) }
    }
}

/// Is this what cap-std says of a path that leaves its directory? The operating system's own refusals have a number.
pub(super) fn leads_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// What lies in a pack, and what tells whether any of it changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Inventory {
    /// Files relative to the pack, sorted; without compiled Python and what is git's.
    pub(super) files: Vec<String>,
    /// Covers name, size, time and inode of each file.
    pub(super) fingerprint: [u8; 32],
}

/// All packs, by directory and name. A name that occurs again further on is left out and returned second.
pub(super) fn find_packs(base_dirs: &[PathBuf]) -> (Vec<PackDir>, Vec<PathBuf>) {
    let mut seen = HashSet::new();
    let (mut packs, mut shadowed) = (Vec::new(), Vec::new());
    for base in base_dirs {
        // A directory that does not exist has no packs.
        let mut names: Vec<_> = fs::read_dir(base)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && name != "__pycache__")
            .collect();
        names.sort();
        for name in names {
            let path = base.join(&name);
            if !path.join("pack.yaml").exists() {
                continue;
            }
            match PackDir::open(base, &name) {
                Ok(_) if !seen.insert(name) => shadowed.push(path),
                Ok(pack) => packs.push(pack),
                Err(_) => {}
            }
        }
    }
    (packs, shadowed)
}

impl PackDir {
    /// The pack `name` in `base`.
    pub fn open(base: &Path, name: &str) -> io::Result<Self> {
        let path = std::path::absolute(base.join(name))?;
        if !fs::metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { name: name.to_owned(), path })
    }

    /// The open directory that nothing leaves.
    pub(super) fn root(&self) -> io::Result<Dir> {
        Dir::open_ambient_dir(&self.path, ambient_authority())
    }

    /// The pack in this directory, wherever it is.
    pub fn at(directory: &Path) -> io::Result<Self> {
        let path = std::path::absolute(directory)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(name), Some(base)) = (name, path.parent()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no directory of a pack"));
        };
        Self::open(base, name)
    }

    /// The first pack of this name.
    pub fn find(base_dirs: &[PathBuf], name: &str) -> Option<Self> {
        // A name, not a path.
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return None;
        }
        let mut bases = base_dirs.iter().filter(|base| base.join(name).is_dir());
        bases.find_map(|base| Self::open(base, name).ok())
    }

    /// What a path is: relative to the pack, or absolute and written as the pack's own is.
    ///
    /// # Errors
    /// It is not there, or not inside the pack.
    pub fn look_at(&self, path: impl AsRef<Path>) -> Result<Metadata, ReadError> {
        Ok(self.root()?.metadata(self.below(path.as_ref()))?)
    }

    /// Opens a regular file for reading; the path is as for [`Self::look_at`].
    ///
    /// # Errors
    /// There is no such file inside the pack.
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<File, ReadError> {
        let mut options = OpenOptions::new();
        // Opening a pipe would wait for its writer.
        options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = self.root()?.open_with(self.below(path.as_ref()), &options)?.into_std();
        if file.metadata()?.is_file() { Ok(file) } else { Err(ReadError::NotAFile) }
    }

    /// Reads a file of at most so many bytes; the path is as for [`Self::look_at`].
    ///
    /// # Errors
    /// There is no such file inside the pack, or it is larger.
    pub fn read_bytes(&self, path: impl AsRef<Path>, at_most: u64) -> Result<Vec<u8>, ReadError> {
        bytes_of(self.open_file(path)?, at_most)
    }

    fn below<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.path).unwrap_or(path)
    }

    /// Does a path end outside of the pack? One that is not there is judged by its name.
    pub(super) fn is_outside(&self, relative: &Path) -> bool {
        match self.look_at(relative) {
            Ok(_) => false,
            Err(ReadError::Outside) => true,
            Err(_) => {
                let mut depth = 0_i32;
                relative.components().any(|component| {
                    match component {
                        Component::RootDir | Component::Prefix(_) => {
                            return !relative.starts_with(&self.path);
                        }
                        Component::ParentDir => depth -= 1,
                        Component::CurDir => {}
                        Component::Normal(_) => depth += 1,
                    }
                    depth < 0
                })
            }
        }
    }

    /// Reads a metadata file.
    pub fn read(&self, relative: impl AsRef<Path>) -> Result<String, ReadError> {
        text_of(self.read_bytes(relative, METADATA_MAX_BYTES)?)
    }

    /// Names of the metadata files of `folder`, sorted: what ends in `.yaml`, `.yml` or `.json`.
    pub(super) fn metadata_files(&self, folder: &str) -> Result<Vec<String>, ReadError> {
        let entries = match self.root()?.read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            let is_metadata = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
            // The pack's configuration lay there long ago.
            let is_config = name.starts_with("config.");
            // Hidden files are editors' and the like.
            if is_metadata && !is_config && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What lies in the pack. Links to directories are not followed, links to files that end outside are left out.
    pub(super) fn inventory(&self) -> io::Result<Inventory> {
        let mut found = Vec::new();
        let root = self.root()?;
        walk(&root, &root, "", 0, &mut found)?;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut hash = Sha256::new();
        hash.update(self.path.as_os_str().as_encoded_bytes());
        for (name, meta) in &found {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            // The change time cannot be set back, unlike the modification time.
            for number in [meta.size() as i64, meta.ctime(), meta.ctime_nsec(), meta.ino() as i64] {
                hash.update(number.to_le_bytes());
            }
        }
        Ok(Inventory {
            files: found.into_iter().map(|(name, _)| name).collect(),
            fingerprint: hash.finalize().into(),
        })
    }
}

/// Adds the files below `directory`, whose path in `root` is `prefix`.
fn walk(
    root: &Dir,
    directory: &Dir,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, Metadata)>,
) -> io::Result<()> {
    for entry in directory.entries()? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if found.len() >= FILES_MAX {
            return Err(io::Error::other(format!("more than {FILES_MAX} files")));
        }
        let kind = entry.file_type()?;
        let relative = format!("{prefix}{name}");
        if kind.is_dir() {
            if name != ".git" && depth < DEPTH_MAX {
                walk(root, &entry.open_dir()?, &format!("{relative}/"), depth + 1, found)?;
            }
            continue;
        }
        let is_compiled = Path::new(&name).extension().is_some_and(|ending| ending == "pyc");
        if is_compiled || name == shipped::MARKER {
            continue;
        }
        let metadata = if kind.is_symlink() { root.metadata(&relative) } else { entry.metadata() };
        // Files come and go while we look.
        let Ok(metadata) = metadata else { continue };
        if metadata.is_file() {
            found.push((relative, metadata));
        }
    }
    Ok(())
}

/// Reads a file of text that is no pack's, if it is one and not too large.
pub(super) fn read_text(path: &Path) -> Result<String, ReadError> {
    // Before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    text_of(bytes_of(File::open(path)?, METADATA_MAX_BYTES)?)
}

fn bytes_of(file: File, at_most: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(at_most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > at_most { Err(ReadError::TooLarge(at_most)) } else { Ok(bytes) }
}

fn text_of(bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.chars().rev().take_while(|c| *c != '\n').count() + 1;
        ReadError::NotUtf8 { line, column }
    })
}

/// What tells whether a file changed, whether or not it is there.
pub(super) fn stamp(path: &Path) -> [i64; 4] {
    // The change time cannot be set back, unlike the modification time.
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(path) {
        Ok(meta) => [meta.size() as i64, meta.ctime(), meta.ctime_nsec(), meta.ino() as i64],
        Err(_) => [-1; 4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_count_if_they_are_relative_and_end_inside() {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join("demo");
        fs::create_dir_all(place.join("actions/lib")).unwrap();
        for file in ["secret", "demo/pack.yaml", "demo/actions/run.sh"] {
            fs::write(base.path().join(file), file).unwrap();
        }
        let links = [
            ("actions/again.sh", "run.sh", true),
            ("actions/lib/up.sh", "../run.sh", true),
            ("actions/through", ".", true),
            ("actions/out.sh", "../../secret", false),
            ("actions/absolute.sh", place.join("actions/run.sh").to_str().unwrap(), false),
            ("actions/proc.sh", "/proc/self/environ", false),
            ("out", "..", false),
        ]
        .map(|(link, goal, counts)| {
            symlink(goal, place.join(link)).unwrap();
            (link, counts)
        });
        let pack = PackDir::open(base.path(), "demo").unwrap();
        for (link, counts) in links {
            assert_eq!(pack.look_at(link).is_ok(), counts, "{link}");
            assert_eq!(pack.is_outside(Path::new(link)), !counts, "{link}");
        }
        assert!(matches!(pack.read("actions/out.sh"), Err(ReadError::Outside)));
        assert!(matches!(pack.read("out/secret"), Err(ReadError::Outside)));
        assert!(matches!(pack.read("../secret"), Err(ReadError::Outside)));
        assert!(matches!(pack.read(base.path().join("secret")), Err(ReadError::Outside)));
        assert_eq!(pack.read("actions/through/lib/../again.sh").unwrap(), "demo/actions/run.sh");
        assert_eq!(pack.read(place.join("actions/run.sh")).unwrap(), "demo/actions/run.sh");
        let files = ["actions/again.sh", "actions/lib/up.sh", "actions/run.sh", "pack.yaml"];
        assert_eq!(pack.inventory().unwrap().files, files);
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("demo")).unwrap();
        let pipe = base.path().join("demo/pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let pack = PackDir::open(base.path(), "demo").unwrap();
        assert!(matches!(pack.read("pipe"), Err(ReadError::NotAFile)));
        assert!(matches!(pack.read("."), Err(ReadError::NotAFile)));
    }
}
