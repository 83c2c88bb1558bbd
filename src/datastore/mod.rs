//! The datastore: entries with their secrets encrypted, and what templates see of them.
//!
//! Every write of an entry goes through [`Datastore::put`] and [`Datastore::delete`], which know what was there before;
//! `engine::trigger::keys` tells of it.
//!
//! Left out: who may read and write what. Without RBAC the rules are few and are the handlers'.

mod key_file;
mod lookups;
mod references;

pub use key_file::{Found, GenerateError, KeyFile, generate};
pub use lookups::{Lookups, texts_of};

use crate::{
    clock,
    config::Config,
    crypto,
    model::{KeyName, KeyValue},
    store::{self, MayBeAway, Store, Tx, keys::Written, patiently},
};
use std::{path::PathBuf, sync::Arc};

/// Why a value could not be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key, or encryption is off.
    #[error("Crypto key not found in {}. Unable to encrypt / decrypt value for key {name}.", path.display())]
    NoKey {
        /// Where it was looked for.
        path: PathBuf,
        /// Name of the entry.
        name: String,
    },
    /// The key file is of no use.
    #[error("Invalid or malformed key file \"{}\": {cause}", path.display())]
    BadKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: crypto::Error,
    },
    /// The key file is there but cannot be read.
    #[error("Cannot read the key file \"{}\": {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A value that came encrypted was not encrypted with our key.
    #[error(
        "Failed to verify the integrity of the provided value for key \"{0}\". Ensure that the value is encrypted with \
         the correct key and not corrupted."
    )]
    NotOurs(String),
    /// A value that is kept cannot be decrypted: the key is another one than it was.
    #[error("Failed to decrypt the value of key \"{name}\": {cause}")]
    Undecryptable {
        /// Name of the entry.
        name: String,
        /// Why.
        #[source]
        cause: crypto::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl MayBeAway for Error {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }
}

/// How a value shall be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// As it is.
    None,
    /// Encrypted here.
    Encrypt,
    /// It comes encrypted, and is checked.
    Encrypted,
}

/// The datastore of this installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Datastore {
    store: Store,
    key_file: Arc<KeyFile>,
    system_user: Arc<str>,
}

impl Datastore {
    /// The datastore over a database. The key is read when it is needed first.
    pub fn new(store: &Store, config: &Config) -> Self {
        Self {
            store: store.clone(),
            key_file: Arc::new(KeyFile::new(config)),
            system_user: config.system_user.name().into(),
        }
    }

    /// The file with the key.
    pub fn key_file(&self) -> &KeyFile {
        &self.key_file
    }

    /// Writes an entry; its value is protected as asked for. The entry comes back as it is kept.
    ///
    /// # Errors
    /// [`Error`]; the entry is unchanged then.
    pub async fn put(
        &self,
        tx: &mut Tx,
        mut entry: KeyValue,
        protection: Protection,
    ) -> Result<(KeyValue, Written), Error> {
        let name = entry.key.reference();
        entry.secret = protection != Protection::None;
        match protection {
            Protection::None => {}
            Protection::Encrypt => entry.value = self.encrypt(&name, &entry.value)?,
            Protection::Encrypted => {
                self.key(&name)?.decrypt(&entry.value).map_err(|_| Error::NotOurs(name))?;
            }
        }
        let written = store::keys::put(tx, &entry, clock::now()).await?;
        entry.id = written.id;
        Ok((entry, written))
    }

    /// Deletes an entry and returns it, if it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete(&self, tx: &mut Tx, key: &KeyName) -> Result<Option<KeyValue>, Error> {
        Ok(store::keys::delete(tx, key, clock::now()).await?)
    }

    /// The entry of a key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, key: &KeyName) -> Result<Option<KeyValue>, Error> {
        Ok(store::keys::find(self.store.pool(), key, clock::now()).await?)
    }

    /// Encrypts a text; `name` is for the message.
    ///
    /// # Errors
    /// There is no key.
    pub fn encrypt(&self, name: &str, text: &str) -> Result<String, Error> {
        let undecryptable = |cause| Error::Undecryptable { name: name.to_owned(), cause };
        self.key(name)?.encrypt(text).map_err(undecryptable)
    }

    /// The text of an entry in clear.
    ///
    /// # Errors
    /// There is no key, or another one.
    pub fn decrypt(&self, entry: &KeyValue) -> Result<String, Error> {
        if !entry.secret {
            return Ok(entry.value.clone());
        }
        self.decrypt_text(&entry.key.reference(), &entry.value)
    }

    /// Decrypts a ciphertext; `name` is for the message.
    ///
    /// # Errors
    /// There is no key, or another one.
    pub fn decrypt_text(&self, name: &str, ciphertext: &str) -> Result<String, Error> {
        let undecryptable = |cause| Error::Undecryptable { name: name.to_owned(), cause };
        self.key(name)?.decrypt(ciphertext).map_err(undecryptable)
    }

    /// What templates see as `st2kv` when they are rendered for `user`, or for the system user.
    ///
    /// Keys that are plainly named in `templates` are read here, in one query; others when a template asks, so the
    /// rendering itself must run where it may block ([`crate::service::compute`]), and what it came to counts only if
    /// [`Lookups::checked`] says so.
    ///
    /// # Errors
    /// The database failed.
    pub async fn for_templates<'a>(
        &self,
        user: Option<&str>,
        templates: impl IntoIterator<Item = &'a str>,
    ) -> Result<Arc<Lookups>, Error> {
        let user = user.filter(|user| !user.is_empty()).unwrap_or(&self.system_user);
        Ok(Arc::new(Lookups::read(self, user, templates).await?))
    }

    /// The same for work in progress: reading waits while the database is away.
    ///
    /// # Errors
    /// The database failed otherwise.
    pub async fn for_work<'a>(
        &self,
        user: Option<&str>,
        templates: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Result<Arc<Lookups>, Error> {
        let user = user.filter(|user| !user.is_empty()).unwrap_or(&self.system_user);
        let lookups = patiently("a template", || Lookups::read(self, user, templates.clone())).await?;
        Ok(Arc::new(lookups.patient()))
    }

    fn key(&self, name: &str) -> Result<Arc<crypto::Key>, Error> {
        self.key_file.read(name)
    }
}
