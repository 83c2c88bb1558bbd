//! Python for packs: the library that comes with the program, the shared site, and the packs' virtualenvs.
//!
//! Left out: running anything of a pack, which is the business of runners.

mod choice;
mod compile;
mod library;
pub mod site;
mod tool;
pub mod virtualenv;

pub use choice::{Python, Pythons};
pub use compile::compile;
pub use library::unpack;
pub use tool::{Error, interpreter};

use crate::config::Config;
use std::path::{Path, PathBuf};

/// Where the library that comes with the program is unpacked: the wrapper, and what packs import.
pub fn library_dir(config: &Config) -> PathBuf {
    config.data_dir.join("python")
}

/// Where the shared site lies, once it was needed: libraries of others that packs take for granted.
pub fn site_dir(config: &Config) -> PathBuf {
    config.data_dir.join("python-site")
}

/// The shared site for the interpreter that `lib/python3.x` belongs to: one of its own where it is not the usual one, for
/// what is installed for one version need not work with another.
pub fn site_dir_for(config: &Config, library: Option<&Path>) -> PathBuf {
    let usual = site_dir(config);
    let name = library.and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    match name.strip_prefix("python").map(|version| site_of(config, version)) {
        Some(own) if own.is_dir() => own,
        _ => usual,
    }
}

/// The shared site of a version like `3.9`, where that is not the usual one's.
fn site_of(config: &Config, version: &str) -> PathBuf {
    config.data_dir.join(format!("python-site-{version}"))
}

/// Where the virtualenv of a pack lies.
pub fn virtualenv_dir(config: &Config, pack: &str) -> PathBuf {
    config.virtualenvs_dir().join(pack)
}
