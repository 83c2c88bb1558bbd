//! `st2 run`, `st2 action execute` and `st2 execution re-run`.

use super::objects;
use super::parameters::{Known, inherited_environment, parse};
use super::tail::{self, Tail};
use super::{view, wait};
use crate::cli::args::{Matches, command_help};
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{encode, query};
use crate::cli::render::{Format, wrap};
use crate::cli::session::Session;
use serde_json::{Map, Value, json};

/// `st2 run`: waits for the end unless told not to.
pub(crate) fn run(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    start(session, values, values.flag("action_async"))
}

/// `st2 action execute`: never waits.
pub(crate) fn execute(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    start(session, values, true)
}

fn start(session: &mut Session, values: &Matches, detached: bool) -> Result<(), Failure> {
    let name = values.text("ref_or_id");
    if values.flag("help") {
        return help(session, name);
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        console::note(&usage_error(session, "Missing action reference or id"));
        return Err(Failure::silent(2));
    };
    let (action_ref, parameters) = prepare(session, values, name)?;
    let mut body = Map::new();
    body.insert("action".into(), action_ref.into());
    body.insert("parameters".into(), parameters);
    body.insert("user".into(), values.text("user").map_or(Value::Null, Value::from));
    if let Some(delay) = values.int("delay").filter(|delay| *delay != 0) {
        body.insert("delay".into(), delay.into());
    }
    if let Some(id) = values.filled("trace_id") {
        body.insert("context".into(), json!({ "trace_context": { "id_": id } }));
    } else if let Some(tag) = values.filled("trace_tag") {
        body.insert("context".into(), json!({ "trace_context": { "trace_tag": tag } }));
    }
    let outcome = request(session, values, "/executions", &Value::Object(body), detached);
    if outcome.as_ref().is_err_and(|failure| failure.message.is_some()) {
        // That the action does not exist is to be said before anything else that is wrong.
        describe_action(session, name)?;
    }
    outcome
}

/// The action's reference, and its parameters as their types want them.
///
/// Without words there are no types to look up, and a reference needs no look-up either.
fn prepare(session: &mut Session, values: &Matches, name: &str) -> Result<(String, Value), Failure> {
    if values.texts("parameters").is_empty() && name.contains('.') {
        return Ok((name.to_owned(), parameters(values, &Value::Null, &Value::Null)?));
    }
    let (action, runner) = describe(session, name)?;
    let part = |name: &str| action[name].as_str().unwrap_or_default();
    Ok((format!("{}.{}", part("pack"), part("name")), parameters(values, &action, &runner)?))
}

/// `st2 execution re-run`.
pub(crate) fn rerun(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let given = values.text("id");
    let id = given.unwrap_or("None");
    let absent = || Failure::new(format!("Action execution with id \"{id}\" cannot be found."));
    if values.flag("help") && given.is_none() {
        console::show(&command_help(&session.path));
        return Ok(());
    }
    let existing = session.client.find(&format!("/executions/{}", encode(id)))?.ok_or_else(absent)?;
    let name = existing["action"]["ref"].as_str().unwrap_or_default().to_owned();
    if values.flag("help") {
        return help(session, Some(&name));
    }
    let (action, runner) = describe(session, &name)?;
    let parameters = parameters(values, &action, &runner)?;
    let (tasks, kept) = (values.texts("tasks"), values.texts("no_reset"));
    if kept.iter().any(|task| !tasks.contains(task)) {
        return Err(Failure::new("List of tasks to reset does not match the tasks to rerun."));
    }
    let reset: Vec<&String> = tasks.iter().filter(|task| !kept.contains(task)).collect();
    let body = json!({
        "parameters": parameters, "tasks": tasks, "reset": reset, "delay": values.int("delay").unwrap_or(0),
    });
    let path = format!("/executions/{}/re_run", encode(id));
    request(session, values, &path, &body, values.flag("action_async"))
}

/// The action and its runner.
fn describe(session: &mut Session, name: &str) -> Result<(Value, Value), Failure> {
    let action = describe_action(session, name)?;
    let runner_name = action["runner_type"].as_str().unwrap_or_default();
    let path = format!("/runnertypes/?{}", query(&[("name", runner_name)]));
    let (mut runners, _) = session.client.list(&path)?;
    let Some(runner) = runners.pop() else {
        let name = action["name"].as_str().unwrap_or_default();
        return Err(Failure::new(format!(
            "Runner type \"{runner_name}\" for action \"{name}\" cannot be found."
        )));
    };
    Ok((action, runner))
}

fn describe_action(session: &mut Session, name: &str) -> Result<Value, Failure> {
    let action = session.client.find(&format!("/actions/{}", encode(name)))?;
    action.ok_or_else(|| Failure::new(format!("Resource with id or reference \"{name}\" doesn't exist.")))
}

fn parameters(values: &Matches, action: &Value, runner: &Value) -> Result<Value, Failure> {
    let known = Known {
        action_ref: action["ref"].as_str().unwrap_or_default(),
        action: &action["parameters"],
        runner: &runner["runner_parameters"],
    };
    let mut found = Map::new();
    if values.flag("inherit_env") {
        found.insert("env".into(), inherited_environment());
    }
    found.extend(parse(values.texts("parameters"), &known, values.flag("auto_dict")).map_err(Failure::new)?);
    Ok(Value::Object(found))
}

/// Sends the request, waits or follows the output if asked for, and shows what came of it.
fn request(
    session: &mut Session,
    values: &Matches,
    path: &str,
    body: &Value,
    detached: bool,
) -> Result<(), Failure> {
    // A short action is over before a stream can be opened, so it is opened before the request.
    let stream = if values.flag("tail") { Some(tail::open(session, None)?) } else { None };
    let execution = session.client.post(path, body)?.json()?;
    let id = execution["id"].as_str().unwrap_or_default().to_owned();
    let execution = match stream {
        Some(stream) => {
            console::say(&format!("Tailing execution \"{id}\""));
            Tail::new(&execution, None, false).follow(session, stream)?;
            let execution = wait::fetch(session, &id)?;
            console::say("");
            execution
        }
        None if detached => execution,
        None => wait::wait(session, execution, Format::of(values) == Format::Plain)?,
    };
    let failed = wait::status(&execution) == "failed";
    if detached {
        console::say(&format!("To get the results, execute:\n st2 execution get {id}"));
        console::say(&format!("\nTo view output in real-time, execute:\n st2 execution tail {id}"));
    } else {
        view::show(session, execution, values, view::RUN)?;
    }
    if failed { Err(Failure::silent(1)) } else { Ok(()) }
}

fn usage_error(session: &Session, message: &str) -> String {
    crate::cli::args::usage_error(&session.path, message).trim_end().to_owned()
}

/// `st2 run REF -h`: what the action takes.
fn help(session: &mut Session, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else {
        console::show(&command_help(&session.path));
        return Ok(());
    };
    let Some(action) = session.client.find(&format!("/actions/{}", encode(name)))? else {
        console::say(&format!(
            "Action \"{name}\" is not found. Use \"st2 action list\" to see the list of available actions."
        ));
        return Ok(());
    };
    let (_, runner) = describe(session, name)?;
    console::say("");
    console::say(&wrap::fill(action["description"].as_str().unwrap_or_default(), 70).join("\n"));
    console::say("");
    console::show(&describe_parameters(&action["parameters"], &runner["runner_parameters"]));
    Ok(())
}

/// The parameters an action takes, those to be given first.
fn describe_parameters(action: &Value, runner: &Value) -> String {
    let mut all: Map<String, Value> = Map::new();
    for source in [runner, action] {
        all.extend(
            source.as_object().into_iter().flatten().map(|(name, schema)| (name.clone(), schema.clone())),
        );
    }
    let fixed =
        |name: &str| [runner, action].iter().any(|source| source[name]["immutable"] == Value::Bool(true));
    let mut names: Vec<&String> = all.keys().filter(|name| !fixed(name)).collect();
    // By position, where they have one; the others after them by name.
    names.sort_by_key(|name| (all[*name]["position"].as_i64().unwrap_or(i64::MAX), (*name).clone()));
    let mut text = String::new();
    for (title, wanted) in [("Required Parameters:", true), ("Optional Parameters:", false)] {
        let chosen: Vec<&&String> =
            names.iter().filter(|name| (all[**name]["required"] == Value::Bool(true)) == wanted).collect();
        if chosen.is_empty() {
            continue;
        }
        text.push_str(title);
        text.push('\n');
        for name in chosen {
            text.push_str(&describe_parameter(name, &all[*name]));
        }
    }
    text
}

fn describe_parameter(name: &str, schema: &Value) -> String {
    let mut lines = wrap::fill_indented(name, 78, "    ");
    let mut add = |text: &str| lines.extend(wrap::fill_indented(text, 78, "        "));
    if let Some(description) = schema["description"].as_str().filter(|text| !text.is_empty()) {
        add(description);
    }
    if let Some(kind) = schema.get("type").filter(|kind| !kind.is_null()) {
        add(&format!("Type: {}", crate::pytext::str(kind)));
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.is_empty()) {
        let choices: Vec<String> = choices.iter().map(crate::pytext::str).collect();
        add(&format!("Enum: {}", choices.join(", ")));
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        add(&format!("Default: {}", crate::pytext::str(default)));
    }
    lines.push(String::new());
    lines.join("\n") + "\n"
}

/// `st2 action clone`: copies an action, asking before one is replaced.
pub(crate) fn clone_action(
    session: &mut Session,
    resource: &'static crate::cli::resource::Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let source = values.text("source_ref_or_id").unwrap_or_default();
    let pack = values.text("dest_pack_name").unwrap_or_default();
    let name = values.text("dest_action_name").unwrap_or_default();
    if objects::find(session, resource, source, &[])?.is_none() {
        objects::print_missing(resource, source);
        return Ok(());
    }
    let existing = objects::find(session, resource, &format!("{pack}.{name}"), &[])?.is_some();
    if existing && !values.flag("force") {
        let question = "The destination action already exists. Do you want to overwrite? (y/n): ";
        let answer = console::ask(question).unwrap_or_default().to_lowercase();
        if !matches!(answer.as_str(), "y" | "yes") {
            console::say("Action is not cloned.");
            return Ok(());
        }
    }
    let body = json!({ "dest_pack": pack, "dest_action": name, "overwrite": existing });
    let path = format!("/actions/{}/clone", encode(source));
    match session.client.post(&path, &body).and_then(|reply| reply.json()) {
        Ok(action) => objects::print_whole(&action, values),
        // The Python client says so and still ends with 0.
        Err(error) => console::say(&format!("ERROR: {error}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_described_in_order() {
        let action = json!({
            "z": {"type": "string", "position": 0, "required": true, "description": "the first"},
            "a": {"type": "integer", "default": 5, "enum": [5, 6]},
            "hidden": {"immutable": true, "required": true},
        });
        let runner = json!({"a": {"type": "string"}, "b": {}});
        let want = "Required Parameters:\n    z\n        the first\n        Type: string\n\nOptional Parameters:\n    a\n        Type: integer\n        Enum: 5, 6\n        Default: 5\n\n    b\n\n";
        assert_eq!(describe_parameters(&action, &runner), want);
    }
}
