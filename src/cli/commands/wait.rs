//! Waiting for an execution to end.

use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::session::Session;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Statuses that a waiting client waits through; others, also `paused` and `pending`, end its wait.
const UNDER_WAY: [&str; 4] = ["requested", "scheduled", "running", "canceling"];

/// Statuses that do not last. The Python client takes them for the end too, but its first look comes
/// after [`DOT`]; until then they are waited through.
const PASSING: [&str; 3] = ["delayed", "pausing", "resuming"];

/// Statuses after which nothing happens any more.
pub(crate) const COMPLETED: [&str; 5] = ["succeeded", "failed", "timeout", "canceled", "abandoned"];

/// Before the first look: many actions take no longer.
const FIRST_PAUSE: Duration = Duration::from_micros(500);

/// Between later looks, so that a long wait costs the server nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A progress dot stands for this much time, as in the Python client.
const DOT: Duration = Duration::from_secs(2);

/// The status of an execution.
pub(crate) fn status(execution: &Value) -> &str {
    execution["status"].as_str().unwrap_or_default()
}

/// Looks at an execution again and again until it has ended, with dots for people when `dots`.
pub(crate) fn wait(session: &mut Session, mut execution: Value, dots: bool) -> Result<Value, Failure> {
    let id = execution["id"].as_str().unwrap_or_default().to_owned();
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut shown = 0;
    while UNDER_WAY.contains(&status(&execution))
        || (PASSING.contains(&status(&execution)) && start.elapsed() < DOT)
    {
        sleep(pause);
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        execution = fetch(session, &id)?;
        let due = start.elapsed().as_secs() / DOT.as_secs();
        while dots && shown < due {
            console::show(".");
            shown += 1;
        }
    }
    if dots && shown == 0 {
        console::show(".");
    }
    console::say("");
    Ok(execution)
}

/// An execution as it is now.
pub(crate) fn fetch(session: &mut Session, id: &str) -> Result<Value, Failure> {
    let found = session.client.find(&format!("/executions/{}", encode(id)))?;
    found.ok_or_else(|| Failure::new(format!("Execution with id {id} not found.")))
}

/// Rests before something that failed is tried again.
pub(crate) fn pause() {
    sleep(Duration::from_millis(200));
}

#[expect(clippy::disallowed_methods, reason = "the client has one thread and no runtime")]
fn sleep(pause: Duration) {
    std::thread::sleep(pause);
}
