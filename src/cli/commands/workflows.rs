//! `st2 workflow`: faults of a definition before it runs, and its picture.

use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::session::Session;
use crate::workflow::{drawing, orquesta::Definition};
use crate::yaml::{self, Yaml};
use serde_json::Value;

/// Where StackStorm keeps packs, and looks for a definition by reference.
const PACKS: &str = "/opt/stackstorm/packs";

/// `inspect`.
pub(crate) fn inspect(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let text = match values.filled("file") {
        Some(file) if std::path::Path::new(file).is_file() => std::fs::read_to_string(file)?,
        Some(file) => {
            return Err(Failure::new(format!("File \"{file}\" does not exist on local system.")));
        }
        None => of_action(session, values.text("action").unwrap_or("None"))?,
    };
    let faults = session.client.post_text("/workflows/inspect", &text)?.json()?;
    match &faults {
        Value::Array(list) if list.is_empty() => console::say("No errors found in workflow definition."),
        Value::Array(_) => {
            let format = yaml::Format { unicode: true, ..yaml::Format::default() };
            console::say(&yaml::dump_with(&Yaml::from_json(&faults), format));
        }
        other => {
            let text = crate::pytext::str(other);
            return Err(Failure::new(format!("The inspection result is not type of list: {text}")));
        }
    }
    Ok(())
}

/// `graph`.
pub(crate) fn graph(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let name = values.text("workflow").unwrap_or_default();
    let definition = if std::path::Path::new(name).is_file() {
        std::fs::read_to_string(name)?
    } else {
        definition_of(session, name)?
    };
    let compiled = Definition::parse(&definition).and_then(|definition| definition.compile());
    let graph = compiled.map_err(|error| {
        Failure::new(format!("{name} cannot be drawn: {error} `st2 workflow inspect` tells what is wrong."))
    })?;
    let picture = if values.flag("svg") { drawing::svg(&graph) } else { drawing::text(&graph) };
    match values.filled("output") {
        Some(path) => std::fs::write(path, picture)?,
        None => console::say(picture.trim_end()),
    }
    Ok(())
}

/// The definition of a workflow that is registered.
fn definition_of(session: &mut Session, name: &str) -> Result<String, Failure> {
    let missing = || Failure::new(format!("\"{name}\" is neither a file here nor an action."));
    let action = session.client.find(&format!("/actions/{}", encode(name)))?.ok_or_else(missing)?;
    let runner = action["runner_type"].as_str().unwrap_or_default();
    if !matches!(runner, "orquesta" | "orchestra") {
        let message =
            format!("Action \"{name}\" runs with \"{runner}\"; only orquesta workflows can be drawn.");
        return Err(Failure::new(message));
    }
    Ok(session.client.get(&format!("/actions/views/entry_point/{}", encode(name)))?.text())
}

/// The definition of an action: the file where StackStorm keeps packs, if this machine has it, else what the server has.
fn of_action(session: &mut Session, name: &str) -> Result<String, Failure> {
    let found = session.client.find(&format!("/actions/{}", encode(name)))?;
    let found = found.ok_or_else(|| Failure::new(format!("Unable to identify action \"{name}\".")))?;
    let text = |name: &str| found[name].as_str().unwrap_or_default();
    let file = format!("{PACKS}/{}/actions/{}", text("pack"), text("entry_point"));
    if std::path::Path::new(&file).is_file() {
        return Ok(std::fs::read_to_string(file)?);
    }
    match text("runner_type") {
        "orquesta" | "orchestra" => definition_of(session, name),
        _ => Err(Failure::new(format!("File \"{file}\" does not exist on local system."))),
    }
}
