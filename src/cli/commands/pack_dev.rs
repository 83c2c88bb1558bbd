//! `st2 pack dev`: watches the directory of a pack, and registers it on every save. Faults are printed as
//! `file:line:column: message`, which editors follow.

use super::wait;
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde_json::{Value, json};
use std::path::Path;

/// Directories of a pack that are looked into, at most.
const DIRECTORIES: usize = 4096;

/// Watches until interrupted.
pub(crate) fn dev(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let given = values.text("directory").unwrap_or(".");
    let directory = std::fs::canonicalize(given)
        .map_err(|error| Failure::new(format!("Cannot look into {given}: {error}")))?;
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !directory.join("pack.yaml").is_file() {
        let message = format!("{} is no pack: it has no pack.yaml", directory.display());
        return Err(Failure::new(message));
    }
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC).map_err(|error| cannot_watch(&directory, error))?;
    loop {
        watch(&inotify, &directory)?;
        register(session, &name, &directory);
        inotify.read_events().map_err(|error| cannot_watch(&directory, error))?;
        // Editors write a file in several steps.
        wait::pause();
    }
}

/// Watches the directory and all below it; those watched already stay so.
fn watch(inotify: &Inotify, directory: &Path) -> Result<(), Failure> {
    let mut pending = vec![directory.to_owned()];
    let mut seen = 0;
    while let Some(next) = pending.pop() {
        seen += 1;
        if seen > DIRECTORIES {
            return Err(Failure::new(format!("{} has too many directories to watch", directory.display())));
        }
        let events = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO;
        inotify.add_watch(&next, events).map_err(|error| cannot_watch(&next, error))?;
        let entries = std::fs::read_dir(&next).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        pending.extend(folders.map(|entry| entry.path()).filter(|path| !is_hidden(path)));
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "__pycache__"
}

fn cannot_watch(path: &Path, error: nix::errno::Errno) -> Failure {
    Failure::new(format!("Cannot watch {}: {error}", path.display()))
}

fn register(session: &mut Session, name: &str, directory: &Path) {
    let body = json!({"packs": [name], "fail_on_failure": false, "report": true});
    let answer: Value = match session.client.post("/packs/register", &body).and_then(|reply| reply.json()) {
        Ok(answer) => answer,
        Err(error) => {
            console::say(&format!("{error}"));
            console::say(&format!(
                "If st2d does not know the pack yet: ln -s {} <its directory of packs>/{name}",
                directory.display()
            ));
            return;
        }
    };
    let problems = answer["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    for problem in problems {
        let text = |key: &str| crate::pytext::str(&problem[key]);
        let place = if problem["line"].is_null() {
            text("file")
        } else {
            format!("{}:{}:{}", text("file"), text("line"), text("column"))
        };
        console::say(&format!("{place}: {}", text("message")));
    }
    let counts = ["triggers", "sensors", "actions", "rules", "aliases", "policies", "configs"];
    let counts = counts.iter().filter(|kind| answer[**kind].as_u64().is_some_and(|count| count > 0));
    let counts: Vec<String> = counts.map(|kind| format!("{} {kind}", answer[*kind])).collect();
    let faults = match problems.len() {
        0 => String::new(),
        1 => ", 1 fault".to_owned(),
        many => format!(", {many} faults"),
    };
    console::say(&format!("{name}: registered {}{faults}", counts.join(", ")));
}
