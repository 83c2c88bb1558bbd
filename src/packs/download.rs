//! A pack is fetched into a workshop beside the installed ones, checked there, and takes its place by one rename.
//!
//! Whatever fails or is killed before that rename leaves what was installed as it was. The pack that was replaced is
//! kept until the next download of it, so that [`take_back`] can undo an installation that fails further on. Which
//! installation has put a pack in its place is noted beside it: so it is undone once, by whoever comes first, and not
//! after another one has come.

use super::{
    Error, Net, Progress, Settings, Source, git, index,
    lock::{self, Lock},
    manifest::{self, Manifest},
};
use crate::model::ExecutionId;
use md5::{Digest, Md5};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Mode of everything in an installed pack: scripts have to be executable, and the group may edit.
const MODE: u32 = 0o775;

/// Deepest directory of a local pack.
const DEPTH_MAX: usize = 64;

/// How to download.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also packs that say they are not for this system.
    pub force: bool,
    /// Whether certificates of servers are looked at.
    pub verify_ssl: bool,
    /// Whether directories of this machine may be named.
    pub local_allowed: bool,
    /// The installation that this is part of, which may be undone.
    pub installation: Option<ExecutionId>,
}

/// What came of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// The pack's reference, once it is known; what was asked for before that.
    pub pack: String,
    /// Where it was fetched from; `None` when that was not found out.
    pub url: Option<String>,
    /// How it went.
    pub result: Result<(), Error>,
}

/// Downloads the pack that `wanted` names, and puts it in place.
pub fn download(
    settings: &Settings,
    wanted: &str,
    options: Options,
    index: &mut index::Lookup<'_>,
    progress: &Progress<'_>,
) -> Downloaded {
    let mut done = Downloaded { pack: wanted.to_owned(), url: None, result: Ok(()) };
    done.result = attempt(settings, wanted, options, index, progress, &mut done.pack, &mut done.url);
    done
}

fn attempt(
    settings: &Settings,
    wanted: &str,
    options: Options,
    index: &mut index::Lookup<'_>,
    progress: &Progress<'_>,
    pack: &mut String,
    shown_url: &mut Option<String>,
) -> Result<(), Error> {
    let (source, mut reference) = Source::parse(wanted)?;
    let source = match source {
        Source::Index(name) => {
            let entry = index.find(&name)?;
            let entry =
                entry.ok_or_else(|| Error::new(format!("No record of the \"{name}\" pack in the index.")))?;
            if reference.is_none() {
                reference = entry.version;
            }
            Source::parse(&entry.repo_url)?.0
        }
        other => other,
    };
    if source.is_local() && !options.local_allowed {
        return Err(Error::new("Only administrators may install packs from directories of the server."));
    }
    let address = match &source {
        Source::Repository(url) => url.clone(),
        Source::Directory(path) => format!("file://{}", path.display()),
        Source::Index(name) => return Err(Error::new(format!("The index says \"{name}\" of where it is."))),
    };
    *shown_url = Some(git::without_secrets(&address));
    let workshop = settings.workshop()?;
    let key = hex::encode(Md5::digest(&address));
    let _lock = Lock::take(&workshop, &key, progress)?;
    let draft = Draft::begin(workshop.join(&key))?;
    match &source {
        Source::Directory(path) if !path.is_dir() => {
            return Err(Error::new(format!("Local pack directory \"{}\" doesn't exist", path.display())));
        }
        Source::Directory(path) if !is_repository(path) => {
            if let Some(reference) = reference {
                return Err(Error::new(format!(
                    "\"{reference}\" cannot be chosen: {} is no git repository",
                    path.display()
                )));
            }
            progress.say(format!("Copying {}", path.display()));
            copy(settings, path, &draft.0, progress, 0)?;
        }
        _ => {
            let net = Net::new(&settings.proxies, options.verify_ssl)?;
            git::clone(&address, reference.as_deref(), &draft.0, &net, progress)?;
        }
    }
    let manifest = manifest::read_manifest(&draft.0)?;
    let reference = manifest.reference()?;
    pack.clone_from(&reference);
    if !options.force {
        manifest.fits_here(&settings.pythons)?;
    }
    progress.check()?;
    settle(settings, &reference, &manifest, &draft, options.installation, progress)
}

/// Takes the place of what is there under this reference.
fn settle(
    settings: &Settings,
    reference: &str,
    manifest: &Manifest,
    draft: &Draft,
    installation: Option<ExecutionId>,
    progress: &Progress<'_>,
) -> Result<(), Error> {
    let workshop = settings.workshop()?;
    // Two addresses may hold the same pack.
    let lock = Lock::take(&workshop, &lock_of(reference), progress)?;
    let place = settings.packs_dir.join(reference);
    keep_old_config(&place, &draft.0)?;
    give_to_group(&draft.0, &settings.pack_group);
    open_up(&draft.0).map_err(|error| Error::at(&draft.0, &error))?;
    let previous = settings.previous(reference);
    discard(&previous)?;
    if exchange(&draft.0, &place)? {
        // What was there lies in the workshop now.
        fs::rename(&draft.0, &previous).map_err(|error| Error::at(&previous, &error))?;
    }
    let note = installation.map(|id| id.to_string()).unwrap_or_default();
    lock.write(&note).map_err(|error| Error::at(&place, &error))?;
    let version = manifest.version().unwrap_or_default();
    progress.say(format!("Installed {reference} {version} in {}", place.display()));
    Ok(())
}

/// The name of the lock of a pack.
fn lock_of(reference: &str) -> String {
    format!("pack.{reference}")
}

/// The packs that were last put in place by this installation, and not taken back.
pub fn placed_by(settings: &Settings, installation: ExecutionId) -> Result<Vec<String>, Error> {
    let (workshop, note) = (settings.workshop()?, installation.to_string());
    let entries = fs::read_dir(&workshop).map_err(|error| Error::at(&workshop, &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let packs = names.filter_map(|name| Some(name.strip_prefix("pack.")?.strip_suffix(".lock")?.to_owned()));
    let is_noted = |pack: &String| {
        fs::read_to_string(lock::file_of(&workshop, &lock_of(pack))).is_ok_and(|found| found == note)
    };
    let mut placed: Vec<String> = packs.filter(is_noted).collect();
    placed.sort();
    Ok(placed)
}

/// Undoes the download of a pack by an installation: the one before it comes back, or none if there was none. Answers
/// whether there was something to undo.
pub fn take_back(
    settings: &Settings,
    reference: &str,
    installation: ExecutionId,
    progress: &Progress<'_>,
) -> Result<bool, Error> {
    let workshop = settings.workshop()?;
    let lock = Lock::take(&workshop, &lock_of(reference), progress)?;
    let at_lock = |error: io::Error| Error::at(&lock::file_of(&workshop, &lock_of(reference)), &error);
    if lock.note().map_err(at_lock)? != installation.to_string() {
        return Ok(false);
    }
    lock.write("").map_err(at_lock)?;
    let (place, previous) = (settings.packs_dir.join(reference), settings.previous(reference));
    let doomed = workshop.join(format!("{reference}.failed"));
    discard(&doomed)?;
    if fs::symlink_metadata(&previous).is_ok() {
        if exchange(&previous, &place)? {
            fs::rename(&previous, &doomed).map_err(|error| Error::at(&previous, &error))?;
        }
        progress.say(format!("Brought back what was installed of {reference} before"));
    } else if fs::symlink_metadata(&place).is_ok() {
        fs::rename(&place, &doomed).map_err(|error| Error::at(&place, &error))?;
        progress.say(format!("Removed {reference} again"));
    }
    discard(&doomed)?;
    Ok(true)
}

/// A directory in the making: gone when it was not put in place.
#[derive(Debug)]
struct Draft(PathBuf);

impl Draft {
    /// Also clears what a killed daemon left there.
    fn begin(path: PathBuf) -> Result<Self, Error> {
        discard(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = discard(&self.0) {
            tracing::warn!("Cannot clear away a download: {error}");
        }
    }
}

/// Swaps two directories in one step; if the second is not there, the first takes its place. Answers whether there
/// were two.
fn exchange(new: &Path, place: &Path) -> Result<bool, Error> {
    let fail = |error: io::Error| Error::at(place, &error);
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(new, place).map(|()| false).map_err(fail);
    }
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        // A file system that cannot: for a moment there is no pack, and a kill in it leaves the old one in the workshop.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let aside = new.with_extension("aside");
            discard(&aside)?;
            fs::rename(place, &aside).map_err(fail)?;
            if let Err(error) = fs::rename(new, place) {
                fs::rename(&aside, place).map_err(fail)?;
                return Err(fail(error));
            }
            fs::rename(&aside, new).map_err(fail)?;
            Ok(true)
        }
        Err(error) => Err(fail(error.into())),
    }
}

/// Removes a directory, or the link or file that is there instead of it. Links are never followed.
pub(super) fn discard(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(kind) if kind.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::at(path, &error)),
        _ => Ok(()),
    }
}

fn is_repository(path: &Path) -> bool {
    // Its own, not one of a directory above.
    git2::Repository::open_ext(
        path,
        git2::RepositoryOpenFlags::NO_SEARCH,
        std::iter::empty::<&std::ffi::OsStr>(),
    )
    .is_ok()
}

/// Copies files, directories and links as they are; leaves out everything else.
fn copy(
    settings: &Settings,
    from: &Path,
    to: &Path,
    progress: &Progress<'_>,
    depth: usize,
) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::new(format!("{} is too deep", from.display())));
    }
    if settings.is_packs_dir(from) {
        return Err(Error::new(format!("{} holds packs, it is none", from.display())));
    }
    progress.check()?;
    fs::create_dir(to).map_err(|error| Error::at(to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| Error::at(from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::at(from, &error))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| Error::at(&source, &error))?;
        if kind.is_dir() {
            copy(settings, &source, &target, progress, depth + 1)?;
        } else if kind.is_symlink() {
            let goal = fs::read_link(&source).map_err(|error| Error::at(&source, &error))?;
            std::os::unix::fs::symlink(goal, &target).map_err(|error| Error::at(&target, &error))?;
        } else if kind.is_file() {
            fs::copy(&source, &target).map_err(|error| Error::at(&source, &error))?;
        }
    }
    Ok(())
}

/// Long ago packs kept their configuration in themselves; what somebody wrote there stays.
fn keep_old_config(place: &Path, draft: &Path) -> Result<(), Error> {
    let (old, new) = (place.join("config.yaml"), draft.join("config.yaml"));
    let is_file = fs::symlink_metadata(&old).is_ok_and(|kind| kind.is_file());
    if is_file {
        discard(&new)?;
        fs::copy(&old, &new).map_err(|error| Error::at(&old, &error))?;
    }
    Ok(())
}

/// Gives everybody the rights StackStorm gives, without following links and leaving what is git's alone.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(MODE))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            open_up(&entry.path())?;
        } else if kind.is_file() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(MODE))?;
        }
    }
    Ok(())
}

/// Without the right to, or without such a group, packs stay who they are: they run all the same.
fn give_to_group(directory: &Path, group: &str) {
    let found = if group.is_empty() { None } else { nix::unistd::Group::from_name(group).ok().flatten() };
    let Some(group) = found else { return };
    if let Err(error) = give(directory, group.gid.as_raw()) {
        tracing::debug!("Cannot give {} to the group {}: {error}", directory.display(), group.name);
    }
}

fn give(path: &Path, gid: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, None, Some(gid))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), gid)?;
        }
    }
    Ok(())
}
