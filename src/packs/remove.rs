//! Packs go: renamed away first, so that nobody ever sees half of one. Left out: their virtualenvs.

use super::{Error, Progress, Settings, download::discard, lock::Lock};
use crate::content::pack::SYSTEM_PACKS;
use std::{fs, path::Path};

/// Those of these packs that belong to the system and stay.
pub fn system_packs(packs: &[String]) -> Vec<&str> {
    packs.iter().map(String::as_str).filter(|pack| SYSTEM_PACKS.contains(pack)).collect()
}

/// Removes a pack from disk. Answers whether there was one.
///
/// A running action keeps the files that it has open; what it looks for by name is gone.
pub fn remove(settings: &Settings, pack: &str, progress: &Progress<'_>) -> Result<bool, Error> {
    if !crate::content::pack::is_reference(pack) {
        return Err(Error::new(format!("Invalid pack name \"{pack}\"")));
    }
    let workshop = settings.workshop()?;
    let _lock = Lock::take(&workshop, &format!("pack.{pack}"), progress)?;
    let place = settings.packs_dir.join(pack);
    let was_there = fs::symlink_metadata(&place).is_ok();
    if was_there {
        progress.say(format!("Removing {}", place.display()));
        away(&place, &workshop.join(format!("{pack}.removed")))?;
    }
    discard(&settings.previous(pack))?;
    Ok(was_there)
}

fn away(path: &Path, aside: &Path) -> Result<(), Error> {
    discard(aside)?;
    fs::rename(path, aside).map_err(|error| Error::at(path, &error))?;
    discard(aside)
}
