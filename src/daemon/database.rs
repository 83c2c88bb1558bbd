//! The database: the private one or the one that was named; reached, migrated, and closed in the end.

use super::postgres::{DATABASE, PrivatePostgres};
use crate::{config, service::Stop, store::MIGRATIONS};
use anyhow::{Context, bail};
use sqlx::{
    ConnectOptions, Connection, Executor as _, PgPool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{io::ErrorKind, path::Path, str::FromStr, time::Duration};
use tracing::{info, warn};

/// How long a request waits for a connection before it is told to come back. Longer than a restart of the private
/// server takes, so that most requests in between only wait.
const ACQUIRE: Duration = Duration::from_secs(3);

/// A connection unused this long is looked at before it is used: its server may have gone.
const DOUBTFUL: Duration = Duration::from_millis(500);

/// A connection unused this long is closed: an idle backend costs memory. They take turns, so it has to be short: what an
/// idle daemon asks now and then would keep all of them that were ever needed at once.
const IDLE: Duration = Duration::from_secs(2);

/// Between attempts to reach a named database at start.
const RETRY: Duration = Duration::from_millis(500);

/// The oldest server we know how to use, as `server_version_num`.
const OLDEST: i32 = 140_000;

/// The open database.
#[derive(Debug)]
pub(super) struct Database {
    pool: PgPool,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// Starts or reaches the database, and brings its schema up to date. `None`: `stop` was requested before that.
    pub(super) async fn open(
        config: &config::Database,
        data_dir: &Path,
        stop: &Stop,
    ) -> anyhow::Result<Option<Self>> {
        let (options, private) = if config.url.is_empty() {
            let Some(private) = PrivatePostgres::start(data_dir, &config.bin_dir, stop).await? else {
                return Ok(None);
            };
            (private.connect_options(), Some(private))
        } else {
            // The error would repeat the URL, and with it the password.
            let options = PgConnectOptions::from_str(&config.url)
                .map_err(|_| anyhow::anyhow!("database.url is no PostgreSQL URL"))?;
            (options, None)
        };
        let options = options.application_name("st2d");
        let prepared = tokio::select! {
            prepared = prepare(options, config, private.is_some()) => prepared.map(Some),
            () = stop.requested() => Ok(None),
        };
        match (prepared, private) {
            (Ok(Some(pool)), private) => Ok(Some(Self { pool, private })),
            (nothing, private) => {
                if let Some(private) = private {
                    private.stop().await;
                }
                nothing.map(|_| None)
            }
        }
    }

    /// Connections for everybody.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes the connections, and stops the server if it is ours.
    pub(super) async fn close(self) {
        // Waits for connections in use; a stage that hangs must not keep the server from its clean stop.
        if tokio::time::timeout(Duration::from_secs(5), self.pool.close()).await.is_err() {
            warn!("Some database connections were still in use at the end");
        }
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

async fn prepare(
    options: PgConnectOptions,
    config: &config::Database,
    private: bool,
) -> anyhow::Result<PgPool> {
    if private {
        name_the_database(&options).await?;
    } else {
        reach(&options).await?;
    }
    let pool = PgPoolOptions::new()
        .max_connections(config.pool_size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(IDLE)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                // An error is an answer too: this connection is closed and another one taken.
                Ok(meta.idle_for < DOUBTFUL || connection.ping().await.is_ok())
            })
        })
        .after_connect(|connection, _| {
            // PostgreSQL thinks that a page of executions is dear as soon as there are many, and would compile for a
            // second what runs for milliseconds.
            Box::pin(async move { connection.execute("SET jit = off").await.map(drop) })
        })
        .connect_with(options)
        .await
        .context("cannot connect to the database")?;
    migrate(&pool).await?;
    Ok(pool)
}

/// Gives the one database of a new private server our name. Renaming costs nothing, where `CREATE DATABASE` copies
/// files; and nobody else is on this server.
async fn name_the_database(options: &PgConnectOptions) -> anyhow::Result<()> {
    let missing = match options.connect().await {
        Ok(connection) => return Ok(connection.close().await?),
        Err(error) => error,
    };
    if missing.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() != Some("3D000") {
        return Err(missing).context("cannot connect to the private PostgreSQL");
    }
    let mut connection = options.clone().database("template1").connect().await?;
    sqlx::query(&format!("ALTER DATABASE postgres RENAME TO {DATABASE}"))
        .execute(&mut connection)
        .await
        .context("cannot name the database")?;
    Ok(connection.close().await?)
}

/// Waits for a database that somebody else runs; it may start at the same time as we do.
async fn reach(options: &PgConnectOptions) -> anyhow::Result<()> {
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let mut told = false;
    let mut connection = loop {
        match options.connect().await {
            Ok(connection) => break connection,
            Err(error) if may_pass(&error) => {
                if !told {
                    warn!("The database at {place} cannot be reached yet ({error}); trying until it can");
                    told = true;
                }
                crate::clock::sleep(RETRY).await;
            }
            Err(error) => {
                let remedy =
                    match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
                        Some("3D000") => "; make it with `createdb`, or name another one in database.url",
                        Some("28P01" | "28000") => "; check user, password and sslmode in database.url",
                        None => "; check sslmode and sslrootcert in database.url",
                        _ => "",
                    };
                bail!("cannot use the database at {place}: {error}{remedy}");
            }
        }
    };
    if told {
        info!("The database at {place} is there");
    }
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int4")
        .fetch_one(&mut connection)
        .await?;
    if version < OLDEST {
        bail!("the PostgreSQL at {place} is version {}; 14 or newer is needed", version / 10_000);
    }
    Ok(connection.close().await?)
}

/// Whether trying again may help.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        // A certificate that is not trusted is not trusted later either.
        sqlx::Error::Io(error) => error.kind() != ErrorKind::InvalidData,
        // Starting, stopping, or full.
        sqlx::Error::Database(inner) => {
            inner.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("53"))
        }
        _ => false,
    }
}

/// Brings the schema up to date; several daemons that start together take turns.
async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    let ours = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    match MIGRATIONS.run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(theirs)) if theirs > ours => bail!(
            "the database has the schema of a newer st2d (migration {theirs}; this one, {}, knows them up to {ours}): \
             run the newer st2d, or name another database with --database-url",
            env!("CARGO_PKG_VERSION")
        ),
        Err(MigrateError::VersionMissing(theirs)) => {
            bail!(
                "the database has a migration {theirs} that no st2d has: is it the database of another program?"
            )
        }
        Err(MigrateError::VersionMismatch(version)) => bail!(
            "migration {version} of the database is not the one of this st2d ({}): \
             it was made by a build that never became a release",
            env!("CARGO_PKG_VERSION")
        ),
        Err(error) => Err(error).context("cannot bring the database schema up to date"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[sqlx::test(migrations = false)]
    async fn nothing_is_compiled_on_a_server_that_would(pool: PgPool) {
        let options = (*pool.connect_options()).clone();
        let ours = prepare(options, &config::Database::default(), false).await.unwrap();
        let jit: String = sqlx::query_scalar("SHOW jit").fetch_one(&ours).await.unwrap();
        assert_eq!(jit, "off");
    }
}
