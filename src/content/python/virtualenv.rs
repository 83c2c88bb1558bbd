//! Virtualenvs of packs: made beside the old one, and put in its place in one step.
//!
//! A virtualenv cannot be moved, as its scripts name it by path. So `<virtualenvs>/<pack>` is a link to the directory
//! it was made in, and a new one is taken into use by changing the link. Actions that run keep what they began with
//! until they end; what is left of an interrupted try is removed by the next one.

use super::{
    choice::Pythons,
    compile::compile_pack,
    library::remove,
    library_dir, site, site_dir_for, site_of,
    tool::{self, Error, Printed},
    virtualenv_dir,
};
use crate::{config::Config, content::pack, model::PythonRange};
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// What every virtualenv has.
const BASE_REQUIREMENT: &str = "six>=1.9.0,<2.0";

/// Adds what all packs may import; the name makes it the last one.
const PATH_FILE: &str = "zzzzzzzzzz__st2__.pth";

/// Ending of the lock of a pack's virtualenv.
const LOCK: &str = ".lock";

/// The variable that names a file of certificates to trust, as StackStorm calls it.
const CA_BUNDLE: &str = "proxy_ca_bundle_path";

/// Where progress is told, a line at a time.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A pack that is to have a virtualenv.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its reference.
    pub pack: &'a str,
    /// Where its files lie, `requirements.txt` among them; need not be where it will be installed.
    pub directory: &'a Path,
    /// `python_versions` of its `pack.yaml`; empty: any.
    pub python_versions: &'a [String],
    /// The version it asks for; `None`: any.
    pub requires_python: Option<&'a PythonRange>,
    /// Variables for the programs that make it, proxies among them, over those of this process.
    pub env: &'a [(String, String)],
}

/// A virtualenv that is ready and not in use yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Prepared {
    /// Where it was made.
    directory: PathBuf,
    /// Where packs look for theirs.
    link: PathBuf,
    is_used: bool,
    /// Held until it is in use or given up: two at once would remove each other's work.
    _lock: Flock<File>,
}

/// Makes the virtualenv of a pack anew and takes it into use; the old one serves until then, and still does when this
/// fails.
///
/// # Errors
/// Python or pip could not do it; the text has what they said, and the line of `requirements.txt` to blame.
pub async fn make(config: &Config, wanted: Wanted<'_>, tell: Tell<'_>) -> Result<(), Error> {
    let prepared = prepare(config, wanted, tell).await?;
    let path = prepared.link.clone();
    compile_pack(&prepared.directory.join("bin/python"), wanted.directory).await;
    prepared.take_into_use().map_err(|source| Error::Io { path, source })
}

/// Makes a virtualenv for a pack, to be taken into use later: together with the files of the pack.
///
/// # Errors
/// As [`make`].
pub async fn prepare(config: &Config, wanted: Wanted<'_>, tell: Tell<'_>) -> Result<Prepared, Error> {
    let pack = wanted.pack;
    if !pack::is_reference(pack) {
        return Err(Error::PackName(pack.to_owned()));
    }
    let (python, is_usual) = interpreter_for(config, &wanted).await?;
    let prepared = Prepared::begin(config, pack).await?;
    let path = prepared.directory.as_path();
    tell(&format!("Creating virtualenv for pack \"{pack}\" in {}", virtualenv_dir(config, pack).display()));
    let mut arguments = vec!["-m".to_owned(), "venv".to_owned(), "--without-pip".to_owned()];
    arguments.extend(config.actionrunner.virtualenv_opts.iter().cloned());
    arguments.push(path.display().to_string());
    let created = tool::run(&python, &arguments, wanted.env, tell).await.unwrap_or_else(|error| Printed {
        stderr: format!("{}: {error}", python.display()),
        ..Printed::default()
    });
    let site = site_packages(path);
    let Some(site) = site.filter(|_| created.ok) else {
        let Printed { stdout, stderr, .. } = created;
        return Err(Error::Create { path: path.to_owned(), stdout, stderr });
    };
    check_version(&wanted, &site)?;
    if !is_usual && let Some(version) = version_of(&site) {
        let path = site_of(config, &version);
        site::promise(&path).map_err(|source| Error::Io { path, source })?;
    }
    let shared = site_dir_for(config, site.parent());
    let lines = format!("{}\n{}\n", library_dir(config).display(), shared.display());
    let path_file = site.join(PATH_FILE);
    fs::write(&path_file, lines).map_err(|source| Error::Io { path: path_file, source })?;
    install(config, &python, path, &wanted, tell).await?;
    Ok(prepared)
}

/// The interpreter to make it from, and whether it is the usual one, or has its version.
async fn interpreter_for(config: &Config, wanted: &Wanted<'_>) -> Result<(PathBuf, bool), Error> {
    let pythons = Pythons::of(config);
    let usual = pythons.usual()?;
    let Some(asked) = wanted.requires_python.cloned() else { return Ok((usual, true)) };
    let pack = wanted.pack.to_owned();
    let choosing = move || {
        let usual = pythons.for_pack(&pack, &PythonRange::any())?;
        let chosen = pythons.for_pack(&pack, &asked)?;
        let is_usual = chosen.version[..2] == usual.version[..2];
        Ok((chosen.program, is_usual))
    };
    let chosen = tokio::task::spawn_blocking(choosing).await;
    chosen.map_err(|panic| Error::Io { path: usual, source: io::Error::other(panic) })?
}

/// `3.x` of `lib/python3.x/site-packages`.
fn version_of(site: &Path) -> Option<String> {
    let library = site.parent()?.file_name()?.to_string_lossy();
    library.strip_prefix("python").map(str::to_owned)
}

async fn install(
    config: &Config,
    python: &Path,
    path: &Path,
    wanted: &Wanted<'_>,
    tell: Tell<'_>,
) -> Result<(), Error> {
    let file = wanted.directory.join("requirements.txt");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(Error::Io { path: file, source }),
    };
    let is_requirement = |line: &str| !(line.trim().is_empty() || line.trim_start().starts_with('#'));
    if !text.lines().any(is_requirement) {
        // Without requirements of its own a pack takes `six` from the shared site: no network is needed.
        tell("The pack has no requirements.");
        return Ok(());
    }
    let installer = Installer::find(python, path, tell).await?;
    tell(&format!("Installing base requirement {BASE_REQUIREMENT}"));
    let base = installer.run(config, wanted, &[BASE_REQUIREMENT.to_owned()], tell).await;
    if !base.ok {
        tell(&format!("Failed to install requirement \"{BASE_REQUIREMENT}\": {}", base.stdout));
    }
    tell(&format!("Installing requirements from {}", file.display()));
    let arguments = ["-U".to_owned(), "-r".to_owned(), file.display().to_string()];
    let Printed { ok, stdout, stderr } = installer.run(config, wanted, &arguments, tell).await;
    if ok {
        return Ok(());
    }
    let failing = failing_line(&file, &text, &format!("{stderr}\n{stdout}"));
    Err(Error::Requirements { file, stdout, stderr, failing })
}

/// What installs packages.
struct Installer {
    program: PathBuf,
    before: Vec<String>,
    is_uv: bool,
}

impl Installer {
    /// uv where it is there, else the pip of the virtualenv, which is put there first.
    async fn find(python: &Path, path: &Path, tell: Tell<'_>) -> Result<Self, Error> {
        let own = path.join("bin/python");
        if let Some(uv) = tool::find("uv") {
            let before = ["pip", "install", "--python"].map(str::to_owned);
            let before = before.into_iter().chain([own.display().to_string()]).collect();
            return Ok(Self { program: uv, before, is_uv: true });
        }
        tell("Installing pip into the virtualenv");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let quiet = |_: &str| {};
        let ensure = words(&["-m", "ensurepip", "--upgrade", "--default-pip"]);
        let ensured = tool::run(&own, &ensure, &[], &quiet).await;
        if ensured.as_ref().is_ok_and(|printed| printed.ok) {
            return Ok(Self { program: own, before: words(&["-m", "pip", "install"]), is_uv: false });
        }
        // Debian keeps ensurepip in a package of its own; the pip of the system can install for others.
        let probe = tool::run(python, &words(&["-m", "pip", "--version"]), &[], &quiet).await;
        if probe.is_ok_and(|printed| printed.ok) {
            let mut before = words(&["-m", "pip", "--python"]);
            before.extend([own.display().to_string(), "install".to_owned()]);
            return Ok(Self { program: python.to_owned(), before, is_uv: false });
        }
        let ensured = ensured.unwrap_or_default();
        Err(Error::Create {
            path: path.to_owned(),
            stdout: ensured.stdout,
            stderr: format!("There is no pip: apt install python3-venv\n{}", ensured.stderr),
        })
    }

    async fn run(&self, config: &Config, wanted: &Wanted<'_>, what: &[String], tell: Tell<'_>) -> Printed {
        let mut arguments = self.before.clone();
        let mut env = wanted.env.to_vec();
        let mut set = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
        let bundle =
            wanted.env.iter().rev().find(|(name, _)| name == CA_BUNDLE).map(|(_, path)| path.clone());
        let bundle = bundle.or_else(|| std::env::var(CA_BUNDLE).ok()).filter(|path| !path.is_empty());
        if let Some(bundle) = bundle {
            // The proxies themselves both programs find in the environment.
            if self.is_uv {
                set("SSL_CERT_FILE", &bundle);
            } else {
                // This variable would have more weight than the argument.
                set("REQUESTS_CA_BUNDLE", &bundle);
                arguments.extend(["--cert".to_owned(), bundle]);
            }
        }
        if !self.is_uv {
            // Bars of progress are for terminals.
            set("PIP_PROGRESS_BAR", "off");
            set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        }
        arguments.extend(config.actionrunner.pip_opts.iter().cloned());
        arguments.extend(what.iter().cloned());
        tool::run(&self.program, &arguments, &env, tell).await.unwrap_or_else(|error| Printed {
            stderr: format!("{}: {error}", self.program.display()),
            ..Printed::default()
        })
    }
}

/// The line of a requirements file that a failed installation complains of.
fn failing_line(file: &Path, text: &str, complaint: &str) -> Option<String> {
    let faults: Vec<&str> = complaint
        .lines()
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            ["error", "×", "╰", "because", "invalid", "no matching", "could not"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let blames = |word: &str| !word.is_empty() && faults.iter().any(|fault| fault.contains(word));
    let file_name = file.file_name().unwrap_or_default().to_string_lossy();
    let (number, line) = lines.find(|(number, line)| {
        let requirement = line.split([';', '#']).next().unwrap_or(line).trim();
        let name = requirement.split(['=', '<', '>', '!', '~', '[', ' ', '@']).next().unwrap_or(requirement);
        blames(requirement)
            || blames(&format!("(from line {number} of"))
            || blames(&format!("{file_name}:{number}:"))
            // Directories are told by their whole path.
            || blames(name.trim_start_matches("./"))
    })?;
    Some(format!("{}:{number}: {line}", file.display()))
}

/// Our wrapper needs Python 3, so a pack that wants 2 alone cannot run.
fn check_version(wanted: &Wanted<'_>, site: &Path) -> Result<(), Error> {
    if wanted.python_versions.is_empty() || wanted.python_versions.iter().any(|version| version == "3") {
        return Ok(());
    }
    let found = site.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    Err(Error::PythonVersion {
        pack: wanted.pack.to_owned(),
        wanted: wanted.python_versions.join(", "),
        found: found.trim_start_matches("python").to_owned(),
    })
}

/// `lib/python3.x` of a virtualenv.
pub fn library_of(virtualenv: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(virtualenv.join("lib"))
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3")))
        .collect();
    found.sort();
    found.pop()
}

/// `lib/python3.x/site-packages` of a virtualenv.
fn site_packages(virtualenv: &Path) -> Option<PathBuf> {
    library_of(virtualenv).map(|library| library.join("site-packages"))
}

impl Prepared {
    /// Finds a place, and removes what earlier tries left.
    async fn begin(config: &Config, pack: &str) -> Result<Self, Error> {
        let link = virtualenv_dir(config, pack);
        let base = config.virtualenvs_dir();
        let path = base.join(format!(".{pack}{LOCK}"));
        let locking = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
                .and_then(|()| File::create(&path))
                .and_then(|file| {
                    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
                })
                .map_err(|source| Error::Io { path, source })
        });
        let lock = locking
            .await
            .map_err(|panic| Error::Io { path: base.clone(), source: io::Error::other(panic) })??;
        let name = format!(".{pack}.{}", uuid::Uuid::new_v4().simple());
        Ok(Self { directory: base.join(name), link, is_used: false, _lock: lock })
    }

    /// Puts it in the place of the old one, which is removed.
    pub fn take_into_use(mut self) -> io::Result<()> {
        let name = self.directory.file_name().unwrap_or_default().to_owned();
        let draft = self.directory.with_extension("link");
        std::os::unix::fs::symlink(&name, &draft)?;
        let old = fs::read_link(&self.link).ok().map(|old| self.link.with_file_name(old));
        if old.is_none() && self.link.exists() {
            // One that somebody made by hand. It is moved aside first: a link cannot replace a directory.
            let aside = self.directory.with_extension("replaced");
            fs::rename(&self.link, &aside)?;
            fs::rename(&draft, &self.link)?;
            self.is_used = true;
            return self.sweep(&aside);
        }
        fs::rename(&draft, &self.link)?;
        self.is_used = true;
        self.sweep(&old.unwrap_or_default())
    }

    /// Removes what nobody refers to, but for `old`: running actions may still import from it. That one goes when the
    /// next is made, or when the daemon starts.
    fn sweep(&self, old: &Path) -> io::Result<()> {
        let pack = self.link.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{pack}.");
        for entry in fs::read_dir(self.link.parent().unwrap_or(Path::new(".")))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(&prefix) && !name.ends_with(LOCK) && path != self.directory && path != old {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Removes what no pack refers to any more: old ones, and what was left by tries that were killed. For the start of
/// the daemon, when nothing runs.
///
/// # Errors
/// The directory cannot be read, or something in it cannot be removed.
pub fn tidy(config: &Config) -> io::Result<()> {
    let base = config.virtualenvs_dir();
    let entries = match fs::read_dir(&base) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let used: Vec<PathBuf> = names.iter().filter_map(|name| fs::read_link(base.join(name)).ok()).collect();
    // Ours alone: `.<pack>.<32 digits>`, perhaps with an ending.
    let is_ours = |name: &str| {
        let mut parts = name.split('.');
        parts.next() == Some("")
            && parts.next().is_some_and(pack::is_reference)
            && parts
                .next()
                .is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    for name in names.iter().filter(|name| is_ours(name) && !used.iter().any(|used| used == Path::new(name)))
    {
        remove(&base.join(name))?;
    }
    Ok(())
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_used
            && let Err(error) = remove(&self.directory)
        {
            tracing::warn!("Cannot remove {}: {error}", self.directory.display());
        }
    }
}

/// Removes the virtualenv of a pack. One that is not there is fine.
///
/// # Errors
/// Files could not be removed.
pub fn remove_of(config: &Config, pack: &str) -> io::Result<()> {
    if !pack::is_reference(pack) {
        return Ok(());
    }
    let link = virtualenv_dir(config, pack);
    let made = fs::read_link(&link).ok().map(|name| link.with_file_name(name));
    remove(&link)?;
    made.map_or(Ok(()), |made| remove(&made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_blame_is_found() {
        let file = Path::new("/p/requirements.txt");
        let text = "# what it needs\nrequests>=2\n\nno-such-thing-at-all==1.0 # really\n";
        let complaint = "Collecting requests>=2\n\
            ERROR: Could not find a version that satisfies the requirement no-such-thing-at-all==1.0 (from versions: none)";
        assert_eq!(
            failing_line(file, text, complaint).as_deref(),
            Some("/p/requirements.txt:4: no-such-thing-at-all==1.0 # really")
        );
        assert_eq!(failing_line(file, text, "ERROR: disk full"), None);
        let line = Some("/p/requirements.txt:4: no-such-thing-at-all==1.0 # really");
        for complaint in [
            "error: No solution found\n  cause: Because no-such-thing-at-all was not found in the package registry",
            "error: Unexpected '=', expected '-c' or the start of a requirement: requirements.txt:4:1",
        ] {
            assert_eq!(failing_line(file, text, complaint).as_deref(), line, "{complaint}");
        }
        let complaint = "error: Distribution not found at: file:///p/here";
        assert_eq!(
            failing_line(file, "six\n./here\n", complaint).as_deref(),
            Some("/p/requirements.txt:2: ./here")
        );
    }
}
