//! Where the script of an action lies.

use crate::{
    config::Config,
    content::{self, PackDir, ReadError},
    model::NewAction,
    service,
    store::{Cached, Store, packs, patiently},
};
use std::path::PathBuf;

/// The directories of packs.
#[derive(Debug)]
pub(in crate::engine) struct PackDirs {
    store: Store,
    known: Cached<PathBuf>,
    base_dirs: Vec<PathBuf>,
}

/// The script of an action.
#[derive(Debug)]
pub(in crate::engine) struct EntryPoint {
    /// Its absolute path.
    pub(in crate::engine) path: PathBuf,
    /// The directory of its pack.
    pub(in crate::engine) pack: PathBuf,
}

impl PackDirs {
    pub(in crate::engine) fn new(store: &Store, config: &Config) -> Self {
        let base_dirs = content::base_dirs(config);
        Self { store: store.clone(), known: Cached::new(store.bus()), base_dirs }
    }

    async fn of(&self, pack: &str) -> crate::store::Result<Option<PathBuf>> {
        if let Some(directory) = patiently("a run that needs its pack", || self.registered(pack)).await? {
            return Ok(Some(directory));
        }
        // An action may be made before its pack is registered: its files count from the moment they are there.
        let (base_dirs, pack) = (self.base_dirs.clone(), pack.to_owned());
        let on_disk = move || PackDir::find(&base_dirs, &pack).map(|it| it.path);
        Ok(tokio::task::spawn_blocking(on_disk).await.ok().flatten())
    }

    async fn registered(&self, pack: &str) -> crate::store::Result<Option<PathBuf>> {
        let look_up = async || {
            let row = packs::find(self.store.pool(), pack).await?;
            Ok(row.map(|row| PathBuf::from(row.path)))
        };
        self.known.get(pack, look_up).await
    }
}

/// The action's entry point, `None` if it has none.
///
/// # Errors
/// In words for the user: the pack or the script is not there, or the script lies outside of its pack, by `..` or by
/// a symbolic link.
pub(in crate::engine) async fn find(
    packs: &PackDirs,
    action: &NewAction,
) -> Result<Option<EntryPoint>, String> {
    if action.entry_point.is_empty() {
        return Ok(None);
    }
    let root = packs
        .of(&action.pack)
        .await
        .map_err(|error| format!("Could not look up pack \"{}\": {error}", action.pack))?
        .ok_or_else(|| format!("Pack \"{}\" is neither registered nor on disk.", action.pack))?;
    let written = root.join("actions").join(&action.entry_point);
    let pack_dir = root.clone();
    let looked_at = written.clone();
    let found = service::compute(move || PackDir::at(&root)?.look_at(&looked_at)).await;
    match found? {
        Ok(_) => Ok(Some(EntryPoint { path: written, pack: pack_dir })),
        Err(ReadError::Outside) => Err(format!(
            "The entry point \"{}\" of action \"{}\" lies outside of its pack.",
            action.entry_point,
            action.reference()
        )),
        Err(error) => {
            Err(format!("The entry point {} of action \"{}\" {error}", written.display(), action.reference()))
        }
    }
}
