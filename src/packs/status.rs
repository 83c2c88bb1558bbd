//! What is known of an installed pack: its manifest, and how its repository stands.

use super::{Error, Settings};
use crate::{content::PackDir, yaml};
use git2::Repository;
use serde_json::{Value, json};
use std::path::Path;

/// Manifest and state of the repository, both null if there is no such pack. `branch` is compared with.
pub fn installed(settings: &Settings, pack: &str, branch: &str) -> Result<Value, Error> {
    let Some(directory) = PackDir::find(&settings.base_dirs, pack) else {
        return Ok(json!({"pack": null, "git_status": null}));
    };
    let missing = || Error::new(format!("Pack \"{pack}\" doesn't contain pack.yaml file."));
    let text = directory.read("pack.yaml").map_err(|_| missing())?;
    let manifest = yaml::load(&text).map_err(|error| {
        Error::new(format!(
            "Pack \"{pack}\" doesn't contain a valid pack.yaml file: {}:{}: {}",
            error.line, error.column, error.message
        ))
    })?;
    Ok(json!({"pack": manifest, "git_status": repository_status(&directory.path, branch)}))
}

/// In the words of `git status` and StackStorm; `None` if it is no repository.
fn repository_status(path: &Path, branch: &str) -> Option<String> {
    let nowhere = std::iter::empty::<&std::ffi::OsStr>();
    let repository = Repository::open_ext(path, git2::RepositoryOpenFlags::NO_SEARCH, nowhere).ok()?;
    let head = repository.head().ok()?;
    let commit = head.peel_to_commit().ok()?.id();
    let at = if head.is_branch() {
        format!("On branch {}", head.shorthand().unwrap_or_default())
    } else {
        format!("HEAD detached at {}", &commit.to_string()[..7])
    };
    let remotes = repository.remotes().ok()?;
    let urls: Vec<String> = remotes
        .iter()
        .filter_map(|name| {
            let remote = repository.find_remote(name.ok().flatten()?).ok()?;
            Some(super::git::without_secrets(remote.url().ok()?))
        })
        .collect();
    let mut text = format!("Status:\n{at}\n\nRemotes:\n{}", urls.join("\n"));
    let theirs = repository.find_reference(&format!("refs/remotes/origin/{branch}"));
    if let Some(theirs) = theirs.ok().and_then(|found| found.peel_to_commit().ok())
        && let Ok((ahead, behind)) = repository.graph_ahead_behind(commit, theirs.id())
        && (ahead, behind) != (0, 0)
    {
        let parts = [(ahead, "ahead"), (behind, "behind")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, word)| format!("{count} commits {word}")).collect();
        text = format!("{text}\n\n{} origin/{branch}.", parts.join(" and "));
    }
    Some(text)
}
