//! Parameters an alias insists on.

use crate::expr::jinja;
use serde_json::{Map, Value};

/// Why the parameters of an alias cannot be laid over those that were given.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Somebody gave one of them.
    #[error("Immutable arguments cannot be overriden: {}", .0.join(","))]
    Overridden(Vec<String>),
    /// One of them is a template that cannot be rendered.
    #[error("The immutable parameters of the action alias cannot be rendered: {0}")]
    Template(jinja::Error),
}

/// Renders `immutable` with `context` and adds it to each set of given parameters.
///
/// # Errors
/// [`Unfit`]; the sets may have been added to already.
pub fn fix(
    immutable: &Map<String, Value>,
    given: &mut [Map<String, Value>],
    context: &jinja::Value,
) -> Result<(), Unfit> {
    if immutable.is_empty() {
        return Ok(());
    }
    let rendered =
        jinja::render_values(immutable, context, jinja::Missing::Refused).map_err(Unfit::Template)?;
    for parameters in given {
        let overridden = immutable.keys().filter(|name| parameters.contains_key(*name));
        let overridden: Vec<String> = overridden.cloned().collect();
        if !overridden.is_empty() {
            return Err(Unfit::Overridden(overridden));
        }
        parameters.extend(rendered.clone());
    }
    Ok(())
}
