//! Commands around triggers with ways of their own: `getspecs`, `re-emit`, `webhook list`.

use super::objects::{self, attributes};
use crate::cli::args::{Matches, command_help};
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{encode, query};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::Value;

/// `st2 trigger getspecs`: the triggers made of a trigger type, with their parameters.
pub(crate) fn specs(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    if values.flag("help") {
        console::show(&command_help(&session.path));
        return Ok(());
    }
    let path = format!("/triggers/?{}", query(&[("type", values.text("ref").unwrap_or("None"))]));
    let (items, _) = session.client.list(&path)?;
    objects::print_list(session, resource, values, items, &[])?;
    Ok(())
}

/// `st2 trigger-instance re-emit`: lets the rules see it again.
pub(crate) fn reemit(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    if values.flag("help") {
        console::show(&command_help(&session.path));
        return Ok(());
    }
    let id = values.text("id").unwrap_or("None");
    let path = format!("/triggerinstances/{}/re_emit", encode(id));
    let answer = session.client.post(&path, &Value::Null)?.json()?;
    if let Some(message) = answer["message"].as_str() {
        console::say(message);
    }
    Ok(())
}

/// `st2 webhook list`: by URL, which is a parameter of the trigger.
pub(crate) fn webhooks(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let (mut items, _) = objects::page(session, resource, values, objects::filters(resource, values))?;
    for item in &mut items {
        let url = item["parameters"]["url"].clone();
        if let Some(fields) = item.as_object_mut() {
            fields.insert("url".into(), url);
        }
    }
    items.sort_by_key(|item| item["url"].as_str().unwrap_or_default().to_owned());
    objects::print_list(session, resource, values, items, &attributes(values, resource.columns))?;
    Ok(())
}
