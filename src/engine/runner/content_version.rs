//! `content_version`: an action runs from its pack as it was at a commit, tag or branch, checked out beside it.
//!
//! The checkout is a plain directory: nothing of it is noted in the repository, so any number of them can be there at
//! once and none leaves a trace. Its name bears this node, so that what a killed daemon left is found and removed.

use super::{Error, LiveAction};
use crate::content::{PackDir, ReadError};
use git2::{ErrorCode, Repository, build::CheckoutBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// What the names of all checkouts begin with.
const PREFIX: &str = "st2-git-worktree-";

/// A checkout for one run. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Worktree {
    /// Where the repository is checked out.
    directory: PathBuf,
    /// Where the pack is in there: the same, unless it is one of several in a repository.
    pub(super) pack: PathBuf,
    /// The entry point of the action in there.
    pub(super) entry_point: PathBuf,
    /// It stays, to be looked at: the action asked for it by `debug`.
    is_kept: bool,
}

/// What to check out.
struct Wanted {
    pack: String,
    pack_dir: PathBuf,
    revision: String,
    entry_point: PathBuf,
    directory: PathBuf,
    /// Somebody else than the daemon's user runs it.
    for_another: bool,
    is_kept: bool,
}

/// The version an action asks for.
fn revision(action: &LiveAction) -> Option<&str> {
    let asked = action.runner_parameters.get("content_version").and_then(Value::as_str);
    asked.filter(|revision| !revision.is_empty())
}

impl Worktree {
    /// Whether an action asks for one.
    pub(super) fn is_asked_for(action: &LiveAction) -> bool {
        revision(action).is_some()
    }

    /// The checkout that an action asks for, if it asks for one.
    ///
    /// # Errors
    /// With StackStorm's words: there is no repository, or no such revision in it.
    pub(super) async fn of(action: &LiveAction, node_name: &str) -> Result<Option<Self>, Error> {
        let Some(revision) = revision(action) else { return Ok(None) };
        let (Some(entry_point), Some(pack_dir)) = (&action.entry_point, &action.pack_dir) else {
            return Err(Error::Metadata("Missing entry_point action metadata attribute".to_owned()));
        };
        let is_kept = action.runner_parameters.get("debug").and_then(Value::as_bool).unwrap_or(false);
        // What is kept bears no node: it must outlive the next start.
        let owner = if is_kept { "debug".to_owned() } else { mark(node_name) };
        let name = format!("{PREFIX}{owner}-{}", uuid::Uuid::new_v4().simple());
        let wanted = Wanted {
            pack: action.execution.snapshot.action.spec.pack.clone(),
            pack_dir: pack_dir.clone(),
            revision: revision.to_owned(),
            entry_point: entry_point.clone(),
            directory: base().join(name),
            for_another: action.system_user != action.own_user,
            is_kept,
        };
        let made = tokio::task::spawn_blocking(move || make(&wanted)).await;
        made.map_err(|panic| Error::System(panic.to_string()))?.map(Some)
    }

    /// Removes it, unless it is to be kept.
    pub(super) async fn remove(self) {
        // Removing is done by `drop`, on a thread that may wait for the disk.
        if let Err(panic) = tokio::task::spawn_blocking(move || drop(self)).await {
            tracing::warn!("A checkout could not be removed: {panic}");
        }
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.directory)
        {
            tracing::warn!("Cannot remove {}: {error}", self.directory.display());
        }
    }
}

/// Removes the checkouts that an earlier run of this node left behind.
pub(in crate::engine) fn remove_leftovers(node_name: &str) {
    let prefix = format!("{PREFIX}{}-", mark(node_name));
    for entry in fs::read_dir(base()).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix));
        // A link of such a name is somebody's trap.
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!("Removed {}, left by an earlier run", entry.path().display()),
                Err(error) => tracing::warn!("Cannot remove {}: {error}", entry.path().display()),
            }
        }
    }
}

fn base() -> PathBuf {
    PathBuf::from("/tmp")
}

/// A short word for a node.
fn mark(node_name: &str) -> String {
    hex::encode(&Sha256::digest(node_name)[..6])
}

fn make(wanted: &Wanted) -> Result<Worktree, Error> {
    let failed = |why: String| {
        Error::System(format!("Failed to create git worktree for pack \"{}\": {why}", wanted.pack))
    };
    let pack_dir = wanted.pack_dir.display();
    if !wanted.pack_dir.is_dir() {
        return Err(failed(format!("Pack directory \"{pack_dir}\" doesn't exist.")));
    }
    let repository = Repository::discover(&wanted.pack_dir).map_err(|error| {
        failed(match error.code() {
            ErrorCode::NotFound => format!(
                "Pack directory \"{pack_dir}\" is not a git repository. To utilize this functionality, pack directory \
                 needs to be a git repository."
            ),
            _ => format!("Pack directory \"{pack_dir}\": {}", error.message()),
        })
    })?;
    let revision = &wanted.revision;
    let commit = find(&repository, revision).ok_or_else(|| {
        failed(format!(
            "Invalid content_version \"{revision}\" provided. Make sure that git repository is up to date and contains \
             that revision."
        ))
    })?;
    DirBuilder::new()
        .mode(0o755)
        .create(&wanted.directory)
        .map_err(|error| failed(format!("{}: {error}", wanted.directory.display())))?;
    let mut worktree = Worktree {
        directory: wanted.directory.clone(),
        pack: wanted.directory.join(within(&repository, &wanted.pack_dir)),
        entry_point: PathBuf::new(),
        is_kept: false,
    };
    check_out(&repository, commit, &wanted.directory).map_err(|error| failed(error.message().to_owned()))?;
    if wanted.for_another {
        // As in StackStorm: whoever runs it may write beside it.
        let _ = fs::set_permissions(&wanted.directory, Permissions::from_mode(0o777));
    }
    worktree.entry_point = moved(wanted, &worktree.pack)?;
    worktree.is_kept = wanted.is_kept;
    Ok(worktree)
}

/// The commit of a revision: what git itself finds, else a branch of the place the pack came from.
fn find(repository: &Repository, revision: &str) -> Option<git2::Oid> {
    let commit = |name: &str| Some(repository.revparse_single(name).ok()?.peel_to_commit().ok()?.id());
    commit(revision).or_else(|| commit(&format!("refs/remotes/origin/{revision}")))
}

fn check_out(repository: &Repository, commit: git2::Oid, directory: &Path) -> Result<(), git2::Error> {
    let tree = repository.find_commit(commit)?.tree()?;
    let mut how = CheckoutBuilder::new();
    how.target_dir(directory).force().update_index(false).recreate_missing(true);
    repository.checkout_tree(tree.as_object(), Some(&mut how))
}

/// Where a pack lies in its repository; empty: at the top.
fn within(repository: &Repository, pack_dir: &Path) -> PathBuf {
    let real = |path: &Path| path.canonicalize().ok();
    let inside = repository.workdir().and_then(real).zip(real(pack_dir));
    inside.and_then(|(top, pack)| Some(pack.strip_prefix(top).ok()?.to_owned())).unwrap_or_default()
}

/// The entry point within the checkout.
fn moved(wanted: &Wanted, pack: &Path) -> Result<PathBuf, Error> {
    let outside = || Error::System("entry_point is not located inside the pack directory".to_owned());
    let relative = wanted.entry_point.strip_prefix(&wanted.pack_dir).map_err(|_| outside())?;
    let found = PackDir::at(pack).map_err(ReadError::from);
    match found.and_then(|checkout| checkout.look_at(relative)) {
        Ok(_) => Ok(pack.join(relative)),
        Err(ReadError::Outside) => Err(outside()),
        Err(error) => Err(Error::System(format!(
            "The action has no entry point in version \"{}\" of pack \"{}\": {}: {error}",
            wanted.revision,
            wanted.pack,
            relative.display()
        ))),
    }
}
