//! Pack management: where packs come from, how they are fetched, and how they take the place of those before them.
//!
//! A pack is named by a [`Source`], found in the [`index`] or reached by its address, [`download`]ed beside the packs
//! that are there, checked, and switched in by one rename, so that whoever looks sees the old pack or the new one.
//! Everything here can be asked to stop, and holds a lock that dies with the process.
//!
//! Left out: registering what was fetched (`content`), and the actions of the pack `packs` that call all this in
//! order (`engine::runner`).

mod dependencies;
pub mod download;
mod git;
pub mod index;
mod lock;
mod manifest;
mod net;
pub mod remove;
mod settings;
mod source;
pub mod status;

pub use dependencies::{Dependencies, dependencies};
pub use manifest::{Manifest, read_manifest};
pub use net::{Net, Proxies};
pub use settings::Settings;
pub use source::{Refused, Source};

/// Why something about a pack could not be done, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl Error {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// An error of the operating system about a path.
    fn at(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl From<git2::Error> for Error {
    fn from(error: git2::Error) -> Self {
        Self(error.message().to_owned())
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self(refused.to_string())
    }
}

/// What a long job tells while it runs, and how it hears that it should stop.
pub struct Progress<'a> {
    /// Takes one line, without its end.
    pub say: &'a (dyn Fn(String) + Sync),
    /// Whether to give up.
    pub stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Progress<'_> {
    fn say(&self, line: impl Into<String>) {
        (self.say)(line.into());
    }

    fn check(&self) -> Result<(), Error> {
        if (self.stopped)() { Err(Error::new("stopped")) } else { Ok(()) }
    }
}
