//! `st2 action-alias match`, `execute` and `test`: what chat users type, tried from a shell.

use super::objects::{self, attributes};
use super::wait;
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::render::{Format, Look};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::{Value, json};

/// `match`: the alias that fits a text.
pub(crate) fn find(session: &mut Session, _: &'static Resource, values: &Matches) -> Result<(), Failure> {
    let command = values.text("match_text").unwrap_or_default();
    let found = session.client.post("/actionalias/match", &json!({ "command": command }))?.json()?;
    let found = match found {
        Value::Array(mut found) => found.pop().unwrap_or(Value::Null),
        found => found,
    };
    let shown = attributes(values, &["name", "description"]);
    let rows = [found["actionalias"].clone()];
    objects::print_rows(&rows, &shown, values.ints("width"), Format::of(values), &Look::PLAIN);
    Ok(())
}

fn request(session: &mut Session, values: &Matches) -> Result<Value, Failure> {
    let body = json!({
        "command": values.text("command_text").unwrap_or_default(),
        "user": values.text("user").unwrap_or_default(),
        "source_channel": "cli",
    });
    let answer = session.client.post("/aliasexecution/match_and_execute", &body)?.json()?;
    Ok(answer["results"][0].clone())
}

/// `execute`: runs the action of the alias that fits.
pub(crate) fn execute(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let result = request(session, values)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    console::say(&format!("Matching Action-alias: '{}'", text(&result["actionalias"]["ref"])));
    console::say(&format!(
        "To get the results, execute:\n st2 execution get {}",
        text(&result["execution"]["id"])
    ));
    Ok(())
}

/// `test`: runs the action and shows the message a chat would get.
pub(crate) fn test(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let dots = Format::of(values) == Format::Plain;
    console::say("Triggering execution via action alias\n");
    let execution = request(session, values)?["execution"].clone();
    let id = execution["id"].as_str().unwrap_or_default().to_owned();
    let started =
        |id: &str| console::say(&format!("Execution ({id}) has been started, waiting for it to finish...\n"));
    started(&id);
    wait::wait(session, execution, dots)?;
    console::say(&format!("\nExecution ({id}) has finished, rendering result...\n"));
    let body = json!({
        "action": "chatops.format_execution_result",
        "parameters": { "execution_id": id },
        "user": values.text("user").unwrap_or_default(),
    });
    let formatting = session.client.post("/executions", &body)?.json()?;
    let formatting_id = formatting["id"].as_str().unwrap_or_default().to_owned();
    started(&formatting_id);
    wait::wait(session, formatting, dots)?;
    let formatting = wait::fetch(session, &formatting_id)?;
    console::say("\nFormatted ChatOps result message\n");
    let rule = "=".repeat(80);
    let message = crate::pytext::str(&formatting["result"]["result"]["message"]);
    console::say(&format!("{rule}\n{message}\n{rule}\n"));
    Ok(())
}
