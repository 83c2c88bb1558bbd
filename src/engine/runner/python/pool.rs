//! The warm interpreters of this daemon: one for each virtualenv in use, within bounds.
//!
//! An interpreter is replaced when its virtualenv has changed, when it has forked often enough or has grown, and when
//! modules are known that it had better preload; it ends when it has not been used for a while, or when others are
//! used more. None of this is asked by a clock: it is looked at when a run ends.

use super::{
    launch::Launch,
    warm::{NotStarted, Origin, Parent},
};
use crate::{config::Config, service};
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Time after a failed start in which it is not tried again.
const REST: Duration = Duration::from_secs(60);

/// Runs that import the same further modules before an interpreter is started that has them.
const LESSONS: u32 = 3;

/// Most modules to preload.
const MODULES: usize = 64;

/// Which runs can be forked from an interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) program: PathBuf,
    pub(super) python_path: String,
}

/// How the files that an interpreter was started from looked: device, inode and change time of each.
pub(super) type Stamp = Vec<Option<(u64, u64, i64, i64)>>;

pub(super) struct Pool {
    config: Arc<Config>,
    places: Mutex<HashMap<Key, Place>>,
}

#[derive(Default)]
struct Place {
    parent: Option<Arc<Parent>>,
    is_starting: bool,
    failed: Option<Instant>,
    learned: BTreeSet<String>,
    banned: BTreeSet<String>,
    lessons: u32,
}

impl Place {
    /// Remembers what runs import, within bounds; answers how many of it may be preloaded.
    fn remember<'a>(&mut self, modules: impl IntoIterator<Item = &'a String>) -> usize {
        let fit = modules.into_iter().filter(|module| !self.banned.contains(*module));
        let fit: Vec<String> = fit.cloned().collect();
        let count = fit.len();
        let room = MODULES.saturating_sub(self.learned.len());
        self.learned.extend(fit.into_iter().take(room));
        count
    }
}

impl Pool {
    pub(super) fn new(config: &Arc<Config>) -> Arc<Self> {
        Arc::new(Self { config: config.clone(), places: Mutex::default() })
    }

    /// The interpreter for a run, if one waits.
    pub(super) fn find(&self, launch: &Launch) -> Option<Arc<Parent>> {
        let key = key_of(launch);
        let parent = self.places.lock().get(&key)?.parent.clone()?;
        if parent.is_retiring() {
            return None;
        }
        if parent.origin.stamp != stamp_of(launch) {
            tracing::debug!("{} has changed: its interpreter is replaced", key.program.display());
            self.forget(&parent);
            parent.retire();
            return None;
        }
        *parent.last_used.lock() = Instant::now();
        Some(parent)
    }

    /// Starts an interpreter for runs like this one, which has imported these modules, unless one is there or on its way.
    pub(super) fn prepare(self: &Arc<Self>, launch: &Launch, modules: &[String], node_name: &str) {
        self.places.lock().entry(key_of(launch)).or_default().remember(modules);
        self.start(launch, node_name, false);
    }

    fn start(self: &Arc<Self>, launch: &Launch, node_name: &str, replace: bool) {
        let key = key_of(launch);
        let preload = {
            let mut places = self.places.lock();
            let place = places.entry(key.clone()).or_default();
            let rests = place.failed.is_some_and(|at| at.elapsed() < REST);
            let has_one = place.parent.as_ref().is_some_and(|parent| !parent.is_retiring());
            if place.is_starting || rests || (has_one && !replace) {
                return;
            }
            place.is_starting = true;
            place.lessons = 0;
            place.learned.difference(&place.banned).cloned().collect()
        };
        let origin = Origin {
            stamp: stamp_of(launch),
            key,
            library: launch.library.clone(),
            env: launch.parent_env(),
            preload,
            idle: Duration::from_secs(self.config.actionrunner.python_warm_idle.max(1)),
        };
        let (pool, node_name) = (self.clone(), node_name.to_owned());
        service::spawn("python-start", async move { pool.bring_up(origin, &node_name).await });
    }

    async fn bring_up(self: Arc<Self>, mut origin: Origin, node_name: &str) {
        let key = origin.key.clone();
        let started = loop {
            match Parent::start(&self, origin.clone(), node_name).await {
                Err(NotStarted::Unsafe(module)) if origin.preload.remove(&module) => {
                    tracing::debug!("`{module}` cannot be preloaded: it starts threads or opens files");
                    self.places.lock().entry(key.clone()).or_default().banned.insert(module);
                }
                Err(NotStarted::Unsafe(module)) => break Err(format!("`{module}` is unsafe")),
                Err(NotStarted::Failed(why)) => break Err(why),
                Ok(parent) => break Ok(parent),
            }
        };
        let mut retired = vec![];
        {
            let mut places = self.places.lock();
            let place = places.entry(key.clone()).or_default();
            place.is_starting = false;
            match started {
                Ok(parent) => {
                    place.failed = None;
                    retired.extend(place.parent.replace(parent));
                }
                Err(why) => {
                    let program = key.program.display();
                    tracing::warn!("{program} cannot be kept warm, its actions start cold: {why}");
                    place.failed = Some(Instant::now());
                }
            }
            retired.extend(surplus(&mut places, self.config.actionrunner.python_warm_max.max(1)));
        }
        for parent in retired {
            parent.retire();
        }
    }

    /// Looks at an interpreter after a run: learns what to preload, and replaces it when it is time.
    pub(super) fn has_run(
        self: &Arc<Self>,
        parent: &Arc<Parent>,
        modules: &[String],
        launch: &Launch,
        node_name: &str,
    ) {
        let settings = &self.config.actionrunner;
        let forks = parent.forks.load(Ordering::Relaxed);
        let is_old = forks >= settings.python_warm_runs.max(1);
        // Memory moves slowly: no need to look each time.
        let is_large = forks.is_multiple_of(16) && memory_of(parent) > settings.python_warm_memory;
        if self.learn(parent, modules) || is_old || is_large {
            self.start(launch, node_name, true);
        }
    }

    /// Whether there is enough to learn for a new interpreter.
    fn learn(&self, parent: &Parent, modules: &[String]) -> bool {
        if modules.is_empty() {
            return false;
        }
        let mut places = self.places.lock();
        let Some(place) = places.get_mut(&parent.origin.key) else { return false };
        let known = &parent.origin.preload;
        if place.remember(modules.iter().filter(|module| !known.contains(*module))) == 0
            || place.learned.iter().all(|module| known.contains(module))
        {
            return false;
        }
        place.lessons += 1;
        place.lessons >= LESSONS
    }

    /// Forgets an interpreter that shall not be used any more.
    pub(super) fn forget(&self, parent: &Arc<Parent>) {
        if let Some(place) = self.places.lock().get_mut(&parent.origin.key)
            && place.parent.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, parent))
        {
            place.parent = None;
        }
    }
}

/// Takes out interpreters that are too many: those that have rested for the longest first.
fn surplus(places: &mut HashMap<Key, Place>, most: usize) -> Vec<Arc<Parent>> {
    let mut kept: Vec<(Instant, Key)> = places
        .iter()
        .filter_map(|(key, place)| Some((*place.parent.as_ref()?.last_used.lock(), key.clone())))
        .collect();
    if kept.len() <= most {
        return vec![];
    }
    kept.sort_by_key(|(used, _)| *used);
    let too_many = kept.len() - most;
    let keys = kept.into_iter().take(too_many).map(|(_, key)| key);
    keys.filter_map(|key| places.get_mut(&key)?.parent.take()).collect()
}

fn key_of(launch: &Launch) -> Key {
    Key { program: launch.program.clone(), python_path: launch.python_path.clone() }
}

fn stamp_of(launch: &Launch) -> Stamp {
    let mut paths = vec![launch.program.clone()];
    // The last one is the shared site.
    paths.extend(launch.python_path.rsplit(':').next().map(PathBuf::from));
    if let Some(virtualenv) = &launch.virtualenv {
        paths.push(virtualenv.join("pyvenv.cfg"));
        let site = launch.python_path.split(':').find(|path| path.ends_with("/site-packages"));
        paths.extend(site.map(PathBuf::from));
    }
    paths.iter().map(|path| look(path)).collect()
}

fn look(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let found = path.metadata().ok()?;
    Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

/// Bytes of memory an interpreter has to itself and shares.
fn memory_of(parent: &Parent) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/statm", parent.pid)).unwrap_or_default();
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    let page = page.ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4096);
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * page
}
