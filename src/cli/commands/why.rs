//! `st2 execution why`: what led to where an execution stands, and what it waits for.

use crate::cli::args::Matches;
use crate::cli::commands::tail;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::render::{Format, doc};
use crate::cli::session::Session;
use serde_json::Value;

/// Prints the story.
pub(crate) fn why(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let given = values.text("id").unwrap_or("last");
    if let Some(id) = tail::resolve(session, given)? {
        let story = session.client.get(&format!("/executions/{}/why", encode(&id)))?.json()?;
        match Format::of(values) {
            Format::Json => console::say(&doc::json(&story)),
            Format::Yaml => console::say(&doc::yaml(&story)),
            Format::Plain => tell(&story),
        }
    }
    Ok(())
}

fn tell(story: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    console::say(&format!("{}  {}  {}", text(&story["id"]), text(&story["action"]), text(&story["status"])));
    for step in story["steps"].as_array().into_iter().flatten() {
        // To the second: that is what people compare.
        let at: String = text(&step["at"]).chars().take(19).collect();
        console::say(&format!("  {at}  {}", text(&step["what"])));
        if let Some(command) = step["command"].as_str() {
            console::say(&format!("  {:19}  > {command}", ""));
        }
    }
    console::say(&format!("Now: {}", text(&story["now"])));
    for command in story["next"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        console::say(&format!("  > {command}"));
    }
}
