//! Files of actions that clients bring, and the events about them: stored together with the action.

use super::happened;
use crate::{
    engine::Engine,
    store::{self, Tx},
};
use serde_json::json;
use std::path::PathBuf;

/// The event of a file that was written. StackStorm sends it under a name that no trigger has, so that it is lost.
const WRITTEN: &str = "core.st2.action.file_written";

/// Says that these files were written for an action.
///
/// # Errors
/// The database failed.
pub async fn written(engine: &Engine, tx: &mut Tx, action: &str, files: &[PathBuf]) -> store::Result<()> {
    for file in files {
        let payload = json!({
            "ref": action,
            "file_path": file.display().to_string(),
            "host_info": {"hostname": &*engine.shared.host.name},
        });
        happened(engine, tx, WRITTEN, payload).await?;
    }
    Ok(())
}
