//! Passwords this daemon keeps: Argon2id, computed off the request threads and a few at a time.

use super::{Error, Result};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// Hashes computed at the same time: one takes some 20 MB and tens of milliseconds.
pub(super) const AT_ONCE: usize = 2;

/// Compared against when there is no such user, so that the answer takes as long as for one who exists.
static NOBODY: LazyLock<String> = LazyLock::new(|| compute("nobody").unwrap_or_default());

fn compute(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::Hashing(error.to_string()))
}

fn compare(password: &str, hash: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

/// Hashes a password for keeping.
pub(super) async fn hash(password: String) -> Result<String> {
    tokio::task::spawn_blocking(move || compute(&password))
        .await
        .map_err(|error| Error::Hashing(error.to_string()))?
}

/// Whether `password` is the one behind `hash`; with no hash, takes as long and says no.
pub(super) async fn verify(limit: &Arc<Semaphore>, password: String, hash: Option<String>) -> bool {
    in_turn(limit, move || {
        let known = hash.is_some();
        compare(&password, hash.as_deref().unwrap_or(&NOBODY)) && known
    })
    .await
}

/// Checks a password off the request threads, when it is its turn.
pub(super) async fn in_turn(limit: &Arc<Semaphore>, check: impl FnOnce() -> bool + Send + 'static) -> bool {
    // A closed semaphore would mean the door is gone; nobody closes it.
    let Ok(_turn) = Arc::clone(limit).acquire_owned().await else { return false };
    tokio::task::spawn_blocking(check).await.unwrap_or(false)
}
