//! Packs on disk become rows.

mod metadata;
mod register;

use crate::support::postgres::TestDatabase;
use sqlx::PgPool;
use st2d::{
    bus::Bus,
    config::Config,
    content::{self, Report, Scope},
    store::Store,
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A store, and a directory of packs to fill.
pub(super) struct Content {
    // Before the database, which cannot be dropped under it.
    pub(super) store: Store,
    pub(super) config: Config,
    pub(super) directory: TempDir,
    _database: TestDatabase,
}

impl Content {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new();
        let pool = PgPool::connect(&database.url()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = Config { data_dir: directory.path().to_owned(), ..Config::default() };
        Self { store: Store::new(pool, Bus::default()), config, directory, _database: database }
    }

    /// Writes a file of a pack.
    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join("packs").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a manifest that is good.
    pub(super) fn pack(&self, name: &str) {
        let manifest = format!("name: {name}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n");
        self.write(&format!("{name}/pack.yaml"), manifest);
    }

    /// Registers what changed.
    pub(super) async fn start(&self) -> Report {
        content::register_all(&self.store, &self.config).await.unwrap()
    }

    /// Registers one pack in full.
    pub(super) async fn register(&self, pack: &str) -> Report {
        let scope = Scope { packs: Some(vec![pack.to_owned()]), only_changed: false };
        content::register(&self.store, &self.config, &scope).await.unwrap()
    }
}
