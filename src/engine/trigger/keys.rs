//! Keys of the datastore, with the events about them: an entry and its event are stored together.

use super::happened;
use crate::{
    datastore::{self, Protection},
    engine::Engine,
    model::{KeyName, KeyValue},
    store::{self, Tx},
    wire,
};
use serde_json::{Value, json};

/// Why an entry could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its value cannot be protected.
    #[error(transparent)]
    Datastore(datastore::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<datastore::Error> for Error {
    fn from(error: datastore::Error) -> Self {
        match error {
            datastore::Error::Store(error) => Self::Store(error),
            other => Self::Datastore(other),
        }
    }
}

/// Writes an entry, and that it was written. It comes back as it is kept.
///
/// # Errors
/// [`Error`]; the entry is unchanged then.
pub async fn put(
    engine: &Engine,
    tx: &mut Tx,
    entry: KeyValue,
    protection: Protection,
) -> Result<KeyValue, Error> {
    let (entry, written) = engine.datastore().put(tx, entry, protection).await?;
    let Some(before) = written.before else {
        happened(engine, tx, "core.st2.key_value_pair.create", json!({"object": shown(&entry)})).await?;
        return Ok(entry);
    };
    happened(engine, tx, "core.st2.key_value_pair.update", json!({"object": shown(&entry)})).await?;
    // As they are kept: a secret that is written again has another ciphertext.
    if before.value != entry.value {
        let change = json!({"old_object": shown(&before), "new_object": shown(&entry)});
        happened(engine, tx, "core.st2.key_value_pair.value_change", change).await?;
    }
    Ok(entry)
}

/// Deletes an entry, and says that it was. It comes back, if it was there.
///
/// # Errors
/// The database failed.
pub async fn delete(engine: &Engine, tx: &mut Tx, key: &KeyName) -> Result<Option<KeyValue>, Error> {
    let deleted = engine.datastore().delete(tx, key).await?;
    if let Some(entry) = &deleted {
        happened(engine, tx, "core.st2.key_value_pair.delete", json!({"object": shown(entry)})).await?;
    }
    Ok(deleted)
}

/// As clients see it who do not ask for secrets.
fn shown(entry: &KeyValue) -> Value {
    Value::Object(wire::key_value::value(entry, None))
}
