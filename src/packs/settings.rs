//! Where everything is and how the network is reached: the settings that pack management looks at.

use super::{Error, Proxies};
use crate::{
    config::Config,
    content::{self, python::Pythons},
};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What pack management needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where packs are put.
    pub packs_dir: PathBuf,
    /// All directories of packs, [`Self::packs_dir`] first.
    pub base_dirs: Vec<PathBuf>,
    /// Group that owns packs, if the system has one of this name.
    pub pack_group: String,
    /// Addresses of the index, the more important ones first.
    pub index_urls: Vec<String>,
    /// Copies of what the index said last.
    pub index_copies: PathBuf,
    /// How the network is reached.
    pub proxies: Proxies,
    /// The interpreters that packs may ask for.
    pub pythons: Pythons,
}

impl Settings {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        let base_dirs = content::base_dirs(config);
        Self {
            packs_dir: base_dirs.first().cloned().unwrap_or_default(),
            base_dirs,
            pack_group: config.content.pack_group.clone(),
            index_urls: config.content.index_url.clone(),
            index_copies: config.data_dir.join("index"),
            proxies: Proxies::of(config),
            pythons: Pythons::of(config),
        }
    }

    /// With what the configuration of the pack `packs` says of proxies, where it says anything.
    #[must_use]
    pub fn with_pack_config(mut self, values: &Map<String, Value>) -> Self {
        let text = |key: &str| values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let proxies = &mut self.proxies;
        for (key, field) in [
            ("http_proxy", &mut proxies.http),
            ("https_proxy", &mut proxies.https),
            ("no_proxy", &mut proxies.none_for),
        ] {
            if let Some(text) = text(key) {
                text.clone_into(field);
            }
        }
        if let Some(path) = text("proxy_ca_bundle_path") {
            proxies.ca_bundle = PathBuf::from(path);
        }
        self
    }

    /// Where packs are prepared: beside the others, on the same file system, so that a rename moves them in.
    pub(super) fn workshop(&self) -> Result<PathBuf, Error> {
        let path = self.packs_dir.join(".download");
        std::fs::create_dir_all(&path).map_err(|error| Error::at(&path, &error))?;
        Ok(path)
    }

    /// Where the pack that was replaced last is kept, so that an installation that fails can bring it back.
    pub(super) fn previous(&self, reference: &str) -> PathBuf {
        self.packs_dir.join(".download").join(format!("{reference}.previous"))
    }

    /// The directory of an installed pack.
    pub(super) fn installed(&self, reference: &str) -> Option<PathBuf> {
        content::PackDir::find(&self.base_dirs, reference)
            .map(|pack| pack.path)
            .filter(|path: &PathBuf| path.join("pack.yaml").is_file())
    }

    /// Whether a directory is one of ours.
    pub(super) fn is_packs_dir(&self, path: &Path) -> bool {
        self.base_dirs.iter().any(|base| base == path)
    }
}
