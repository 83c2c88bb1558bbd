//! `st2 workflow inspect`: faults of a definition before it runs.

use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::session::Session;
use crate::yaml::{self, Yaml};
use serde_json::Value;

/// Where StackStorm keeps packs; the only place where a definition is looked for by reference.
const PACKS: &str = "/opt/stackstorm/packs";

/// `inspect`.
pub(crate) fn inspect(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let path = match values.filled("file") {
        Some(file) => file.to_owned(),
        None => file_of(session, values.text("action"))?,
    };
    if !std::path::Path::new(&path).is_file() {
        return Err(Failure::new(format!("File \"{path}\" does not exist on local system.")));
    }
    let text = std::fs::read_to_string(&path)?;
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

fn file_of(session: &mut Session, action: Option<&str>) -> Result<String, Failure> {
    let name = action.unwrap_or("None");
    let found = session.client.find(&format!("/actions/{}", encode(name)))?;
    let found = found.ok_or_else(|| Failure::new(format!("Unable to identify action \"{name}\".")))?;
    let text = |name: &str| found[name].as_str().unwrap_or_default();
    Ok(format!("{PACKS}/{}/actions/{}", text("pack"), text("entry_point")))
}
