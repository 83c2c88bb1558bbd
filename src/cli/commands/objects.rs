//! List, get, create, update, delete, enable and disable, for any kind of object.

use crate::cli::args::Matches;
use crate::cli::client::Error;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{encode, query};
use crate::cli::metafile;
use crate::cli::render::{Format, Look, doc, list, property};
use crate::cli::resource::{Key, Order, Resource};
use crate::cli::session::Session;
use serde_json::Value;

/// What the Python client says when there is nothing to show.
const NOTHING: &str = "No matching items found";

/// `list`: a row for each object.
pub(crate) fn list(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let shown = attributes(values, resource.columns);
    list_as(session, resource, values, filters(resource, values), &shown)
}

fn list_as(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
    mut parameters: Vec<(&'static str, String)>,
    attributes: &[String],
) -> Result<(), Failure> {
    let all = attributes.iter().any(|name| name == "all");
    if resource.sparse && !all {
        parameters.push(("include_attributes", attributes.join(",")));
    }
    let (items, total) = page(session, resource, values, parameters)?;
    print_list(session, resource, values, items, attributes)?.note(
        resource.paged,
        limit(resource, values),
        total,
    );
    Ok(())
}

/// The columns of `rule list --iftt`.
const IF_THIS_THEN_THAT: &[&str] = &["ref", "trigger.ref", "action.ref", "enabled"];

/// `rule list`.
pub(crate) fn list_rules(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let shown = if values.flag("iftt") {
        IF_THIS_THEN_THAT.iter().map(|name| (*name).to_owned()).collect()
    } else {
        attributes(values, resource.columns)
    };
    let mut parameters = filters(resource, values);
    if values.flag("disabled") {
        parameters.push(("enabled", "False".into()));
    }
    list_as(session, resource, values, parameters, &shown)
}

/// The attributes asked for, or those that a command shows by itself.
pub(crate) fn attributes(values: &Matches, default: &[&str]) -> Vec<String> {
    match values.texts("attr") {
        [] => default.iter().map(|name| (*name).to_owned()).collect(),
        given => given.to_vec(),
    }
}

/// The filters given on the command line, as parameters of a query.
pub(crate) fn filters(resource: &Resource, values: &Matches) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    for (dest, parameter) in resource.filters {
        if values.flag(dest) {
            parameters.push((*parameter, "True".to_owned()));
        } else if let Some(text) = values.filled(dest) {
            parameters.push((*parameter, text.to_owned()));
        }
    }
    parameters
}

fn limit(resource: &Resource, values: &Matches) -> i64 {
    if resource.paged.is_some() { values.int("last").unwrap_or(DEFAULT_LIMIT) } else { 0 }
}

/// How many objects the lists of ever growing kinds show.
pub(crate) const DEFAULT_LIMIT: i64 = 50;

/// One page of a list, and how many objects there are.
pub(crate) fn page(
    session: &mut Session,
    resource: &Resource,
    values: &Matches,
    mut parameters: Vec<(&'static str, String)>,
) -> Result<(Vec<Value>, Option<i64>), Failure> {
    if resource.paged.is_some() {
        parameters.push(("limit", limit(resource, values).to_string()));
    }
    let path = format!("/{}/?{}", resource.path, query(&parameters));
    Ok(session.client.list(path.trim_end_matches('?'))?)
}

/// A list that has been printed, for the note that may follow.
#[derive(Default)]
pub(crate) struct Printed {
    /// The table; `None` for JSON and YAML, which get no note.
    table: Option<String>,
}

impl Printed {
    /// Says that there is more than was shown, if so.
    pub(crate) fn note(&self, noun: Option<&str>, limit: i64, total: Option<i64>) {
        if let (Some(table), Some(noun), Some(total)) = (&self.table, noun, total)
            && limit > 0
            && total > limit
        {
            console::note(&list::note(noun, limit, table));
        }
    }
}

/// Prints objects in the form asked for, in the order of their kind.
pub(crate) fn print_list(
    session: &Session,
    resource: &Resource,
    values: &Matches,
    mut items: Vec<Value>,
    attributes: &[String],
) -> Result<Printed, Failure> {
    let format = Format::of(values);
    let turned = match resource.order {
        Order::AsSent => false,
        Order::ReversedDocuments => format != Format::Plain,
        Order::Reversed => true,
    };
    if turned {
        items.reverse();
    } else if items.is_empty() {
        console::say(NOTHING);
        return Ok(Printed { table: None });
    }
    let look = Look { zone: zone(session)?, times: resource.times, execution: resource.path == "executions" };
    Ok(print_rows(&items, attributes, values.ints("width"), format, &look))
}

/// Prints objects, also when there are none.
pub(crate) fn print_rows(
    items: &[Value],
    attributes: &[String],
    widths: &[i64],
    format: Format,
    look: &Look,
) -> Printed {
    let table = match format {
        Format::Json => {
            console::say(&doc::json(&doc::pick_all(items, attributes)));
            None
        }
        Format::Yaml => {
            console::say(&doc::yaml(&doc::pick_all(items, attributes)));
            None
        }
        Format::Plain => {
            let table = list::render(items, attributes, widths, look);
            console::say(&table);
            Some(table)
        }
    };
    Printed { table }
}

/// The user's time zone.
pub(crate) fn zone(session: &Session) -> Result<chrono_tz::Tz, Failure> {
    let name = &session.settings.timezone;
    name.parse().map_err(|_| Failure::new(format!("Unknown time zone '{name}' in the configuration")))
}

/// `get`: the attributes of each object named.
pub(crate) fn get(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    get_with(session, resource, values, &[])
}

/// `get`, with parameters for the query.
pub(crate) fn get_with(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
    parameters: &[(&str, String)],
) -> Result<(), Failure> {
    let objects = get_all(session, resource, values.texts(resource.dest), parameters)?;
    let attributes = attributes(values, resource.shown);
    for object in objects {
        print_object(&object, &attributes, resource.first, Format::of(values));
    }
    Ok(())
}

/// The objects with these keys. Missing ones are named; a single one that is missing is an error.
pub(crate) fn get_all(
    session: &mut Session,
    resource: &Resource,
    keys: &[String],
    parameters: &[(&str, String)],
) -> Result<Vec<Value>, Failure> {
    let mut objects = Vec::new();
    for key in keys {
        if let Some(object) = find(session, resource, key, parameters)? {
            objects.push(object);
            continue;
        }
        print_missing(resource, key);
        if keys.len() == 1 {
            return Err(Failure::new(format!("Resource {key} not found.")));
        }
    }
    Ok(objects)
}

/// One object by its path. An answer that the key is no good counts as "not there".
pub(crate) fn find(
    session: &mut Session,
    resource: &Resource,
    key: &str,
    parameters: &[(&str, String)],
) -> Result<Option<Value>, Failure> {
    let mut path = format!("/{}/{}", resource.path, encode(key));
    if !parameters.is_empty() {
        path = format!("{path}?{}", query(parameters));
    }
    match session.client.find(&path) {
        Ok(found) => Ok(found.filter(|object| !object.is_null())),
        // Only those who may not look are told so.
        Err(Error::Status { status, .. }) if (400..500).contains(&status) && !matches!(status, 401 | 403) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints the attributes of one object.
pub(crate) fn print_object(object: &Value, attributes: &[String], first: &[&str], format: Format) {
    match format {
        Format::Json => console::say(&doc::json(&doc::pick(object, attributes))),
        Format::Yaml => console::say(&doc::yaml(&doc::pick(object, attributes))),
        Format::Plain => console::say(&property::render(object, attributes, first, &Look::PLAIN)),
    }
}

/// Prints everything about one object.
pub(crate) fn print_whole(object: &Value, values: &Matches) {
    print_object(object, &[], property::ORDER, Format::of(values));
}

/// `<Kind> "<key>" is not found.`
pub(crate) fn print_missing(resource: &Resource, key: &str) {
    console::say(&format!("{} \"{key}\" is not found.\n", resource.name));
}

/// The object that `update`, `delete`, `enable` and `disable` are about; `None` if there is none.
pub(crate) fn target(
    session: &mut Session,
    resource: &Resource,
    key: &str,
) -> Result<Option<Value>, Failure> {
    if resource.key == Key::NameOrId {
        let path = format!("/{}/?{}", resource.path, query(&[("name", key)]));
        let (mut named, _) = session.client.list(&path)?;
        match named.len() {
            0 => {}
            1 => return Ok(named.pop()),
            _ => {
                let kind = resource.name.replace(' ', "").to_lowercase();
                return Err(Failure::new(format!("More than one {kind} named \"{key}\" are found.")));
            }
        }
    }
    find(session, resource, key, &[])
}

/// That there is no such object, as `update`, `enable` and `disable` say it.
pub(crate) fn missing(resource: &Resource, key: &str) -> Failure {
    let by = match resource.key {
        Key::RefOrId => "id or reference",
        Key::NameOrId => "id or name",
        Key::Id => "id",
    };
    Failure::new(format!("Resource with {by} \"{key}\" doesn't exist."))
}

/// `create`: an object from a file. Whatever goes wrong, the exit code is 2.
pub(crate) fn create(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let path = format!("/{}", resource.path);
    let created = metafile::load(values.text("file").unwrap_or_default())
        .map_err(Failure::new)
        .and_then(|body| Ok(session.client.post(&path, &body)?.json()?));
    match created {
        Ok(object) => {
            print_whole(&object, values);
            Ok(())
        }
        Err(failure) => Err(refused(failure)),
    }
}

/// An error of an operation: told without the blank line, exit code 2.
pub(crate) fn refused(failure: Failure) -> Failure {
    if let Some(message) = failure.message {
        console::say(&format!("ERROR: {message}"));
    }
    Failure::silent(2)
}

/// `update`: an object replaced by a file's.
pub(crate) fn update(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let key = values.text(resource.dest).unwrap_or_default();
    let Some(object) = target(session, resource, key)? else { return Err(missing(resource, key)) };
    let mut body = metafile::load(values.text("file").unwrap_or_default()).map_err(Failure::new)?;
    let id = object["id"].clone();
    match body.get("id").filter(|id| !id.is_null()) {
        None => {
            if let Some(map) = body.as_object_mut() {
                map.insert("id".into(), id.clone());
            }
        }
        Some(given) if *given != id => {
            return Err(Failure::new(format!(
                "The value for the {} id in the JSON/YAML file does not match the ID provided in the command line arguments.",
                resource.name.to_lowercase()
            )));
        }
        Some(_) => {}
    }
    replace(session, resource, &body, values)
}

fn replace(
    session: &mut Session,
    resource: &Resource,
    body: &Value,
    values: &Matches,
) -> Result<(), Failure> {
    let path = format!("/{}/{}", resource.path, encode(body["id"].as_str().unwrap_or_default()));
    let updated = session.client.put(&path, body)?.json()?;
    print_whole(&updated, values);
    Ok(())
}

/// `enable`.
pub(crate) fn enable(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    switch(session, resource, values, true)
}

/// `disable`.
pub(crate) fn disable(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    switch(session, resource, values, false)
}

fn switch(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
    on: bool,
) -> Result<(), Failure> {
    let key = values.text(resource.dest).unwrap_or_default();
    let Some(mut object) = target(session, resource, key)? else { return Err(missing(resource, key)) };
    if let Some(map) = object.as_object_mut() {
        map.shift_remove("ref");
        map.insert("enabled".into(), Value::Bool(on));
    }
    replace(session, resource, &object, values)
}

/// `delete`.
pub(crate) fn delete(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let key = values.text(resource.dest).unwrap_or_default();
    let Some(object) = target(session, resource, key)? else {
        print_missing(resource, key);
        return Err(Failure::silent(2));
    };
    let path = format!("/{}/{}", resource.path, encode(object["id"].as_str().unwrap_or(key)));
    session.client.delete(&path, None)?;
    say_deleted(key);
    Ok(())
}

/// That an object is gone.
pub(crate) fn say_deleted(key: &str) {
    console::say(&format!("Resource with id \"{key}\" has been successfully deleted."));
}

/// `clone`, which only actions have; the Python client lists it everywhere.
pub(crate) fn clone(session: &mut Session, _: &'static Resource, _: &Matches) -> Result<(), Failure> {
    let noun = session.path.get(1).map_or("", |command| command.name);
    Err(Failure::new(format!("clone '{noun}' is not implemented.")))
}
