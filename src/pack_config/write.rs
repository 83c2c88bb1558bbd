//! Configuring a pack: the row and the file say the same, or neither changes.

use crate::{
    config::Config,
    model::PackConfig,
    store::{self, Store},
    yaml,
};
use serde_json::Value;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Mode of a file nobody made before: secrets may be in it.
const MODE: u32 = 0o640;

/// Why a pack could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file cannot be written.
    #[error("Cannot write {}: {cause}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The file with a pack's configuration.
pub fn file(config: &Config, pack: &str) -> PathBuf {
    config.configs_dir().join(format!("{pack}.yaml"))
}

/// Writes a configuration to its row and its file.
///
/// # Errors
/// [`WriteError`]; row and file are then as before.
pub async fn replace(store: &Store, file: &Path, config: &PackConfig) -> Result<(), WriteError> {
    let mut tx = store.begin().await?;
    // The row first: it makes a second request for the same pack wait until the file is written.
    store::configs::upsert(&mut tx, std::slice::from_ref(config)).await?;
    let text = yaml::dump(&Value::Object(config.values.clone()));
    let before = beside(file, move |file| exchange(file, Some(text.as_bytes()))).await?;
    if let Err(error) = tx.commit().await {
        beside(file, move |file| exchange(file, before.as_deref())).await?;
        return Err(error.into());
    }
    Ok(())
}

async fn beside<T: Send + 'static>(
    file: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, WriteError> {
    let path = file.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    let done = done.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    done.map_err(|cause| WriteError::File { path: file.to_owned(), cause })
}

/// Puts `text` into a file, or removes it, and returns what was there.
fn exchange(file: &Path, text: Option<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    let before = match fs::read(file) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some(text) = text else {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(before),
        };
    };
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    // Where a link leads is what people edit.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mode = fs::metadata(file).map_or(MODE, |known| known.permissions().mode() & 0o777);
    let draft = file.with_extension(format!("yaml.{}", std::process::id()));
    let mut open = OpenOptions::new();
    let mut draft_file = open.write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    let written = draft_file.write_all(text).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.map(|()| before)
}
