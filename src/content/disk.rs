//! Packs on disk: where they are, which files they have, and reading one without ever leaving its pack.
//!
//! A pack's own directory may be a link, as people have them while they write a pack. Inside, a link counts only if
//! it ends inside.

use super::shipped;
use crate::config::Config;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
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
    /// Where it really is: what nothing may leave.
    root: PathBuf,
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
    /// Larger than [`METADATA_MAX_BYTES`].
    #[error("is larger than {METADATA_MAX_BYTES} bytes")]
    TooLarge,
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
    Io(#[from] io::Error),
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
        let root = fs::canonicalize(&path)?;
        Ok(Self { name: name.to_owned(), path, root })
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

    /// Where a path relative to the pack really is.
    ///
    /// # Errors
    /// It is not there, or not inside the pack.
    pub fn resolve(&self, relative: impl AsRef<Path>) -> Result<PathBuf, ReadError> {
        let real = fs::canonicalize(self.root.join(relative))?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(ReadError::Outside) }
    }

    /// Does a path relative to the pack end outside of it? One that is not there is judged by its name.
    pub(super) fn is_outside(&self, relative: &Path) -> bool {
        match self.resolve(relative) {
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
        read_text(&self.resolve(relative)?)
    }

    /// Names of the metadata files of `folder`, sorted: what ends in `.yaml`, `.yml` or `.json`.
    pub(super) fn metadata_files(&self, folder: &str) -> Result<Vec<String>, ReadError> {
        let directory = match self.resolve(folder) {
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            directory => directory?,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
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
        self.walk(&self.root, String::new(), 0, &mut found)?;
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

    fn walk(
        &self,
        directory: &Path,
        prefix: String,
        depth: usize,
        found: &mut Vec<(String, Metadata)>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if found.len() >= FILES_MAX {
                return Err(io::Error::other(format!("more than {FILES_MAX} files")));
            }
            let kind = entry.file_type()?;
            let relative = format!("{prefix}{name}");
            if kind.is_dir() {
                if name != ".git" && depth < DEPTH_MAX {
                    self.walk(&entry.path(), format!("{relative}/"), depth + 1, found)?;
                }
                continue;
            }
            // Files come and go while we look.
            let Ok(path) = self.resolve(&relative) else { continue };
            let Ok(meta) = fs::metadata(path) else { continue };
            if meta.is_file()
                && Path::new(&name).extension().is_none_or(|ending| ending != "pyc")
                && name != shipped::MARKER
            {
                found.push((relative, meta));
            }
        }
        Ok(())
    }
}

/// Reads a file of text, if it is one and not too large.
pub(super) fn read_text(path: &Path) -> Result<String, ReadError> {
    // Before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(METADATA_MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > METADATA_MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
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
    match fs::metadata(path) {
        Ok(meta) => [meta.size() as i64, meta.ctime(), meta.ctime_nsec(), meta.ino() as i64],
        Err(_) => [-1; 4],
    }
}
