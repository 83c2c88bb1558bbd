//! `st2 execution list`, `get`, `cancel`, `pause` and `resume`.

use super::objects::{self, attributes};
use super::{tail, view};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::render::Format;
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::{Value, json};

/// Fetched by `execution get` whatever is shown, because the view depends on them.
const NEEDED: &[&str] = &["action.ref", "action.runner_type", "start_timestamp", "end_timestamp", "log"];

/// `st2 execution list`: the newest executions, oldest of them first.
pub(crate) fn list(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let shown = attributes(values, resource.columns);
    let mut parameters = objects::filters(resource, values);
    if !values.flag("showall") {
        parameters.push(("parent", "null".into()));
    }
    match values.text("sort_order").unwrap_or("descending") {
        "asc" | "ascending" => parameters.push(("sort_asc", "True".into())),
        "desc" | "descending" => parameters.push(("sort_desc", "True".into())),
        _ => {}
    }
    if !shown.iter().any(|name| name == "all") {
        parameters.push(("include_attributes", shown.join(",")));
    }
    let (mut items, total) = objects::page(session, resource, values, parameters)?;
    view::list_marks(&mut items);
    for item in &mut items {
        view::add_elapsed(item, Format::of(values));
    }
    let limit = values.int("last").unwrap_or(objects::DEFAULT_LIMIT);
    objects::print_list(session, resource, values, items, &shown)?.note(resource.paged, limit, total);
    Ok(())
}

/// `st2 execution get`.
pub(crate) fn get(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let mut parameters = Vec::new();
    if values.flag("exclude_result") {
        parameters.push(("exclude_attributes", "result".to_owned()));
    } else {
        let shown = attributes(values, view::GET);
        if !shown.iter().any(|name| name == "all") {
            let mut fetched: Vec<String> = NEEDED.iter().map(|name| (*name).to_owned()).collect();
            fetched.extend(shown);
            parameters.push(("include_attributes", fetched.join(",")));
        }
    }
    let mut ids = Vec::new();
    for given in values.texts("id") {
        ids.extend(tail::resolve(session, given)?);
    }
    for mut execution in objects::get_all(session, resource, &ids, &parameters)? {
        view::add_elapsed(&mut execution, Format::of(values));
        view::show(session, execution, values, view::GET)?;
    }
    Ok(())
}

/// `st2 execution cancel`.
pub(crate) fn cancel(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    for id in values.texts("ids") {
        let reply = session.client.delete(&format!("/executions/{}", encode(id)), None)?;
        let body = reply.json().unwrap_or(Value::Null);
        let fault = body["faultstring"].as_str();
        console::say(&match fault {
            Some(fault) => fault.to_owned(),
            None => format!("action execution with id {id} canceled."),
        });
    }
    Ok(())
}

/// `st2 execution pause`.
pub(crate) fn pause(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    change(session, values, "pausing")
}

/// `st2 execution resume`.
pub(crate) fn resume(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    change(session, values, "resuming")
}

fn change(session: &mut Session, values: &Matches, status: &str) -> Result<(), Failure> {
    let mut changed: Vec<Value> = Vec::new();
    for id in values.texts("ids") {
        let path = format!("/executions/{}", encode(id));
        changed.push(session.client.put(&path, &json!({ "status": status })).and_then(|reply| reply.json())?);
    }
    for mut execution in changed {
        view::add_elapsed(&mut execution, Format::of(values));
        view::show(session, execution, values, view::RUN)?;
    }
    Ok(())
}
