//! The datastore as one rendering sees it: what it reads it reads once, and it never changes.
//!
//! A template that asks while the database is away gets an error, as it must go on or end; whoever renders asks
//! afterwards whether that was so ([`Lookups::checked`]), and does not take what was rendered for an answer.

use super::{Datastore, Error, references};
use crate::{
    clock,
    expr::jinja,
    model::{KeyName, KeyValue},
    store::{self, patiently},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use tokio::runtime::Handle;

/// Keys read ahead; with more, the others are read when they are asked for.
const READ_AHEAD: usize = 1000;

/// What templates see of the datastore.
pub struct Lookups {
    datastore: Datastore,
    user: String,
    /// What was read; an absent key is `None`.
    known: Mutex<HashMap<KeyName, Option<String>>>,
    /// Waits while the database is away.
    is_patient: bool,
    /// Why a key could not be read although it may be later.
    away: Mutex<Option<store::Error>>,
    runtime: Handle,
}

impl Lookups {
    /// Reads what `templates` name plainly.
    pub(super) async fn read<'a>(
        datastore: &Datastore,
        user: &str,
        templates: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut known = HashMap::new();
        for template in templates {
            for key in references::keys(template, user) {
                if known.len() < READ_AHEAD && is_possible(&key) {
                    known.insert(key, None);
                }
            }
        }
        if !known.is_empty() {
            let keys: Vec<KeyName> = known.keys().cloned().collect();
            for entry in store::keys::find_many(datastore.store.pool(), &keys, clock::now()).await? {
                known.insert(entry.key, Some(entry.value));
            }
        }
        Ok(Self {
            datastore: datastore.clone(),
            user: user.to_owned(),
            known: Mutex::new(known),
            is_patient: false,
            away: Mutex::new(None),
            runtime: Handle::current(),
        })
    }

    /// The same; what is read from now on is waited for while the database is away.
    pub(super) fn patient(self) -> Self {
        Self { is_patient: true, ..self }
    }

    async fn find(&self, key: &KeyName) -> Result<Option<KeyValue>, Error> {
        if self.is_patient {
            patiently("a template", || self.datastore.find(key)).await
        } else {
            self.datastore.find(key).await
        }
    }

    /// What was rendered with these, unless the database was away meanwhile.
    ///
    /// # Errors
    /// It was: the rendering means nothing, and may be repeated.
    pub fn checked<T>(&self, rendered: T) -> store::Result<T> {
        match self.away.lock().take() {
            Some(error) => Err(error),
            None => Ok(rendered),
        }
    }

    fn value(&self, key: KeyName) -> Result<Option<String>, String> {
        if let Some(value) = self.known.lock().get(&key) {
            return Ok(value.clone());
        }
        if !is_possible(&key) {
            return Ok(None);
        }
        let found = self.runtime.block_on(self.find(&key)).map_err(|error| {
            let message = error.to_string();
            if let Error::Store(error) = error
                && error.is_unavailable()
            {
                *self.away.lock() = Some(error);
            }
            message
        })?;
        let value = found.map(|entry| entry.value);
        self.known.lock().insert(key, value.clone());
        Ok(value)
    }
}

/// The database takes no NUL, so no key has one.
fn is_possible(key: &KeyName) -> bool {
    !key.name.contains('\0') && !key.owner.contains('\0')
}

impl std::fmt::Debug for Lookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_struct("Lookups").field("user", &self.user).finish_non_exhaustive()
    }
}

impl jinja::Datastore for Lookups {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        self.value(KeyName::system(key))
    }

    fn user(&self, key: &str) -> Result<Option<String>, String> {
        self.value(KeyName::user(self.user.clone(), key))
    }

    fn decrypt(&self, value: &str) -> Result<String, String> {
        match self.datastore.decrypt_text("", value) {
            Ok(text) => Ok(text),
            Err(Error::NoKey { path, .. }) => {
                Err(format!("[Errno 2] No such file or directory: '{}'", path.display()))
            }
            Err(Error::Undecryptable { cause, .. }) => Err(cause.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// All texts inside a value.
pub fn texts_of(value: &Value) -> Vec<&str> {
    let mut texts = Vec::new();
    collect(value, &mut texts);
    texts
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.push(name);
                collect(value, texts);
            }
        }
        _ => {}
    }
}
