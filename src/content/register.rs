//! Packs on disk become rows: ids survive, and nothing is removed unless asked for.

use super::{
    builtin,
    disk::{self, Inventory, PackDir},
    external_runners,
    load::{self, LoadedPack, Surroundings},
    overrides::Overrides,
    problem::{Kind, Problem},
    prune::{self, Gone},
    resolve::{self, Known},
    runner_types,
    write::{self, Ready},
};
use crate::{
    config::Config,
    store::{self, Store, actions::Upserts},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Goes into every fingerprint: raise it when reading a file gives another row than before.
const READING: &[u8] = b"3";

/// Subject of the fingerprint of what the program registers of its own.
const PROGRAM: &str = "runners";

/// Subject of the fingerprint of the runners that are programs of their own.
const EXTERNAL: &str = "external runners";

/// What to register.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these packs; `None`: all there are.
    pub packs: Option<Vec<String>>,
    /// These directories of packs too, wherever they are.
    pub directories: Vec<PathBuf>,
    /// Only these kinds; `None`: all.
    pub kinds: Option<BTreeSet<Kind>>,
    /// Leave out what is registered as it lies on disk.
    pub only_changed: bool,
    /// Write nothing if any file has a fault.
    pub stop_at_problem: bool,
    /// What becomes of what is registered and no longer on disk.
    pub prune: Prune,
}

/// What becomes of what is registered and no longer on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// It stays, as in StackStorm.
    #[default]
    Keep,
    /// It is found and stays, and so does everything else: a rehearsal.
    Rehearse,
    /// It is removed.
    Remove,
}

impl Scope {
    /// All packs as they are; faults stop nothing.
    pub fn everything() -> Self {
        Self::default()
    }

    /// These packs as they are; faults stop nothing.
    pub fn packs(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { packs: Some(names.into_iter().map(Into::into).collect()), ..Self::default() }
    }
}

/// What registering did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runner types there are; 0 if they were left out.
    pub runners: usize,
    /// Rule types there are; 0 if they were left out.
    pub rule_types: usize,
    /// Policy types there are; 0 if they were left out.
    pub policy_types: usize,
    /// Packs looked at, by reference.
    pub packs: Vec<PackReport>,
    /// What was new or differed, of everything packs hold.
    pub upserts: Upserts,
    /// Files that do not count, and why.
    pub problems: Vec<Problem>,
    /// Directories left out because another pack of the same name comes first.
    pub shadowed: Vec<PathBuf>,
    /// Nothing was written: a file has a fault, and that was to stop everything.
    pub stopped: bool,
    /// What is registered and no longer on disk, if that was asked for.
    pub gone: Vec<Gone>,
}

/// What registering did for one pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackReport {
    /// Its reference.
    pub reference: String,
    /// How much of each kind was registered; empty if the pack was left out.
    pub counts: BTreeMap<Kind, usize>,
    /// How much of each kind is enabled or disabled by overrides alone.
    pub overridden: BTreeMap<Kind, usize>,
    /// Left out: it was registered as it lies on disk.
    pub unchanged: bool,
}

impl PackReport {
    /// Of this kind registered.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts.get(&kind).copied().unwrap_or_default()
    }
}

impl Report {
    /// Of this kind registered in all packs.
    pub fn count(&self, kind: Kind) -> usize {
        self.packs.iter().map(|pack| pack.count(kind)).sum()
    }

    /// Of this kind enabled or disabled by overrides alone, in all packs.
    pub fn overridden(&self, kind: Kind) -> usize {
        self.packs.iter().filter_map(|pack| pack.overridden.get(&kind)).sum()
    }
}

/// Why nothing was registered. Faults of files are no errors, they are in the [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pack that was named is nowhere.
    #[error("Pack \"{0}\" not found on disk: Directory \"{1}\" doesn't exist")]
    NoSuchPack(String, String),
    /// Our own descriptions cannot be read.
    #[error("what the program registers of its own is broken")]
    Program(#[source] anyhow::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Registers what the program brings and the packs of `scope`.
pub async fn register(store: &Store, config: &Config, scope: &Scope) -> Result<Report, Error> {
    let remembered = store::packs::fingerprints(store.pool()).await?;
    let mut report = program(store, &remembered, scope.only_changed).await?;
    report.runners += external(store, config, &remembered, scope.only_changed).await?;
    let (found, shadowed) = {
        let (places, scope) = (Places::of(config), scope.clone());
        beside(move || look_for(&places, &scope)).await?
    };
    report.shadowed = shadowed;
    let (unchanged, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| {
        scope.only_changed && remembered.get(&subject(&found.directory.name)) == Some(&found.fingerprint)
    });
    report.packs.extend(unchanged.into_iter().map(|found| PackReport {
        reference: found.directory.name,
        unchanged: true,
        ..PackReport::default()
    }));
    if found.is_empty() && scope.prune == Prune::Keep {
        return Ok(report);
    }
    let around = surroundings(store, config, scope).await?;
    let mut known = known(store, config).await?;
    let is_whole = scope.kinds.is_none();
    let mut ready = beside(move || {
        let (mut loaded, fingerprints): (Vec<_>, Vec<_>) = load_all(found, &around).into_iter().unzip();
        resolve::resolve(&mut loaded, &mut known);
        let pairs = loaded.into_iter().zip(fingerprints);
        pairs
            .map(|((directory, loaded), fingerprint)| Ready {
                directory,
                fingerprint: (is_whole && loaded.problems.is_empty()).then_some(fingerprint),
                keep_fingerprint: !is_whole,
                loaded,
            })
            .collect::<Vec<_>>()
    })
    .await;
    for pack in &mut ready {
        report.problems.append(&mut pack.loaded.problems);
    }
    report.problems.sort_by_key(|problem| problem.kind);
    report.stopped = scope.stop_at_problem && !report.problems.is_empty();
    if report.stopped {
        return Ok(report);
    }
    if scope.prune != Prune::Keep {
        report.gone = prune::find(store, &ready, &report.problems, scope).await?;
    }
    if scope.prune == Prune::Rehearse {
        return Ok(report);
    }
    if scope.prune == Prune::Remove {
        prune::remove(store, &report.gone).await?;
    }
    ready.retain(|pack| pack.loaded.pack.is_some());
    let (upserts, refused) = write::write(store, &ready).await?;
    report.upserts = upserts;
    for pack in ready {
        if !refused.iter().any(|problem| problem.pack == pack.directory.name) {
            tracing::debug!("Registered the pack {}", pack.directory.path.display());
            report.packs.push(told(pack.directory.name, &pack.loaded));
        }
    }
    report.packs.sort_by(|a, b| a.reference.cmp(&b.reference));
    report.problems.extend(refused);
    Ok(report)
}

/// Checks packs as [`register`] would, and touches no row: everything that is wrong with them.
pub async fn check(store: &Store, config: &Config, scope: &Scope) -> Result<Report, Error> {
    let scope = Scope { prune: Prune::Rehearse, only_changed: false, ..scope.clone() };
    register(store, config, &scope).await
}

fn told(reference: String, loaded: &LoadedPack) -> PackReport {
    let of_files = |kind: &&crate::model::TriggerType| {
        kind.metadata_file.as_deref().is_some_and(|file| file.starts_with("triggers/"))
    };
    let counts = [
        (Kind::Trigger, loaded.trigger_types.iter().filter(of_files).count()),
        (Kind::Sensor, loaded.sensors.len()),
        (Kind::Action, loaded.actions.len()),
        (Kind::Rule, loaded.rules.len()),
        (Kind::Alias, loaded.aliases.len()),
        (Kind::Policy, loaded.policies.len()),
        (Kind::Config, usize::from(loaded.config.is_some())),
    ];
    PackReport {
        reference,
        counts: counts.into_iter().collect(),
        overridden: loaded.overridden.clone(),
        unchanged: false,
    }
}

/// Where content lies.
#[derive(Clone, Debug)]
struct Places {
    base_dirs: Vec<PathBuf>,
    configs_dir: PathBuf,
    overrides_dir: PathBuf,
}

impl Places {
    fn of(config: &Config) -> Self {
        Self {
            base_dirs: disk::base_dirs(config),
            configs_dir: config.configs_dir(),
            overrides_dir: config.overrides_dir(),
        }
    }
}

/// A pack on disk, what lies in it, and the fingerprint of registering just that with this program.
struct Found {
    directory: PackDir,
    inventory: Inventory,
    fingerprint: Vec<u8>,
}

/// The packs of a scope, and the directories left out for another of the same name.
fn look_for(places: &Places, scope: &Scope) -> Result<(Vec<Found>, Vec<PathBuf>), Error> {
    let (mut packs, shadowed) = match &scope.packs {
        None if scope.directories.is_empty() => disk::find_packs(&places.base_dirs),
        names => {
            let names: BTreeSet<&String> = names.iter().flatten().collect();
            let packs =
                names.into_iter().map(|name| find(&places.base_dirs, name)).collect::<Result<_, _>>()?;
            (packs, Vec::new())
        }
    };
    for directory in &scope.directories {
        packs.push(find_at(directory)?);
    }
    Ok((packs.into_iter().map(|directory| look(directory, places)).collect(), shadowed))
}

fn find(base_dirs: &[PathBuf], name: &str) -> Result<PackDir, Error> {
    PackDir::find(base_dirs, name).ok_or_else(|| {
        let first = base_dirs.first().map_or(Path::new(""), PathBuf::as_path);
        Error::NoSuchPack(name.to_owned(), first.join(name).display().to_string())
    })
}

fn find_at(directory: &Path) -> Result<PackDir, Error> {
    let found = PackDir::at(directory).ok().filter(|found| found.path.is_dir());
    found.ok_or_else(|| {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Error::NoSuchPack(name, directory.display().to_string())
    })
}

fn look(directory: PackDir, places: &Places) -> Found {
    // What cannot be listed is empty, and reading it will say why.
    let inventory = directory.inventory().unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(READING);
    hash.update(runner_types::fingerprint());
    hash.update(builtin::fingerprint());
    hash.update(inventory.fingerprint);
    let config = disk::stamp(&places.configs_dir.join(format!("{}.yaml", directory.name)));
    let overrides = Overrides::stamps(&places.overrides_dir, &directory.name);
    for number in overrides.into_iter().flatten().chain(config) {
        hash.update(number.to_le_bytes());
    }
    Found { directory, inventory, fingerprint: hash.finalize().to_vec() }
}

/// A pack read, and the fingerprint to remember of it.
type Loaded = ((PackDir, LoadedPack), Vec<u8>);

/// Reads packs side by side, and returns them in their order.
fn load_all(found: Vec<Found>, around: &Surroundings) -> Vec<Loaded> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(found.len()).min(8);
    let count = found.len();
    let jobs: Vec<Mutex<Option<Found>>> = found.into_iter().map(|job| Mutex::new(Some(job))).collect();
    let done: Vec<Mutex<Option<Loaded>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            let job = job.lock().ok().and_then(|mut job| job.take());
            let Some(Found { directory, inventory, fingerprint }) = job else { continue };
            let loaded = load::load(&directory, inventory, around);
            if let Ok(mut place) = done[index].lock() {
                *place = Some(((directory, loaded), fingerprint));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    done.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect()
}

/// Works with the disk beside the threads that serve others.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// Registers the runners that are programs of their own; says how many. What is wrong with one is told in the log.
async fn external(
    store: &Store,
    config: &Config,
    remembered: &HashMap<String, Vec<u8>>,
    only_changed: bool,
) -> Result<usize, Error> {
    let base_dirs = external_runners::base_dirs(config);
    let (fingerprint, (found, problems)) =
        beside(move || (external_runners::fingerprint(&base_dirs), external_runners::all(&base_dirs))).await;
    for problem in &problems {
        tracing::warn!("Not registered: {problem}");
    }
    if found.is_empty() || only_changed && remembered.get(EXTERNAL) == Some(&fingerprint) {
        return Ok(0);
    }
    let runners: Vec<_> = found.into_iter().map(|found| found.runner).collect();
    let mut tx = store.begin().await?;
    store::packs::lock_registration(&mut tx).await?;
    store::runner_types::upsert(&mut tx, &runners).await?;
    store::packs::set_fingerprint(&mut tx, EXTERNAL, &fingerprint).await?;
    tx.commit().await?;
    Ok(runners.len())
}

/// Registers what the program brings; says how many.
async fn program(
    store: &Store,
    remembered: &HashMap<String, Vec<u8>>,
    only_changed: bool,
) -> Result<Report, Error> {
    let mut fingerprint = runner_types::fingerprint();
    fingerprint.extend(builtin::fingerprint());
    if only_changed && remembered.get(PROGRAM) == Some(&fingerprint) {
        return Ok(Report::default());
    }
    let runners = runner_types::all().map_err(Error::Program)?;
    let rule_types = builtin::rule_types().map_err(Error::Program)?;
    let policy_types = builtin::policy_types().map_err(Error::Program)?;
    let trigger_types = builtin::trigger_types().map_err(Error::Program)?;
    let mut tx = store.begin().await?;
    store::packs::lock_registration(&mut tx).await?;
    store::runner_types::upsert(&mut tx, &runners).await?;
    store::rules::upsert_type(&mut tx, &rule_types).await?;
    store::policies::upsert_type(&mut tx, &policy_types).await?;
    store::triggers::upsert_type(&mut tx, &trigger_types).await?;
    store::triggers::make_shadows(&mut tx, &trigger_types).await?;
    store::packs::set_fingerprint(&mut tx, PROGRAM, &fingerprint).await?;
    tx.commit().await?;
    Ok(Report {
        // As StackStorm counts: a second name comes with its runner.
        runners: runners.iter().filter(|runner| !runner_types::is_second_name(&runner.name)).count(),
        rule_types: rule_types.len(),
        policy_types: policy_types.len(),
        ..Report::default()
    })
}

async fn surroundings(store: &Store, config: &Config, scope: &Scope) -> Result<Surroundings, Error> {
    let runners = store::runner_types::all(store.pool()).await?;
    let places = Places::of(config);
    Ok(Surroundings {
        runners: runners.into_iter().map(|runner| (runner.name.clone(), runner)).collect(),
        policy_types: builtin::policy_types().map_err(Error::Program)?,
        configs_dir: places.configs_dir,
        overrides_dir: places.overrides_dir,
        kinds: scope.kinds.clone().unwrap_or_else(|| Kind::CONTENT.into_iter().collect()),
    })
}

async fn known(store: &Store, config: &Config) -> Result<Known, Error> {
    let builtin = builtin::trigger_types().map_err(Error::Program)?;
    let rule_types = builtin::rule_types().map_err(Error::Program)?;
    Ok(Known {
        trigger_types: store::triggers::parameter_schemas(store.pool()).await?,
        builtin: builtin.iter().map(crate::model::TriggerType::reference).collect(),
        check_parameters: config.system.validate_trigger_parameters,
        rule_types: rule_types.into_iter().map(|kind| kind.name).collect::<HashSet<_>>(),
        policies: store::policies::places(store.pool()).await?,
    })
}

/// Subject of the fingerprint of a pack.
pub(super) fn subject(pack: &str) -> String {
    format!("pack:{pack}")
}
