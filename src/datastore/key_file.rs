//! The file with the key that encrypts secrets.
//!
//! The first daemon of an installation makes it. It lies beside the database, not in it: a copy of the database opens
//! nothing. What the database has is a mark of the key, so that a node with another key, or with none, is told so when
//! it starts, and not by values nobody can read.

use super::Error;
use crate::{
    config::Config,
    crypto::Key,
    store::{self, Store},
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Name of the key's mark among the secrets of the installation.
const MARK: &str = "datastore_key_mark";

/// Where the key is.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    /// Nobody named it: we may make it.
    is_ours: bool,
    /// Secrets may be kept at all.
    enabled: bool,
    /// As it was read first. A file that was missing may come later.
    key: Mutex<Option<Arc<Key>>>,
}

/// What a start found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was none yet, and it was made.
    Made,
    /// It is the one the installation knows.
    Known,
    /// It is not there, or of no use; secrets cannot be kept nor read until it is.
    Missing,
    /// It is another one than what secrets were encrypted with.
    Foreign,
    /// Encryption is switched off.
    Off,
}

impl KeyFile {
    pub(super) fn new(config: &Config) -> Self {
        let configured = &config.keyvalue.encryption_key_path;
        let is_ours = configured.as_os_str().is_empty();
        let path = if is_ours { config.data_dir.join("keys/datastore_key.json") } else { configured.clone() };
        Self { path, is_ours, enabled: config.keyvalue.enable_encryption, key: Mutex::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self, name: &str) -> Result<Arc<Key>, Error> {
        let mut known = self.key.lock();
        if let Some(key) = &*known {
            return Ok(Arc::clone(key));
        }
        let path = || self.path.clone();
        let missing = || Error::NoKey { path: path(), name: name.to_owned() };
        if !self.enabled {
            return Err(missing());
        }
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(cause) => return Err(Error::Unreadable { path: path(), cause }),
        };
        let key = Key::parse(&text).map_err(|cause| Error::BadKey { path: path(), cause })?;
        Ok(Arc::clone(known.insert(Arc::new(key))))
    }

    /// Makes the directory, readable by its owner only, and the file.
    fn make(&self) -> io::Result<()> {
        let key = Key::generate().map_err(io::Error::other)?;
        if let Some(parent) = self.path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        replace(&self.path, &key)
    }

    /// What a start does: makes the key of a new installation, and compares the one that is there with what the
    /// installation knows. Whatever is wrong is logged here, once; it stops nothing but secrets.
    ///
    /// # Errors
    /// The database failed.
    pub async fn prepare(&self, store: &Store) -> Result<Found, Error> {
        if !self.enabled {
            return Ok(Found::Off);
        }
        let mut tx = store.begin().await?;
        // Two daemons may start on one new database: the second waits here, and finds the mark of the first.
        store::users::lock(&mut tx).await?;
        let known = store::secrets::find(&mut *tx.conn(), MARK).await?;
        let mut made = false;
        if self.is_ours && known.is_none() && !self.path.exists() {
            match self.make() {
                Ok(()) => made = true,
                Err(error) => {
                    tracing::error!("Cannot make the datastore key {}: {error}", self.path.display());
                }
            }
        }
        let key = match self.read("") {
            Ok(key) => key,
            Err(Error::NoKey { path, .. }) => {
                tracing::warn!(
                    "There is no datastore key in {}: secrets cannot be stored nor read. Copy the file there from \
                     another node of this installation, or from a backup",
                    path.display()
                );
                return Ok(Found::Missing);
            }
            Err(error) => {
                tracing::error!("{error}: secrets cannot be stored nor read");
                return Ok(Found::Missing);
            }
        };
        let mark = mark_of(&key);
        if known.as_deref() == Some(&mark[..]) {
            return Ok(Found::Known);
        }
        if known.is_some() && store::keys::has_secrets(&mut *tx.conn()).await? {
            tracing::error!(
                "The datastore key in {} is not the one the secrets of this installation were encrypted with: they \
                 cannot be read. Put the right file there and restart",
                self.path.display()
            );
            return Ok(Found::Foreign);
        }
        store::secrets::set(&mut tx, MARK, &mark).await?;
        tx.commit().await?;
        Ok(if made { Found::Made } else { Found::Known })
    }
}

/// Tells keys apart, and tells nothing about them.
fn mark_of(key: &Key) -> [u8; 32] {
    let (aes, hmac) = key.bytes();
    Sha256::new()
        .chain_update("mark of the datastore key")
        .chain_update(aes)
        .chain_update(hmac)
        .finalize()
        .into()
}

/// Why [`generate`] made no key file.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The directory is missing, or cannot be written to.
    #[error("Directory {} is not writable: {cause}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Another key would be lost, and with it what it encrypted.
    #[error("File {} already exists. Use --force to overwrite it; what it encrypted is lost then", .0.display())]
    Exists(PathBuf),
    /// No random numbers.
    #[error(transparent)]
    Crypto(#[from] crate::crypto::Error),
}

/// Makes a key file, as `st2-generate-symmetric-crypto-key` does.
///
/// # Errors
/// [`GenerateError`].
pub fn generate(path: &Path, overwrite: bool) -> Result<(), GenerateError> {
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(GenerateError::Exists(path.to_owned()));
    }
    let key = Key::generate()?;
    let directory = || path.parent().unwrap_or(Path::new("/")).to_owned();
    replace(path, &key).map_err(|cause| GenerateError::Directory { path: directory(), cause })
}

/// Writes beside and renames: a file is whole or not there.
fn replace(path: &Path, key: &Key) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let written = file.write_all(key.to_json().as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_private_and_not_lost_by_accident() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.json");
        generate(&path, false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let first = fs::read_to_string(&path).unwrap();
        assert!(matches!(generate(&path, false), Err(GenerateError::Exists(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        generate(&path, true).unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), first);
        let nowhere = directory.path().join("none/key.json");
        assert!(matches!(generate(&nowhere, false), Err(GenerateError::Directory { .. })));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_comes_later_is_found_and_a_broken_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.keyvalue.encryption_key_path = directory.path().join("key.json");
        let file = KeyFile::new(&config);
        let missing = file.read("k").unwrap_err().to_string();
        let path = file.path().display().to_string();
        assert_eq!(
            missing,
            format!("Crypto key not found in {path}. Unable to encrypt / decrypt value for key k.")
        );
        fs::write(file.path(), "{}").unwrap();
        let broken = file.read("k").unwrap_err().to_string();
        assert_eq!(broken, format!("Invalid or malformed key file \"{path}\": 'aesKeyString'"));
        generate(file.path(), true).unwrap();
        file.read("k").unwrap();
    }
}
