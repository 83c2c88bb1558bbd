//! `st2 inquiry respond`.

use super::form;
use super::objects;
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::json;
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use crate::cli::terminal;
use serde_json::{Value, json};

/// `respond`: answers an inquiry with a document or, on a terminal, question by question.
pub(crate) fn respond(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let id = values.text("id").unwrap_or_default();
    let Some(inquiry) = objects::find(session, resource, id, &[])? else {
        return Err(objects::missing(resource, id));
    };
    let response: Value = match values.filled("response") {
        Some(text) => json::loads(text).map_err(Failure::new)?,
        None if terminal::is_interactive() => {
            form::fill(&inquiry["schema"]["properties"]).map_err(Failure::new)?
        }
        None => {
            return Err(Failure::new(
                "Questions can only be asked on a terminal; give the whole response with -r/--response.",
            ));
        }
    };
    let path = format!("/inquiries/{}", encode(id));
    let answered = session.client.put(&path, &json!({ "id": id, "response": response }))?.json()?;
    console::say(&format!("\nResponse accepted for inquiry {}.", answered["id"].as_str().unwrap_or(id)));
    Ok(())
}
