//! Finding the programs of PostgreSQL.

use anyhow::{Context, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest version we run on.
const OLDEST: u32 = 14;

/// Where distributions put the programs that are not meant for `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// `initdb` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The directory of both.
    pub(super) directory: PathBuf,
    /// Their major version.
    pub(super) major: u32,
}

impl Binaries {
    /// Looks in `configured` alone if it is set, else in the usual places, newest first. `wanted` is the version of
    /// the data that is there already: another one cannot read it.
    pub(super) fn find(configured: &Path, wanted: Option<u32>) -> anyhow::Result<Self> {
        if !configured.as_os_str().is_empty() {
            let found = Self::in_directory(configured)
                .with_context(|| format!("database.bin_dir is {}", configured.display()))?;
            return found.suit(wanted);
        }
        let mut too_old = None;
        let mut other = None;
        for directory in usual_places() {
            let Ok(found) = Self::in_directory(&directory) else { continue };
            if found.major < OLDEST {
                too_old = too_old.or(Some(found));
            } else if wanted.is_none_or(|wanted| wanted == found.major) {
                return Ok(found);
            } else {
                other = other.or(Some(found));
            }
        }
        match other.or(too_old) {
            Some(found) => found.suit(wanted),
            None => bail!(
                "PostgreSQL is not installed here, and st2d runs its own server when database.url is not set.\n\
                 Install it:  sudo apt-get install postgresql\n\
                 or set database.bin_dir to the directory of `initdb` and `postgres`,\n\
                 or database.url (--database-url) to a PostgreSQL server that runs already"
            ),
        }
    }

    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn in_directory(directory: &Path) -> anyhow::Result<Self> {
        for name in ["initdb", "postgres"] {
            if !directory.join(name).is_file() {
                bail!("there is no `{name}` in {}", directory.display());
            }
        }
        // What lies in `PATH` is often only a link into the directory of a distribution.
        let server = directory.join("postgres").canonicalize()?;
        let directory = server.parent().unwrap_or(directory);
        // The directory of a distribution says its version: that spares a process at every start.
        let major = match directory
            .strip_prefix(DEBIAN)
            .ok()
            .and_then(|rest| rest.iter().next()?.to_str()?.parse().ok())
        {
            Some(major) => major,
            None => ask_version(&server)?,
        };
        Ok(Self { directory: directory.to_owned(), major })
    }

    fn suit(self, wanted: Option<u32>) -> anyhow::Result<Self> {
        if self.major < OLDEST {
            bail!(
                "PostgreSQL {} in {} is too old: {OLDEST} or newer is needed",
                self.major,
                self.directory.display()
            );
        }
        match wanted {
            Some(wanted) if wanted != self.major => bail!(
                "the database was made by PostgreSQL {wanted}, but only {} is installed (in {}).\n\
                 Install the old one beside it:  sudo apt-get install postgresql-{wanted}\n\
                 or move the data with pg_upgrade",
                self.major,
                self.directory.display()
            ),
            _ => Ok(self),
        }
    }
}

/// `PATH`, the distribution's directories from the newest, and what `pg_config` says.
fn usual_places() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect();
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    in_path
        .into_iter()
        .chain(versions.into_iter().map(|(_, directory)| directory))
        // Asked last, and only when nothing else was found: it costs a process.
        .chain(std::iter::once_with(pg_config).flatten())
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// `postgres (PostgreSQL) 15.8 (Debian 15.8-1)` → 15.
fn ask_version(postgres: &Path) -> anyhow::Result<u32> {
    let output = Command::new(postgres)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot run {}", postgres.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    version_of(&text).with_context(|| format!("{} --version says {text:?}", postgres.display()))
}

fn version_of(text: &str) -> Option<u32> {
    let version = text.split_once(')')?.1.trim_start();
    version[..version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_all_their_forms() {
        assert_eq!(version_of("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)"), Some(15));
        assert_eq!(version_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(version_of("no postgres"), None);
    }

    #[test]
    fn a_missing_server_is_explained_with_its_remedy() {
        let empty = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Binaries::find(empty.path(), None).unwrap_err());
        assert!(error.contains("database.bin_dir") && error.contains("no `initdb`"), "{error}");
    }

    #[test]
    fn data_of_another_version_is_not_touched() {
        let found = Binaries { directory: "/opt/pg/bin".into(), major: 15 };
        let error = found.clone().suit(Some(14)).unwrap_err().to_string();
        assert!(error.contains("postgresql-14"), "{error}");
        assert_eq!(found.clone().suit(Some(15)).unwrap(), found);
    }
}
