//! `content_version`: an action runs from its pack as it was at a commit, tag or branch, checked out beside it.

use super::{Error, LiveAction};
use std::path::PathBuf;

/// A checkout for one run.
#[derive(Debug)]
pub(super) struct Worktree {
    /// Where the pack is checked out.
    pub(super) directory: PathBuf,
    /// The entry point of the action in there.
    pub(super) entry_point: PathBuf,
}

impl Worktree {
    /// The checkout that an action asks for, if it asks for one.
    pub(super) async fn of(_action: &LiveAction) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    pub(super) async fn remove(self) {}
}
