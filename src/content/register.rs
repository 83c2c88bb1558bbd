//! Packs on disk become rows: one transaction per pack, ids survive, nothing is removed.

use super::{
    disk::{self, Inventory, PackDir},
    load::{self, LoadedPack, Runners},
    problem::Problem,
    runner_types,
};
use crate::{
    config::Config,
    model::Pack,
    store::{self, Store, actions::Upserts},
};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, path::PathBuf, sync::Arc};

/// Goes into every fingerprint: raise it when reading a file gives another row than before.
const READING: &[u8] = b"2";

/// Subject of the fingerprint of the runner types.
const RUNNERS: &str = "runners";

/// Which packs to register.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these; `None`: all there are.
    pub packs: Option<Vec<String>>,
    /// Leave out what is registered as it lies on disk.
    pub only_changed: bool,
}

/// What registering did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runner types registered.
    pub runners: usize,
    /// Packs looked at, by reference.
    pub packs: Vec<PackReport>,
    /// Files that do not count, and why.
    pub problems: Vec<Problem>,
    /// Directories left out because another pack of the same name comes first.
    pub shadowed: Vec<PathBuf>,
}

/// What registering did for one pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackReport {
    /// Its reference.
    pub reference: String,
    /// Actions registered; 0 if the pack was left out.
    pub actions: usize,
    /// How many of them were new or differed.
    pub upserts: Upserts,
    /// Left out: it was registered as it lies on disk.
    pub unchanged: bool,
}

impl Report {
    /// Actions registered in all packs.
    pub fn actions(&self) -> usize {
        self.packs.iter().map(|pack| pack.actions).sum()
    }
}

/// Why nothing was registered. Faults of files are no errors, they are in the [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pack that was named is nowhere.
    #[error("Pack \"{0}\" not found on disk: no such directory in {1}")]
    NoSuchPack(String, String),
    /// Our own runner types cannot be read.
    #[error("the built-in runner types are broken")]
    RunnerTypes(#[source] anyhow::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Registers the runner types and the packs of `scope`.
pub async fn register(store: &Store, config: &Config, scope: &Scope) -> Result<Report, Error> {
    let known = store::packs::fingerprints(store.pool()).await?;
    let mut report =
        Report { runners: runners(store, &known, scope.only_changed).await?, ..Report::default() };
    let (base_dirs, names) = (disk::base_dirs(config), scope.packs.clone());
    let (packs, shadowed) = beside(move || look_for(&base_dirs, names.as_deref())).await?;
    report.shadowed = shadowed;
    // Read once, and only if there is anything to check against them.
    let mut all_runners = None;
    for Found { directory, inventory, fingerprint } in packs {
        if scope.only_changed && known.get(&subject(&directory.name)) == Some(&fingerprint) {
            report.packs.push(PackReport {
                reference: directory.name,
                actions: 0,
                upserts: Upserts::default(),
                unchanged: true,
            });
            continue;
        }
        let runners = match &all_runners {
            Some(runners) => Arc::clone(runners),
            None => Arc::clone(all_runners.insert(Arc::new(read_runners(store).await?))),
        };
        let LoadedPack { pack, actions, problems } =
            beside(move || load::load(&directory, inventory, &runners)).await;
        if let Some(pack) = pack {
            let fingerprint = problems.is_empty().then_some(fingerprint.as_slice());
            let upserts = write(store, &pack, &actions, fingerprint).await?;
            let reference = pack.reference;
            report.packs.push(PackReport { reference, actions: actions.len(), upserts, unchanged: false });
        }
        report.problems.extend(problems);
    }
    Ok(report)
}

/// A pack on disk, what lies in it, and the fingerprint of registering just that with this program.
struct Found {
    directory: PackDir,
    inventory: Inventory,
    fingerprint: Vec<u8>,
}

/// The packs of these names, or all; and the directories left out for another of the same name.
fn look_for(base_dirs: &[PathBuf], names: Option<&[String]>) -> Result<(Vec<Found>, Vec<PathBuf>), Error> {
    let (packs, shadowed) = match names {
        None => disk::find_packs(base_dirs),
        Some(names) => {
            let packs = names.iter().map(|name| find(base_dirs, name)).collect::<Result<_, _>>()?;
            (packs, Vec::new())
        }
    };
    Ok((packs.into_iter().map(look).collect(), shadowed))
}

fn find(base_dirs: &[PathBuf], name: &str) -> Result<PackDir, Error> {
    PackDir::find(base_dirs, name).ok_or_else(|| {
        let searched: Vec<_> = base_dirs.iter().map(|base| base.display().to_string()).collect();
        Error::NoSuchPack(name.to_owned(), searched.join(","))
    })
}

fn look(directory: PackDir) -> Found {
    // What cannot be listed is empty, and reading it will say why.
    let inventory = directory.inventory().unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(READING);
    hash.update(runner_types::fingerprint());
    hash.update(inventory.fingerprint);
    Found { directory, inventory, fingerprint: hash.finalize().to_vec() }
}

/// Works with the disk beside the threads that serve others.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// Registers the runner types; says how many.
async fn runners(
    store: &Store,
    known: &HashMap<String, Vec<u8>>,
    only_changed: bool,
) -> Result<usize, Error> {
    let fingerprint = runner_types::fingerprint();
    if only_changed && known.get(RUNNERS) == Some(&fingerprint) {
        return Ok(0);
    }
    let types = runner_types::all().map_err(Error::RunnerTypes)?;
    let mut tx = store.begin().await?;
    store::runner_types::upsert(&mut tx, &types).await?;
    store::packs::set_fingerprint(&mut tx, RUNNERS, &fingerprint).await?;
    tx.commit().await?;
    Ok(types.len())
}

async fn read_runners(store: &Store) -> Result<Runners, Error> {
    let types = store::runner_types::all(store.pool()).await?;
    Ok(types.into_iter().map(|runner| (runner.name.clone(), runner)).collect())
}

fn subject(pack: &str) -> String {
    format!("pack:{pack}")
}

/// Writes a pack in one transaction. Without a fingerprint it will be read again at the next start, so that its
/// problems are told again.
async fn write(
    store: &Store,
    pack: &Pack,
    actions: &[crate::model::NewAction],
    fingerprint: Option<&[u8]>,
) -> Result<Upserts, Error> {
    let mut tx = store.begin().await?;
    store::packs::upsert(&mut tx, pack).await?;
    let upserts = store::actions::upsert(&mut tx, actions).await?;
    match fingerprint {
        Some(fingerprint) => {
            store::packs::set_fingerprint(&mut tx, &subject(&pack.reference), fingerprint).await?;
        }
        None => store::packs::forget_fingerprint(&mut tx, &subject(&pack.reference)).await?,
    }
    tx.commit().await?;
    Ok(upserts)
}
