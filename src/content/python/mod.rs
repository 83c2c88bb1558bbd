//! Python for packs: the library that comes with the program, the shared site, and the packs' virtualenvs.
//!
//! Left out: running anything of a pack, which is the business of runners.

mod compile;
mod library;
pub mod site;
mod tool;
pub mod virtualenv;

pub use compile::compile;
pub use library::unpack;
pub use tool::{Error, interpreter};

use crate::config::Config;
use std::path::PathBuf;

/// Where the library that comes with the program is unpacked: the wrapper, and what packs import.
pub fn library_dir(config: &Config) -> PathBuf {
    config.data_dir.join("python")
}

/// Where the shared site lies, once it was needed: libraries of others that packs take for granted.
pub fn site_dir(config: &Config) -> PathBuf {
    config.data_dir.join("python-site")
}

/// Where the virtualenv of a pack lies.
pub fn virtualenv_dir(config: &Config, pack: &str) -> PathBuf {
    config.virtualenvs_dir().join(pack)
}
