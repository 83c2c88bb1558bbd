//! The check of what an event from outside brings.

use super::{Catalog, Error, Target};
use crate::{config::Config, pytext, store};
use serde_json::Value;
use std::sync::Arc;

/// The pack of the program's own trigger types.
const SYSTEM_PACK: &str = "core";

/// Checks a payload against the schema of its trigger type. Types of the program are always checked, others where the
/// settings say so.
pub(super) async fn check(
    catalog: &Catalog,
    config: &Config,
    target: &Target,
    payload: &Value,
) -> Result<(), Error> {
    let (Target::Ref(named) | Target::Known(named) | Target::Typed { kind: named, .. }) = target;
    let refused = |reason: String| Error::Payload {
        trigger: match target {
            Target::Ref(reference) | Target::Known(reference) => reference.clone(),
            Target::Typed { kind, parameters } => {
                pytext::repr(&serde_json::json!({"type": kind, "parameters": parameters}))
            }
        },
        payload: pytext::str(payload),
        reason,
    };
    let Some(kind) = kind_of(catalog, named).await? else {
        return Err(refused(match target {
            Target::Ref(named) if !named.contains('.') => format!("Invalid resource reference: {named}"),
            _ => format!("Trigger type with reference \"{named}\" doesn't exist in the database"),
        }));
    };
    if kind.kind.pack != SYSTEM_PACK && !config.system.validate_trigger_payload {
        return Ok(());
    }
    let checked = kind.payload.as_ref().map_err(ToString::to_string);
    let checked = checked.and_then(|schema| schema.check(payload).map_err(|error| error.to_string()));
    checked.map_err(refused)
}

/// The type of this reference, or that of the trigger of this reference.
async fn kind_of(catalog: &Catalog, named: &str) -> store::Result<Option<Arc<super::catalog::Kind>>> {
    if let Some(kind) = catalog.kind(named).await? {
        return Ok(Some(kind));
    }
    match catalog.trigger(named).await? {
        Some(trigger) => catalog.kind(&trigger.trigger_type).await,
        None => Ok(None),
    }
}
