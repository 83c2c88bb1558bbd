//! Repositories: cloned by libgit2 in this process, without running anything of them (no hooks, no filters, no
//! submodules), and the version somebody asked for checked out.

mod http;
mod ssh;
mod transport;

use super::{Error, Net, Progress};
use git2::{
    AutotagOption, BranchType, ErrorClass, FetchOptions, Object, ObjectType, RemoteCallbacks, Repository,
    build::{CheckoutBuilder, RepoBuilder},
};
use std::{path::Path, time::Duration};

/// How often a transfer is told of.
const TELL: Duration = Duration::from_secs(2);

/// Clones `url` into `into`, which does not exist yet, and checks out `reference`: a branch, a commit, a tag, or a
/// version that a tag `v…` has.
pub(super) fn clone(
    url: &str,
    reference: Option<&str>,
    into: &Path,
    net: &Net,
    progress: &Progress<'_>,
) -> Result<(), Error> {
    let shown = without_secrets(url);
    let _way = transport::with(net);
    let mut told = std::time::Instant::now();
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(|state| {
        if told.elapsed() > TELL {
            told = std::time::Instant::now();
            progress.say(format!(
                "Received {} of {} objects, {} bytes",
                state.received_objects(),
                state.total_objects(),
                state.received_bytes()
            ));
        }
        !(progress.stopped)()
    });
    let mut fetch = FetchOptions::new();
    fetch.remote_callbacks(callbacks).download_tags(AutotagOption::All);
    let mut nothing = CheckoutBuilder::new();
    // What was asked for is checked out below, once.
    nothing.dry_run();
    progress.say(format!("Cloning {shown}"));
    let cloned = RepoBuilder::new().fetch_options(fetch).with_checkout(nothing).clone(url, into);
    let repository = cloned.map_err(|error| {
        let stopped = progress.check().err();
        stopped.unwrap_or_else(|| Error::new(format!("Cannot clone {shown}: {}", error.message().trim())))
    })?;
    let wanted = find(&repository, reference, &shown)?;
    check_out(&repository, &wanted, reference)?;
    progress.say(format!("Checked out {} ({})", reference.unwrap_or("the default branch"), wanted.id()));
    Ok(())
}

/// The commit somebody asked for.
fn find<'r>(repository: &'r Repository, reference: Option<&str>, url: &str) -> Result<Object<'r>, Error> {
    let Some(reference) = reference else {
        return match repository.head().and_then(|head| head.peel(ObjectType::Commit)) {
            Ok(commit) => Ok(commit),
            Err(error) if error.class() == ErrorClass::Reference => {
                Err(Error::new(format!("{url} has no commits")))
            }
            Err(error) => Err(error.into()),
        };
    };
    let commit =
        |name: String| repository.find_reference(&name).and_then(|found| found.peel(ObjectType::Commit)).ok();
    let found = commit(format!("refs/remotes/origin/{reference}"))
        .or_else(|| commit(format!("refs/tags/{reference}")))
        .or_else(|| by_hash(repository, reference))
        .or_else(|| is_version(reference).then(|| commit(format!("refs/tags/v{reference}"))).flatten());
    found.ok_or_else(|| {
        let mut text = format!("\"{reference}\" is not a valid version, hash, tag or branch in {url}.");
        let versions = versions(repository);
        if !versions.is_empty() {
            text = format!("{text} Available versions are: {}.", versions.join(", "));
        }
        Error(text)
    })
}

fn by_hash<'r>(repository: &'r Repository, reference: &str) -> Option<Object<'r>> {
    let is_hash =
        (4..=40).contains(&reference.len()) && reference.bytes().all(|letter| letter.is_ascii_hexdigit());
    is_hash.then(|| repository.revparse_single(reference).ok()?.peel(ObjectType::Commit).ok()).flatten()
}

fn versions(repository: &Repository) -> Vec<String> {
    let Ok(tags) = repository.tag_names(Some("v*")) else { return Vec::new() };
    let names = tags.iter().filter_map(|name| name.ok().flatten());
    names
        .filter_map(|name| name.strip_prefix('v'))
        .filter(|name| is_version(name))
        .map(str::to_owned)
        .collect()
}

fn is_version(text: &str) -> bool {
    crate::model::Version::is_valid(text)
}

fn check_out(repository: &Repository, commit: &Object<'_>, reference: Option<&str>) -> Result<(), Error> {
    // Installed files get modes of their own, which is no change of the pack.
    repository.config()?.set_bool("core.filemode", false)?;
    repository.checkout_tree(commit, Some(CheckoutBuilder::new().force()))?;
    let Some(reference) = reference else { return Ok(()) };
    let remote = format!("origin/{reference}");
    if repository.find_branch(&remote, BranchType::Remote).is_err() {
        return Ok(repository.set_head_detached(commit.id())?);
    }
    let local = format!("refs/heads/{reference}");
    repository.reference(&local, commit.id(), true, "st2d: install")?;
    repository.set_head(&local)?;
    if let Ok(mut branch) = repository.find_branch(reference, BranchType::Local) {
        branch.set_upstream(Some(&remote))?;
    }
    Ok(())
}

/// An address as it may be shown: without a password.
pub(super) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.split('/').next().unwrap_or_default();
    match host.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:********{}", &rest[user.len()..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_secrets("https://u:p@h/x"), "https://u:********@h/x");
        assert_eq!(without_secrets("https://u@h/x"), "https://u@h/x");
        assert_eq!(without_secrets("https://h/x@y:z"), "https://h/x@y:z");
    }
}
