//! One PostgreSQL for all tests of a run, and a database of its own for each: cloned from a migrated template.
//!
//! The server starts with the first test that needs it and ends with this process, however that ends: it stops when
//! the pipe it waits on closes. `fsync` is off; tests of durability use a daemon with its private server.

use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use std::{
    fs::Permissions,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// Starts the server; when its input ends, stops it and removes its files.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off >"$2/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$2"
"#;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database for one test, dropped with it.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// A database with our schema.
    pub(crate) fn new() -> Self {
        Self::cloned_from("template_st2")
    }

    /// A database without anything.
    pub(crate) fn empty() -> Self {
        Self::cloned_from("template1")
    }

    fn cloned_from(template: &str) -> Self {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        SERVER.run(format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { name }
    }

    /// The name of the server's socket.
    pub(crate) const SOCKET: &str = ".s.PGSQL.5432";

    /// Its URL, as `--database-url` takes it.
    pub(crate) fn url(&self) -> String {
        self.url_at(Self::directory())
    }

    /// Its URL where the server's socket lies in another directory.
    pub(crate) fn url_at(&self, directory: &Path) -> String {
        format!("postgres://st2@localhost/{}?host={}", self.name, directory.display())
    }

    /// Where the server's socket lies.
    pub(crate) fn directory() -> &'static Path {
        &SERVER.directory
    }

    /// Executions that a node holds; none once all daemons on it have stopped. Not those that are made of others: they
    /// rest where they are, and go on after the next start.
    pub(crate) fn held_executions(&self) -> i64 {
        let url = self.url();
        // Asked from `Drop`, where there may or may not be a runtime.
        let counting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let sql = "SELECT count(*) FROM executions WHERE node_id IS NOT NULL AND ended_at IS NULL \
                    AND status <> 'pending' AND runner NOT IN ('orquesta', 'action-chain')";
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            })
        });
        counting.join().unwrap()
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        SERVER.run(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// The server, and a thread that talks to it: tests have runtimes of their own, and `Drop` has none.
struct Server {
    directory: PathBuf,
    orders: Mutex<mpsc::Sender<(String, mpsc::Sender<()>)>>,
    /// Holds the pipe that keeps it alive.
    _keeper: Child,
}

impl Server {
    fn start() -> Self {
        let bin = binaries();
        let directory = tempfile::Builder::new().prefix("st2-test-postgres-").tempdir().unwrap().keep();
        std::fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid)).unwrap();
        }
        let as_server = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir("/");
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let output = as_server(&bin.join("initdb"))
            .arg("-D")
            .arg(directory.join("data"))
            .args(["--username=st2", "--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync"])
            .output()
            .unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let keeper = as_server(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&bin)
            .arg(&directory)
            // A Ctrl-C at the terminal must not reach it before the tests have ended.
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, inbox) = mpsc::channel();
        let options =
            PgConnectOptions::new_without_pgpass().socket(&directory).username("st2").database("postgres");
        std::thread::spawn(move || serve(options, inbox));
        let server = Self { directory, orders: Mutex::new(orders), _keeper: keeper };
        server.run("CREATE DATABASE template_st2".to_owned());
        server.run(MIGRATE.to_owned());
        server
    }

    /// Runs one statement, and waits for it.
    fn run(&self, sql: String) {
        let (done, wait) = mpsc::channel();
        self.orders.lock().unwrap().send((sql, done)).unwrap();
        wait.recv().expect("the test PostgreSQL refused a statement; see above");
    }
}

/// Stands for the migrations among the statements.
const MIGRATE: &str = "-- migrate";

fn serve(options: PgConnectOptions, inbox: mpsc::Receiver<(String, mpsc::Sender<()>)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = connect_patiently(&options).await;
        while let Ok((sql, done)) = inbox.recv() {
            if sql == MIGRATE {
                let options = options.clone().database("template_st2");
                let mut template = PgConnection::connect_with(&options).await.unwrap();
                st2d::store::MIGRATIONS.run(&mut template).await.unwrap();
                template.close().await.unwrap();
            } else if let Err(error) = connection.execute(sql.as_str()).await {
                eprintln!("{sql}: {error}");
                continue;
            }
            let _ = done.send(());
        }
    });
}

async fn connect_patiently(options: &PgConnectOptions) -> PgConnection {
    let begun = Instant::now();
    loop {
        match PgConnection::connect_with(options).await {
            Ok(connection) => return connection,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "test PostgreSQL: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The directory of `initdb` and `postgres`: of `PATH`, else the newest installed.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = glob::glob("/usr/lib/postgresql/*/bin").unwrap().filter_map(Result::ok);
    let mut installed: Vec<PathBuf> = installed.collect();
    installed.sort();
    std::env::split_paths(&path)
        .chain(installed.into_iter().rev())
        .find(|directory| directory.join("initdb").is_file())
        .expect("PostgreSQL is not installed: sudo apt-get install postgresql")
}

/// Whom the server runs as when we are root, whom it refuses.
fn unprivileged() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"].iter().find_map(|name| nix::unistd::User::from_name(name).ok()?);
    let user = user.expect("a user `postgres` or `nobody` for the test PostgreSQL");
    Some((user.uid.as_raw(), user.gid.as_raw()))
}
