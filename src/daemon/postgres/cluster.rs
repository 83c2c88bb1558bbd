//! The private server's files: made once, owned by the user it runs as, closed to all others.
//!
//! PostgreSQL refuses to run as root, and the data directory is root's and 0700: its user could not even walk through
//! it. So the server is handed the opened directory and reaches its files as `/proc/self/fd/N/…`, which needs no
//! rights on the way. That also keeps the socket's path short, however long the data directory's is.

use super::binaries::Binaries;
use anyhow::{Context, bail};
use nix::unistd::{Gid, Uid, User};
use std::{
    fs::{DirBuilder, File},
    io::ErrorKind,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{
            fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::Command,
};
use tracing::{info, warn};

/// Users to run the server as when we are root, best first.
const UNPRIVILEGED: [&str; 3] = ["st2", "postgres", "nobody"];

/// The settings of the server, written at every start.
///
/// Small, because most installations are; `max_wal_size` is not, because checkpoints cost more than disk. Nothing
/// here trades safety for speed: `fsync` and `synchronous_commit` stay on. `log` as level hides the errors of single
/// statements, which their callers report themselves.
const SETTINGS: &str = "\
# Written by st2d at every start. To change a setting for good, use ALTER SYSTEM.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 40
superuser_reserved_connections = 3
shared_buffers = 32MB
huge_pages = off
dynamic_shared_memory_type = posix
jit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 1GB
min_wal_size = 80MB
wal_buffers = 4MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
maintenance_work_mem = 32MB
max_worker_processes = 2
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
max_logical_replication_workers = 0
autovacuum = on
autovacuum_max_workers = 1
cluster_name = 'st2d'
log_min_messages = log
log_checkpoints = off
log_autovacuum_min_duration = -1
log_line_prefix = '%m [%p] '
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
";

/// A directory `<data_dir>/postgres` that holds a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    /// `<data_dir>/postgres`.
    pub(super) directory: PathBuf,
    /// The same, opened: what the server and our own connections go through.
    pub(super) handle: OwnedFd,
    /// Who the server runs as; `None`: who we are.
    pub(super) user: Option<(Uid, Gid)>,
    /// Its programs.
    pub(super) binaries: Binaries,
}

impl Cluster {
    /// Opens the cluster below `data_dir`, making it if there is none yet.
    pub(super) fn open(data_dir: &Path, bin_dir: &Path) -> anyhow::Result<Self> {
        let directory = data_dir.join("postgres");
        let binaries = Binaries::find(bin_dir, version_of_data(&directory)?)?;
        let user = user_of_server(&directory)?;
        for path in [directory.clone(), directory.join("run")] {
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).with_context(|| format!("cannot make {}", path.display()));
                }
                _ => {}
            }
            if let Some((uid, gid)) = user {
                chown(&path, Some(uid.as_raw()), Some(gid.as_raw()))
                    .with_context(|| format!("cannot give {} to the user of PostgreSQL", path.display()))?;
            }
            tighten(&path)?;
        }
        let handle =
            File::open(&directory).with_context(|| format!("cannot open {}", directory.display()))?.into();
        let cluster = Self { directory, handle, user, binaries };
        if cluster.data().join("PG_VERSION").exists() {
            tighten(&cluster.data())?;
        } else {
            cluster.init()?;
        }
        Ok(cluster)
    }

    /// Where the tables are.
    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The socket's directory as this process, and the server, reach it.
    pub(super) fn socket_dir(&self) -> PathBuf {
        self.inside("run")
    }

    /// What the server prints.
    pub(super) fn log_file(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    /// A command of PostgreSQL, run as the server's user, in a session of its own: a Ctrl-C at our terminal is ours.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        // Only what it needs: `PGDATA`, `PGPORT` and their like would change what it does.
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        inherit(&mut command, self.handle.as_raw_fd());
        command
    }

    /// A path in the directory, through the handle.
    pub(super) fn inside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()))
    }

    /// Writes the settings for the next start.
    pub(super) fn write_settings(&self) -> anyhow::Result<()> {
        let path = self.directory.join("postgresql.conf");
        let socket_dir = self.socket_dir();
        let text = format!("{SETTINGS}unix_socket_directories = '{}'\n", socket_dir.display());
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        self.give(&path)
    }

    /// Makes a file of ours the server's.
    pub(super) fn give(&self, path: &Path) -> anyhow::Result<()> {
        if let Some((uid, gid)) = self.user {
            chown(path, Some(uid.as_raw()), Some(gid.as_raw()))
                .with_context(|| format!("cannot give {} to the user of PostgreSQL", path.display()))?;
        }
        Ok(())
    }

    /// Makes the cluster under another name first: a crash in between leaves nothing that looks complete.
    fn init(&self) -> anyhow::Result<()> {
        let begun = std::time::Instant::now();
        let unfinished = self.directory.join("data.new");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)
                .with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        info!("Making a database in {} (PostgreSQL {})", self.data().display(), self.binaries.major);
        let output = self
            .command("initdb")
            .arg("-D")
            .arg(self.inside("data.new"))
            // Sorting and case of identifiers never depend on the machine's language. Whoever reaches the socket
            // in its closed directory is the server's user or root, who need no password.
            .args([
                "--username=st2",
                "--encoding=UTF8",
                "--locale=C",
                "--auth=trust",
                "--no-sync",
                "--no-instructions",
            ])
            .output()
            .with_context(|| format!("cannot run {}", self.binaries.program("initdb").display()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            bail!("initdb failed ({}): {}", output.status, text.trim());
        }
        // Once for all files, where initdb would do it file by file.
        rustix::fs::syncfs(&self.handle).context("cannot write the new database to disk")?;
        std::fs::rename(&unfinished, self.data()).context("cannot put the new database in its place")?;
        rustix::fs::fsync(&self.handle).context("cannot write the new database to disk")?;
        info!("Made the database in {} ms", begun.elapsed().as_millis());
        Ok(())
    }
}

/// The major version in `PG_VERSION`, if there is a cluster.
fn version_of_data(directory: &Path) -> anyhow::Result<Option<u32>> {
    let path = directory.join("data/PG_VERSION");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let major = text.trim().parse().with_context(|| format!("{} holds {text:?}", path.display()))?;
            Ok(Some(major))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| {
            format!("cannot read {}; start st2d as the user who owns the data directory", path.display())
        }),
    }
}

/// Whoever owns the cluster; as root, for a new one, somebody without privileges.
fn user_of_server(directory: &Path) -> anyhow::Result<Option<(Uid, Gid)>> {
    let own = Uid::effective();
    let owner = std::fs::metadata(directory.join("data")).ok().map(|data| (data.uid(), data.gid()));
    if !own.is_root() {
        return match owner {
            Some((uid, _)) if uid != own.as_raw() => bail!(
                "{} belongs to user {uid}, and st2d runs as {own}: start it as the user who made it",
                directory.display()
            ),
            _ => Ok(None),
        };
    }
    if let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != 0) {
        return Ok(Some((Uid::from_raw(uid), Gid::from_raw(gid))));
    }
    for name in UNPRIVILEGED {
        if let Some(user) = User::from_name(name)?.filter(|user| !user.uid.is_root()) {
            return Ok(Some((user.uid, user.gid)));
        }
    }
    bail!(
        "PostgreSQL does not run as root, and none of the users {} exists; \
         make one:  useradd --system st2",
        UNPRIVILEGED.join(", ")
    )
}

/// PostgreSQL refuses directories that others may enter.
fn tighten(path: &Path) -> anyhow::Result<()> {
    let mode = std::fs::metadata(path)?.mode() & 0o777;
    if mode != 0o700 {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))
            .with_context(|| format!("cannot set the mode of {} to 0700", path.display()))?;
        warn!("{} had mode {mode:04o}, now it is 0700", path.display());
    }
    Ok(())
}

/// Lets the child have the handle, and a session of its own.
///
/// The handle is not inheritable in this process, where an action spawned at the same moment would get it too.
#[expect(unsafe_code, reason = "the only way to prepare a child; both calls are async-signal-safe")]
fn inherit(command: &mut Command, handle: std::os::fd::RawFd) {
    // SAFETY: between fork and exec only `fcntl` and `setsid` are called; neither allocates nor locks. The handle is
    // open then, as `Cluster` outlives the command.
    unsafe {
        command.pre_exec(move || {
            let handle = std::mem::ManuallyDrop::new(OwnedFd::from_raw_fd(handle));
            rustix::io::fcntl_setfd(&*handle, rustix::io::FdFlags::empty())?;
            rustix::process::setsid()?;
            Ok(())
        });
    }
}
