//! `st2 action delete`, which may take the files along. The rest is shared with other objects.

use super::objects;
use crate::cli::args::Matches;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::json;

/// `st2 action delete`. That the action is gone already is told, but is no failure.
pub(crate) fn delete(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let key = values.text(resource.dest).unwrap_or_default();
    let Some(action) = objects::target(session, resource, key)? else {
        objects::print_missing(resource, key);
        return Ok(());
    };
    let path = format!("/actions/{}", encode(action["id"].as_str().unwrap_or(key)));
    session.client.delete(&path, Some(&json!({ "remove_files": values.flag("remove_files") })))?;
    objects::say_deleted(key);
    Ok(())
}
