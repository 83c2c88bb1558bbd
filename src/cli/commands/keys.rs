//! `st2 key`: the datastore.

use super::objects::{self, DEFAULT_LIMIT, attributes};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{encode, query};
use crate::cli::metafile;
use crate::cli::render::{Format, Look, property};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use crate::pytext;
use serde_json::{Map, Value};

/// `list`.
pub(crate) fn list(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let mut parameters = objects::filters(resource, values);
    parameters.push(("decrypt", values.flag("decrypt").to_string()));
    parameters.push(("scope", values.text("scope").unwrap_or("all").to_owned()));
    let (items, total) = objects::page(session, resource, values, parameters)?;
    let shown = attributes(values, resource.columns);
    let limit = values.int("last").unwrap_or(DEFAULT_LIMIT);
    objects::print_list(session, resource, values, items, &shown)?.note(resource.paged, limit, total);
    Ok(())
}

/// `get`.
pub(crate) fn get(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let parameters = [
        ("decrypt", values.flag("decrypt").to_string()),
        ("scope", values.text("scope").unwrap_or("system").to_owned()),
    ];
    objects::get_with(session, resource, values, &parameters)
}

/// `set`.
pub(crate) fn set(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let name = values.text("name").unwrap_or_default();
    let value = match values.filled("value") {
        Some(value) => value.to_owned(),
        None => console::ask("Please insert value for key: ")
            .ok_or_else(|| Failure::new("EOF when reading a line"))?,
    };
    let mut body = Map::new();
    body.insert("name".into(), name.into());
    body.insert("scope".into(), values.text("scope").unwrap_or("system").into());
    body.insert("user".into(), values.text("user").map_or(Value::Null, Value::from));
    body.insert("value".into(), value.into());
    for flag in ["secret", "encrypted"] {
        if values.flag(flag) {
            body.insert(flag.into(), true.into());
        }
    }
    if let Some(ttl) = values.int("ttl").filter(|ttl| *ttl != 0) {
        body.insert("ttl".into(), ttl.into());
    }
    let stored = session.client.put(&format!("/keys/{}", encode(name)), &Value::Object(body))?.json()?;
    let shown: Vec<String> = ["name", "value", "scope", "expire_timestamp"].map(str::to_owned).into();
    objects::print_object(&stored, &shown, property::ORDER, Format::of(values));
    Ok(())
}

/// `delete`.
pub(crate) fn delete(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let name = values.text("name").unwrap_or_default();
    let mut parameters = vec![("scope", values.text("scope").unwrap_or("system").to_owned())];
    if let Some(user) = values.text("user") {
        parameters.push(("user", user.to_owned()));
    }
    if objects::find(session, resource, name, &parameters)?.is_none() {
        objects::print_missing(resource, name);
        return Err(Failure::silent(2));
    }
    session.client.delete(&format!("/keys/{}?{}", encode(name), query(&parameters)), None)?;
    objects::say_deleted(name);
    Ok(())
}

/// `delete_by_prefix`.
pub(crate) fn delete_by_prefix(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let prefix = values.text("prefix").unwrap_or_default();
    let (items, _) = session.client.list(&format!("/keys?{}", query(&[("prefix", prefix)])))?;
    let mut deleted = Vec::new();
    for item in &items {
        let name = item["name"].as_str().unwrap_or_default();
        session.client.delete(&format!("/keys/{}", encode(name)), None)?;
        deleted.push(name);
    }
    console::say(&format!("Deleted {} keys", deleted.len()));
    console::say(&format!("Deleted key ids: {}", deleted.join(", ")));
    Ok(())
}

/// `load`: keys from a file.
pub(crate) fn load(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let path = metafile::absolute(values.text("file").unwrap_or_default());
    let entries = match metafile::load(&path).map_err(Failure::new)? {
        Value::Array(entries) => entries,
        Value::Null => vec![],
        entry => vec![entry],
    };
    let mut loaded = Vec::new();
    for entry in &entries {
        let key = key_of(entry, values.flag("convert")).map_err(Failure::new)?;
        let path = format!("/keys/{}", encode(&pytext::str(&key["name"])));
        session.client.put(&path, &key)?;
        loaded.push(key);
    }
    if loaded.is_empty() {
        console::say("No matching items found");
        return Ok(());
    }
    let columns: Vec<String> = ["name", "value", "secret", "scope", "user", "ttl"].map(str::to_owned).into();
    objects::print_rows(&loaded, &columns, &[], Format::of(values), &Look::PLAIN);
    Ok(())
}

/// What is sent for one entry of a file.
fn key_of(entry: &Value, convert: bool) -> Result<Value, String> {
    let needed = |name: &str| entry.get(name).cloned().ok_or_else(|| format!("'{name}'"));
    let (name, mut value) = (needed("name")?, needed("value")?);
    if !value.is_string() {
        if !convert {
            return Err(format!(
                "Item '{}' has a value that is not a string. Either pass in the -c/--convert option to convert non-string types to JSON strings automatically, or convert the data to a string in the file",
                pytext::str(&name)
            ));
        }
        value = pytext::json_dumps(&value).into();
    }
    let mut key = Map::new();
    key.insert("name".into(), name);
    key.insert("value".into(), value);
    key.insert("scope".into(), entry.get("scope").cloned().unwrap_or_else(|| "system".into()));
    for option in ["user", "encrypted", "secret", "ttl"] {
        let set = |value: &&Value| !matches!(value, Value::Null | Value::Bool(false));
        if let Some(value) = entry.get(option).filter(set) {
            key.insert(option.into(), value.clone());
        }
    }
    Ok(Value::Object(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn entries_become_keys() {
        let key =
            key_of(&json!({"name": "a", "value": {"x": 1}, "secret": true, "ttl": null}), true).unwrap();
        assert_eq!(key, json!({"name": "a", "value": "{\"x\": 1}", "scope": "system", "secret": true}));
        assert!(key_of(&json!({"name": "a", "value": 1}), false).unwrap_err().contains("-c/--convert"));
        assert_eq!(key_of(&json!({"value": "1"}), false).unwrap_err(), "'name'");
    }
}
