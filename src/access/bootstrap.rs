//! The first start: an administrator to log in as, and a key for the command line on this host.

use super::{Error, Result, api_key, password};
use crate::{
    clock,
    model::{ApiKey, ApiKeyId, User, UserId},
    store::{self, Store},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Map;
use std::{
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Name of the administrator the first start makes.
const ADMIN: &str = "st2admin";

/// What the first start made, to be printed once.
#[derive(Clone, Debug)]
pub struct FirstStart {
    /// Whom to log in as.
    pub user: String,
    /// His password.
    pub password: String,
    /// The file that keeps it.
    pub password_file: PathBuf,
    /// The file with the API key that `st2` on this host and user finds by itself.
    pub api_key_file: PathBuf,
}

/// Makes the administrator, if there is no user yet. `None`: there is one.
pub async fn bootstrap(store: &Store, data_dir: &Path) -> Result<Option<FirstStart>> {
    if store::users::exist(store.pool()).await? {
        return Ok(None);
    }
    let mut random = [0; 15];
    getrandom::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    let secret = BASE64_URL_SAFE_NO_PAD.encode(random);
    let key = api_key::generate()?;
    let user = User {
        id: UserId::generate(),
        name: ADMIN.to_owned(),
        is_service: false,
        password_hash: Some(password::hash(secret.clone()).await?),
        nicknames: Map::new(),
    };
    let made = FirstStart {
        user: user.name.clone(),
        password_file: data_dir.join("admin-password"),
        api_key_file: data_dir.join("admin-api-key"),
        password: secret,
    };

    let mut tx = store.begin().await?;
    // Two daemons may start on one new database: the second waits here, and then finds a user.
    store::users::lock(&mut tx).await?;
    if store::users::exist(&mut *tx.conn()).await? {
        return Ok(None);
    }
    store::users::upsert(&mut tx, &user).await?;
    store::api_keys::insert(
        &mut tx,
        &ApiKey {
            id: ApiKeyId::generate(),
            user: user.name,
            key_hash: api_key::hash(&key),
            metadata: Map::new(),
            created_at: clock::now(),
            enabled: true,
        },
    )
    .await?;
    // The files come first: an administrator whose password nobody knows would be worse than a useless file.
    for (path, text) in [(&made.password_file, &made.password), (&made.api_key_file, &key)] {
        write_private(path, text)
            .map_err(|cause| Error::Config(format!("cannot write {}: {cause}", path.display())))?;
    }
    tx.commit().await?;
    Ok(Some(made))
}

/// Writes a file that only its owner can read, whatever was there before.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
