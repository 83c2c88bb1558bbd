//! Values from the datastore: `st2kv.system.a.b` looks up the key `a` and then the key `a.b`.
//!
//! Nothing here reaches a database. Who renders hands in a [`Datastore`] that answers for keys.

use std::sync::Arc;

use super::{Filter, Table};
use crate::expr::jinja::{
    args::{Bound, Signature},
    budget::Budget,
    error::{Class, Error, Result},
    render::Run,
    value::{Object, Value},
};

/// What knows the values of keys.
pub trait Datastore: Send + Sync {
    /// The value of a key of the system; an absent key is `None`.
    ///
    /// # Errors
    /// Why the value may not be seen.
    fn system(&self, key: &str) -> std::result::Result<Option<String>, String>;

    /// The value of a key of the user who renders; an absent key is `None`.
    ///
    /// # Errors
    /// Why the value may not be seen.
    fn user(&self, key: &str) -> std::result::Result<Option<String>, String>;

    /// The text an encrypted value hides.
    ///
    /// # Errors
    /// Why it cannot be decrypted.
    fn decrypt(&self, value: &str) -> std::result::Result<String, String>;
}

/// A datastore without keys: for what asks for none, or shall find none.
#[derive(Clone, Copy, Debug)]
pub struct NoDatastore;

impl Datastore for NoDatastore {
    fn system(&self, _key: &str) -> std::result::Result<Option<String>, String> {
        Ok(None)
    }

    fn user(&self, _key: &str) -> std::result::Result<Option<String>, String> {
        Ok(None)
    }

    fn decrypt(&self, _value: &str) -> std::result::Result<String, String> {
        Err("There is no datastore to decrypt values of.".to_owned())
    }
}

/// The value templates know as `st2kv`: a dictionary of both scopes.
pub fn st2kv(datastore: &Arc<dyn Datastore>) -> Value {
    [("system", st2kv_system(datastore)), ("user", lookup(datastore, false))].into_iter().collect()
}

/// The keys of the system alone: what older templates know as `system`.
pub fn st2kv_system(datastore: &Arc<dyn Datastore>) -> Value {
    lookup(datastore, true)
}

fn lookup(datastore: &Arc<dyn Datastore>, is_system: bool) -> Value {
    Value::object(Lookup { datastore: datastore.clone(), is_system, found: None })
}

pub(super) const FILTERS: Table =
    &[("decrypt_kv", Filter::new(Signature::new("decrypt_kv", 1, &["value"]), decrypt_kv))];

/// A scope, or a key in it.
struct Lookup {
    datastore: Arc<dyn Datastore>,
    is_system: bool,
    /// The key so far and its value; nothing for the scope itself.
    found: Option<(String, String)>,
}

impl Lookup {
    fn text(&self) -> Result<&str> {
        match &self.found {
            Some((_, value)) => Ok(value),
            None => Err(Error::new(Class::KeyError, "''")),
        }
    }

    fn inner(&self, name: &str) -> Result<Value> {
        let key = match &self.found {
            Some((key, _)) => format!("{key}.{name}"),
            None => name.to_owned(),
        };
        let value = if self.is_system { self.datastore.system(&key) } else { self.datastore.user(&key) };
        let value = value.map_err(|message| Error::new(Class::Exception, message))?.unwrap_or_default();
        let found = Some((key, value));
        Ok(Value::object(Self { datastore: self.datastore.clone(), is_system: self.is_system, found }))
    }
}

impl Object for Lookup {
    fn type_name(&self) -> &'static str {
        if self.is_system { "KeyValueLookup" } else { "UserKeyValueLookup" }
    }

    fn described(&self) -> String {
        format!("st2common.services.keyvalues.{} object", self.type_name())
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok(format!("<st2common.services.keyvalues.{} object at 0x7f0000000000>", self.type_name()))
    }

    fn str(&self, _budget: &mut Budget) -> Result<String> {
        self.text().map(ToOwned::to_owned)
    }

    fn attribute(&self, name: &str, run: &mut Run) -> Result<Option<Value>> {
        // Every look-up may be a query.
        run.budget.pay(100)?;
        if name.starts_with("__") {
            return Ok(None);
        }
        self.inner(name).map(Some)
    }

    fn item(&self, key: &Value, run: &mut Run) -> Result<Option<Value>> {
        run.budget.pay(100)?;
        let key = run.text(key)?;
        self.inner(&key).map(Some)
    }

    fn is_iterator(&self) -> bool {
        // It can be subscribed with any number, so Python walks over it for ever.
        true
    }

    fn next(&self, _run: &mut Run) -> Result<Option<Value>> {
        Err(Error::limit("a value of the datastore has no items; its text is `| string`"))
    }

    fn length(&self, _run: &mut Run) -> Result<Option<usize>> {
        Err(Error::of_type(format!("object of type '{}' has no len()", self.type_name())))
    }

    fn is_true(&self, _run: &mut Run) -> Result<bool> {
        Ok(true)
    }

    fn number(&self, _budget: &mut Budget) -> Option<Result<f64>> {
        if !self.is_system {
            return None;
        }
        Some(self.text().and_then(|text| crate::pytext::float(text).map_err(Error::of_value)))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

fn decrypt_kv(_run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let lookup = match &value {
        Value::Object(object) => object.as_any().and_then(|object| object.downcast_ref::<Lookup>()),
        _ => None,
    };
    let Some(lookup) = lookup else {
        // Only a look-up knows the datastore whose key encrypts.
        return Err(Error::new(Class::FileNotFoundError, "there is no key to decrypt this value with"));
    };
    let text = lookup.text()?;
    if text.is_empty() {
        let scope = if lookup.is_system { "system" } else { "user" };
        let key = lookup.found.as_ref().map_or("", |(key, _)| key);
        return Err(Error::of_value(format!(
            "Referenced datastore item \"st2kv.{scope}.{key}\" doesn't exist or it contains an empty string"
        )));
    }
    let plain = lookup.datastore.decrypt(text).map_err(|message| Error::new(Class::Exception, message))?;
    Ok(Value::str(plain))
}
