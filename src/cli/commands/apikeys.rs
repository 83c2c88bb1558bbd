//! `st2 apikey list`, `create` and `load`.

use super::objects::{self, attributes};
use crate::cli::args::Matches;
use crate::cli::client::Error;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{encode, query};
use crate::cli::metafile;
use crate::cli::render::{Format, Look};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::{Map, Value, json};

/// `list`.
pub(crate) fn list(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let mut parameters = objects::filters(resource, values);
    if values.flag("show_secrets") {
        parameters.push(("show_secrets", "True".into()));
    }
    let path = format!("/apikeys?{}", query(&parameters));
    let (items, _) = session.client.list(path.trim_end_matches('?'))?;
    let shown =
        if values.flag("detail") { vec!["all".to_owned()] } else { attributes(values, resource.columns) };
    objects::print_list(session, resource, values, items, &shown)?;
    Ok(())
}

/// `create`: the only time the key itself is shown.
pub(crate) fn create(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(user) = values.filled("user") {
        body.insert("user".into(), user.into());
    }
    let filled =
        |value: &&Value| !matches!(value, Value::Null) && value.as_object().is_none_or(|map| !map.is_empty());
    if let Some(metadata) = values.json("metadata").filter(filled) {
        body.insert("metadata".into(), metadata.clone());
    }
    let created = session.client.post("/apikeys", &Value::Object(body)).and_then(|reply| reply.json());
    let key = created.map_err(|error| objects::refused(error.into()))?;
    if values.flag("only_key") {
        console::say(key["key"].as_str().unwrap_or_default());
    } else {
        objects::print_whole(&key, values);
    }
    Ok(())
}

/// `load`: keys from a file, those that exist replaced.
pub(crate) fn load(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let file = values.text("file").unwrap_or_default();
    let entries = match metafile::load(file).map_err(Failure::new)? {
        Value::Array(entries) => entries,
        Value::Null => vec![],
        entry => vec![entry],
    };
    if entries.is_empty() {
        console::say(&format!("No api key found in {file}."));
        return Ok(());
    }
    let mut loaded = Vec::new();
    for entry in &entries {
        loaded.push(load_one(session, entry)?);
    }
    let columns: Vec<String> = ["id", "user", "metadata"].map(str::to_owned).into();
    objects::print_rows(&loaded, &columns, values.ints("width"), Format::of(values), &Look::PLAIN);
    Ok(())
}

fn load_one(session: &mut Session, entry: &Value) -> Result<Value, Failure> {
    let needed = |name: &str| entry.get(name).cloned().ok_or_else(|| Failure::new(format!("'{name}'")));
    let mut body = json!({
        "user": needed("user")?,
        "key_hash": needed("key_hash")?,
        "metadata": entry.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "enabled": entry.get("enabled").cloned().unwrap_or(Value::Bool(false)),
    });
    let Some(id) = entry.get("id") else { return Ok(session.client.post("/apikeys", &body)?.json()?) };
    body["id"] = id.clone();
    let path = format!("/apikeys/{}", encode(&crate::pytext::str(id)));
    match session.client.put(&path, &body) {
        Err(Error::Status { status: 404, .. }) => Ok(session.client.post("/apikeys", &body)?.json()?),
        other => Ok(other?.json()?),
    }
}
